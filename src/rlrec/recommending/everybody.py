"""Recommendations for all users of a data set, as a table."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from pathlib import Path

from rlrec.recommending.recommender import Recommender
from rlrec.recommending.twins import Mask
from rlrec.storage.files import write_atomically

TABLES_WRITTEN = (".csv", ".parquet")
"""Kinds of tables, by the ends of their names."""


def write_all(
    recommender: Recommender, path: Path, k: int, only: Mask | None = None, names: Mapping[int, str] | None = None
) -> None:
    """Writes a row a movie: `user_id`, `rank`, `movie_id`, `title`, `score` and `probability`; users by their ids.

    Users to whom fewer than k movies are left get these.

    Args:
        recommender: with tables, so that real ratings are known.
        path: to write, whole or not at all; see `TABLES_WRITTEN`.
        k: movies a user.
        only: see `Recommender.recommend`.
        names: what users are called in the data set, by their numbers, where these are not their ids.

    Raises:
        RequestError: nothing is left to recommend to a user.
        DataError: the ratings cannot be read.
        WriteError: the file cannot be written.
    """
    import pandas as pd
    from rich.console import Console
    from rich.progress import track

    everybody = track(
        recommender.for_everybody(k, only=only),
        "recommending to all users",
        recommender.n_users,
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )
    rows = [
        (
            (names or {}).get(found.user_id or 0, found.user_id),
            movie.rank,
            movie.movie_id,
            movie.title,
            movie.score,
            movie.probability,
        )
        for found in everybody
        for movie in found.movies
    ]
    table = pd.DataFrame(rows, columns=["user_id", "rank", "movie_id", "title", "score", "probability"])
    buffer = io.BytesIO()
    if path.suffix == ".csv":
        table.to_csv(buffer, index=False)
    else:
        table.to_parquet(buffer, index=False)
    write_atomically(path, buffer.getvalue())
