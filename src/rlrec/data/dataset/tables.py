"""The three canonical tables that every MovieLens layout is parsed into, and the arrays that the world is made of.

`ratings`, `users` and `movies` are pandas frames with typed columns. Users and movies are numbered from 0 without gaps,
in the order of their original ids, which are kept; a rating of a user or movie that its table lacks carries -1.
"""

import io
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from rlrec.data.dataset.genres import GENRES
from rlrec.errors import DataError
from rlrec.settings.explain import printable
from rlrec.storage.files import write_atomically

GENRE_SEPARATOR = "|"

LARGEST_TABLE = 10**8
"""Rows of a table; ml-latest has a third of that in ratings."""

LARGEST_RATING = 5.0
"""Stars."""
LARGEST_AGE = 56
LARGEST_OCCUPATION = 20
LARGEST_ZIP = 99_999
"""Largest values that ml-1m's coding allows; demographics are scaled by them, or by a table's own maximum above."""


class Columns:
    """Column names of the three tables."""

    USER = "user"
    MOVIE = "movie"
    ORIGINAL_USER = "original_user"
    ORIGINAL_MOVIE = "original_movie"
    RATING = "rating"
    TIMESTAMP = "timestamp"
    ORIGINAL_ID = "original_id"
    SEX = "sex"
    AGE = "age"
    OCCUPATION = "occupation"
    ZIP = "zip"
    TITLE = "title"
    YEAR = "year"
    GENRES = "genres"
    VIOLENCE = "violence"


SCHEMAS: dict[str, dict[str, str]] = {
    "ratings": {
        Columns.USER: "int32",
        Columns.MOVIE: "int32",
        Columns.ORIGINAL_USER: "int64",
        Columns.ORIGINAL_MOVIE: "int64",
        Columns.RATING: "float32",
        Columns.TIMESTAMP: "int64",
    },
    "users": {
        Columns.USER: "int32",
        Columns.ORIGINAL_ID: "int64",
        Columns.SEX: "string",
        Columns.AGE: "Int16",
        Columns.OCCUPATION: "Int16",
        Columns.ZIP: "string",
    },
    "movies": {
        Columns.MOVIE: "int32",
        Columns.ORIGINAL_ID: "int64",
        Columns.TITLE: "string",
        Columns.YEAR: "Int16",
        Columns.GENRES: "string",
        Columns.VIOLENCE: "float32",
    },
}
"""Columns of each table in their order, with pandas dtypes.

`timestamp` is in seconds since 1970, UTC; `violence` in [0, 1].
"""

_ARROW_TYPES = {"Int16": pa.int16(), "string": pa.string()}


@dataclass(frozen=True)
class Tables:
    """Ratings with the users who gave them and the movies that they are of; columns as in `SCHEMAS`."""

    ratings: pd.DataFrame  # one row a rating, by user and time (`rlrec.data.dataset.order`) whatever the source's order
    users: pd.DataFrame  # one row a user, row number = user
    movies: pd.DataFrame  # one row a movie, row number = movie

    def __getitem__(self, name: str) -> pd.DataFrame:
        """The table called `name`."""
        frame: pd.DataFrame = getattr(self, name)
        return frame


def without_users(tables: Tables, last: Collection[int]) -> Tables:
    """The tables without the users of these original ids, who must be the last."""
    ratings, users = tables.ratings, tables.users
    return Tables(
        ratings[~ratings[Columns.ORIGINAL_USER].isin(list(last))].reset_index(drop=True),
        users[~users[Columns.ORIGINAL_ID].isin(list(last))].reset_index(drop=True),
        tables.movies,
    )


