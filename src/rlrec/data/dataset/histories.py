"""Reads who rated what, without pandas: for programs that must start quickly."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rlrec.data.dataset.order import time_order
from rlrec.errors import DataError, WorldError
from rlrec.settings.explain import printable


class History(NamedTuple):
    """What one person rated, in order.

    Attributes:
        movies: `(n,)` int64, as numbered in the world.
        stars: `(n,)` float32.
    """

    movies: NDArray[np.int64]
    stars: NDArray[np.float32]


def read_histories(path: Path, user_ids: NDArray[np.int64], movie_ids: NDArray[np.int64]) -> list[History]:
    """The ratings of every user by time; see `rlrec.data.dataset.order`.

    Args:
        path: the table of ratings, `ratings.parquet`.
        user_ids: `(U,)` original ids of a world's users, to check that the table is of this world.
        movie_ids: `(N,)` those of its movies.

    Returns:
        One for each of the U users, empty for one without ratings.

    Raises:
        DataError: the file is missing or broken.
        WorldError: it has other users or movies than the world.
    """
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    names = ("user", "movie", "original_user", "original_movie", "rating", "timestamp")
    try:
        table = pq.ParquetFile(path).read(list(names))
        # Both `pq.read_table` and `to_numpy` would import pandas.
        columns: Iterator[NDArray[Any]] = (np.from_dlpack(table[name].combine_chunks()) for name in names)
        user, movie, original_user, original_movie, stars, time = columns
    except (pa.ArrowException, OSError, KeyError) as error:
        raise DataError(f"{path} is not a readable table of ratings: {printable(str(error))}") from error
    for what, number, original, ids in (
        ("users", user, original_user, user_ids),
        ("movies", movie, original_movie, movie_ids),
    ):
        inside = (number >= 0) & (number < len(ids))
        if not inside.all() or not np.array_equal(ids[number], original):
            raise WorldError(f"{path} has other {what} than the world: it was fitted to other ratings")
    order = time_order(user, time, original_user, original_movie)
    ends = np.searchsorted(user[order], np.arange(1, len(user_ids)))
    movies, values = movie[order].astype(np.int64), stars[order].astype(np.float32)
    return [History(*parts) for parts in zip(np.split(movies, ends), np.split(values, ends), strict=True)]