def typed(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """The columns of table `name`, in order and with their dtypes.

    Raises:
        KeyError: a column is missing.
        ValueError: a value does not fit its dtype.
        TypeError: likewise.
    """
    return frame[list(SCHEMAS[name])].astype(SCHEMAS[name]).reset_index(drop=True)


def save_tables(tables: Tables, folder: Path) -> None:
    """Writes `ratings.parquet`, `users.parquet` and `movies.parquet`; equal tables give equal bytes.

    Raises:
        DataError: the folder cannot be written to.
    """
    for name in SCHEMAS:
        # Pandas' own metadata names its version, so it would change the bytes of unchanged data: left out.
        table = pa.Table.from_pandas(typed(name, tables[name]), schema=_arrow_schema(name), preserve_index=False)
        buffer = io.BytesIO()
        pq.write_table(table.replace_schema_metadata(None), buffer, compression="zstd", write_page_checksum=True)
        write_atomically(folder / f"{name}.parquet", buffer.getvalue())


def load_tables(folder: Path) -> Tables:
    """Reads what `save_tables` wrote.

    Raises:
        DataError: a file is missing or broken, or its columns are not those of its table.
    """
    return Tables(**{name: _load(folder / f"{name}.parquet", name) for name in SCHEMAS})


def _load(path: Path, name: str) -> pd.DataFrame:
    if not path.is_file():
        raise DataError(f"{path} is missing; the download stage makes it")
    expected = _arrow_schema(name)
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            if not file.schema_arrow.equals(expected):
                found = ", ".join(f"{field.name} {field.type}" for field in file.schema_arrow)
                wanted = ", ".join(f"{field.name} {field.type}" for field in expected)
                raise DataError(f"{path} must have the columns\n  {wanted}\nbut has\n  {found}")
            if file.metadata.num_rows > LARGEST_TABLE:
                raise DataError(
                    f"{path} states {file.metadata.num_rows:,} rows, more than the {LARGEST_TABLE:,} allowed"
                )
            table = file.read()
        table.validate(full=True)
        frame = table.to_pandas(types_mapper={pa.int16(): pd.Int16Dtype(), pa.string(): pd.StringDtype()}.get)
        return typed(name, frame)
    except (pa.ArrowException, OSError, ValueError, TypeError, OverflowError, MemoryError) as error:
        raise DataError(f"{path} is not a readable parquet file: {printable(str(error))}") from error


def _arrow_schema(name: str) -> pa.Schema:
    return pa.schema([(c, _ARROW_TYPES.get(t) or pa.from_numpy_dtype(t)) for c, t in SCHEMAS[name].items()])


def kinds_in(movies: pd.DataFrame) -> tuple[str, ...]:
    """The kinds that a table of movies knows: `GENRES` where all are of these, else its own in order of the alphabet.

    A table that says nothing of any movie has none.
    """
    fields = movies[Columns.GENRES].dropna()
    words = {word for field in fields.unique() for word in field.split(GENRE_SEPARATOR) if word}
    return GENRES if words <= set(GENRES) and len(fields) else tuple(sorted(words))


def genre_flags(movies: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which of `kinds_in` each movie has, as `(N, G)`."""
    dummies = movies[Columns.GENRES].fillna("").str.get_dummies(sep=GENRE_SEPARATOR)
    return dummies.reindex(columns=list(kinds_in(movies)), fill_value=0).to_numpy(dtype=np.bool_)


def demographics(users: pd.DataFrame) -> npt.NDArray[np.float32]:
    """Sex, age, occupation and zip code of each user, each in [0, 1], as `(U, 4)`.

    Sex is 0 for F and 1 for M. Age, occupation code and zip code are divided by the largest value that ml-1m allows
    (56, 20 and 99999), or by the table's largest where that is more (ml-100k has true ages). A zip code counts with its
    first five digits. What is unknown, and a zip code with letters, is 0.
    """
    zips = users[Columns.ZIP].str.extract(r"^(\d{5})(?:-?\d*)$", expand=False)
    columns = [
        (users[Columns.SEX] == "M").fillna(False).to_numpy(dtype=np.float64),
        _scaled(users[Columns.AGE], LARGEST_AGE),
        _scaled(users[Columns.OCCUPATION], LARGEST_OCCUPATION),
        _scaled(pd.to_numeric(zips), LARGEST_ZIP),
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def _scaled(values: "pd.Series[int]", largest: int) -> npt.NDArray[np.float64]:
    numbers = np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)
    known: npt.NDArray[np.float64] = np.maximum(np.nan_to_num(numbers, nan=0.0), 0.0)
    return known / max(float(largest), float(known.max(initial=0.0)))
