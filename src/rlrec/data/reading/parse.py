"""Parses files in any layout, MovieLens's, HetRec's or a table of one's own, into the canonical tables.

Layouts: GroupLens's ml-100k (`u.data` and others), ml-1m (`ratings.dat` and `users.dat`), ml-10m (`ratings.dat` without
users) and ml-latest (`ratings.csv`), and RecBole's atomic files of ml-100k (`ml-100k.inter`). Which one it is shows in
the files' names. Those of `rlrec.data.reading.own` are looked for where `data.name` asks for them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from rlrec.data.dataset.genres import GENRES
from rlrec.data.dataset.split import in_order
from rlrec.data.dataset.tables import GENRE_SEPARATOR, Columns, Tables, typed
from rlrec.data.dataset.titles import year_of
from rlrec.data.reading.delimited import Delimited, Kind, as_found, line_error, line_of, read_delimited
from rlrec.data.reading.detection import Frames, Layout, detect
from rlrec.data.reading.hetrec import GENRES_FILE, MOVIES_FILE, RATINGS_FILE, read_hetrec
from rlrec.data.reading.kinds import genres_of
from rlrec.data.reading.occupations import OCCUPATIONS
from rlrec.data.reading.own import read_atomic, read_own
from rlrec.data.reading.sheets import shown
from rlrec.errors import DataError
from rlrec.settings.dataset import DataConfig
from rlrec.settings.explain import as_text

_C = Columns
_RATING_COLUMNS: dict[str, Kind] = {
    _C.ORIGINAL_USER: "int",
    _C.ORIGINAL_MOVIE: "int",
    _C.RATING: "float",
    _C.TIMESTAMP: "int",
}
_GENRE_FLAGS: dict[str, Kind] = dict.fromkeys(GENRES, "flag")

_U_DATA = Delimited(_RATING_COLUMNS, "\t", "latin-1", called=("user id", "item id", "rating", "timestamp"))
_U_USER = Delimited(
    {_C.ORIGINAL_ID: "int", _C.AGE: "int", _C.SEX: "text", _C.OCCUPATION: "text", _C.ZIP: "text"},
    "|",
    "latin-1",
    called=("user id", "age", "gender", "occupation", "zip code"),
)
_U_ITEM = Delimited(
    {_C.ORIGINAL_ID: "int", _C.TITLE: "text", "released": "text", "video": "text", "imdb": "text", **_GENRE_FLAGS},
    "|",
    "latin-1",
    called=("movie id", "movie title", "release date", "video release date", "IMDb URL", *GENRES),
)
_U_GENRE = Delimited({"genre": "text", "index": "int"}, "|", "latin-1")
_U_OCCUPATION = Delimited({_C.OCCUPATION: "text"}, "|", "latin-1")

_ATOMIC_RATINGS = Delimited(
    _RATING_COLUMNS, "\t", "utf-8", header="user_id:token\titem_id:token\trating:float\ttimestamp:float"
)
_ATOMIC_USERS = Delimited(
    _U_USER.columns,
    "\t",
    "utf-8",
    header="user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token",
)
_ATOMIC_MOVIES = Delimited(
    {_C.ORIGINAL_ID: "int", _C.TITLE: "text", _C.YEAR: "text", _C.GENRES: "text"},
    "\t",
    "utf-8",
    header="item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq",
)

_ML1M_RATINGS = Delimited(_RATING_COLUMNS, "::", "latin-1", called=("UserID", "MovieID", "Rating", "Timestamp"))
_ML1M_USERS = Delimited(
    {_C.ORIGINAL_ID: "int", _C.SEX: "text", _C.AGE: "int", _C.OCCUPATION: "int", _C.ZIP: "text"},
    "::",
    "latin-1",
    called=("UserID", "Gender", "Age", "Occupation", "Zip-code"),
)
_TITLED: dict[str, Kind] = {_C.ORIGINAL_ID: "int", _C.TITLE: "text", _C.GENRES: "text"}
_ML1M_MOVIES = Delimited(_TITLED, "::", "latin-1", called=("MovieID", "Title", "Genres"))
_ML10M_RATINGS, _ML10M_MOVIES = (replace(format_, encoding="utf-8") for format_ in (_ML1M_RATINGS, _ML1M_MOVIES))

_LATEST_RATINGS = Delimited(_RATING_COLUMNS, ",", "utf-8", header="userId,movieId,rating,timestamp", quoted=True)
_LATEST_MOVIES = Delimited(_TITLED, ",", "utf-8", header="movieId,title,genres", quoted=True)


class Parsed(NamedTuple):
    """A data set as it was read.

    Attributes:
        tables: the three, with `violence` 0.
        vocabulary: what text ids stand for, see `Frames`.
        told: how the files were understood.
    """

    tables: Tables
    vocabulary: Mapping[str, Sequence[str]]
    told: tuple[str, ...]


def parse(folder: Path, name: str) -> Tables:
    """The tables of the data set `name`, without what there is to say about them; see `read_data_set`."""
    return read_data_set(folder, name).tables


def read_data_set(folder: Path, name: str, config: DataConfig | None = None) -> Parsed:
    """Parses the data set `name` from the files in `folder`, or in one of the folders inside it.

    Args:
        folder: where to look.
        name: of the data set.
        config: says how columns of a table of one's own are called.

    Out-of-range ratings, duplicate pairs and ratings of unknown movies are parsed: refusing them is the validation's
    part.

    Raises:
        DataError: see `detect_layout`; a file is empty or in an encoding that is not read; a line has the wrong number
            of fields, text where a number must be, or an id that stands there twice. The message names file, line and
            text.
    """
    folder, layout = detect_layout(folder, name)
    ratings, users, movies, vocabulary, told = layout.read(folder, config or DataConfig())
    users = users.sort_values(_C.ORIGINAL_ID, kind="stable", ignore_index=True)
    movies = movies.sort_values(_C.ORIGINAL_ID, kind="stable", ignore_index=True)
    users[_C.USER] = np.arange(len(users))
    movies[_C.MOVIE] = np.arange(len(movies))
    movies[_C.VIOLENCE] = 0.0
    ratings[_C.USER] = pd.Index(users[_C.ORIGINAL_ID]).get_indexer(pd.Index(ratings[_C.ORIGINAL_USER]))
    ratings[_C.MOVIE] = pd.Index(movies[_C.ORIGINAL_ID]).get_indexer(pd.Index(ratings[_C.ORIGINAL_MOVIE]))
    ratings = ratings.iloc[in_order(ratings)]  # files that differ in the order of their rows are the same data set
    with np.errstate(over="ignore"):  # a rating of 1e300 is infinite then, and refused with those of 6
        tables = Tables(typed("ratings", ratings), typed("users", users), typed("movies", movies))
    return Parsed(tables, vocabulary, told)


def detect_layout(folder: Path, name: str) -> tuple[Path, Layout]:
    """The folder with the files of the data set `name`, and their layout; see `rlrec.data.reading.detection.detect`."""
    return detect(folder, name, LAYOUTS)


def _read_ml100k(folder: Path, _: DataConfig) -> Frames:
    genres = read_delimited(folder / "u.genre", _U_GENRE)
    if tuple(genres["genre"]) != GENRES or list(genres["index"]) != list(range(len(GENRES))):
        listed = as_text(", ".join(genres["genre"]))
        raise DataError(f"{folder / 'u.genre'} must list {', '.join(GENRES)}, but lists {listed}")
    occupations = read_delimited(folder / "u.occupation", _U_OCCUPATION)[_C.OCCUPATION]
    ratings = read_delimited(folder / "u.data", _U_DATA)
    users = _unique(folder / "u.user", _U_USER)
    _code_occupations(folder / "u.user", _U_USER, users, sorted(set(occupations)))
    movies = _unique(folder / "u.item", _U_ITEM)
    flags = movies[list(GENRES)].to_numpy(dtype=bool)
    movies[_C.GENRES] = [GENRE_SEPARATOR.join(np.array(GENRES)[row]) or "unknown" for row in flags]
    return Frames(ratings, users, _titled(movies))


def _read_atomic(folder: Path, _: DataConfig) -> Frames:
    paths = [folder / f"ml-100k.{ending}" for ending in ("inter", "user", "item")]
    (of_ratings, of_users, of_movies), told = _formats(paths, (_ATOMIC_RATINGS, _ATOMIC_USERS, _ATOMIC_MOVIES))
    ratings = read_delimited(paths[0], of_ratings)
    users = _unique(paths[1], of_users)
    _code_occupations(paths[1], of_users, users, OCCUPATIONS)
    movies = _unique(paths[2], of_movies)
    # RecBole cut the year off the title, and misspelt both of the movie that has neither.
    unknown = movies[_C.TITLE] == "unkonwn"
    whole = movies[_C.TITLE] + " (" + movies[_C.YEAR] + ")"
    movies[_C.TITLE] = whole.mask(unknown, "unknown")
    movies[_C.GENRES] = [genres_of(words.split(" ")) for words in movies[_C.GENRES]]
    return Frames(ratings, users, _titled(movies), told=told)


def _read_ml1m(folder: Path, _: DataConfig) -> Frames:
    ratings = read_delimited(folder / "ratings.dat", _ML1M_RATINGS)
    users = _unique(folder / "users.dat", _ML1M_USERS)
    _check_range(folder / "users.dat", _ML1M_USERS, users, _C.OCCUPATION, 0, 20)
    movies = _unique(folder / "movies.dat", _ML1M_MOVIES)
    return Frames(ratings, _cleaned(folder / "users.dat", _ML1M_USERS, users), _with_genres(movies))


def _read_ml10m(folder: Path, _: DataConfig) -> Frames:
    ratings = read_delimited(folder / "ratings.dat", _ML10M_RATINGS)
    return _without_users(ratings, _unique(folder / "movies.dat", _ML10M_MOVIES))


def _read_latest(folder: Path, _: DataConfig) -> Frames:
    paths = [folder / "ratings.csv", folder / "movies.csv"]
    (of_ratings, of_movies), told = _formats(paths, (_LATEST_RATINGS, _LATEST_MOVIES))
    ratings = read_delimited(paths[0], of_ratings)
    return _without_users(ratings, _unique(paths[1], of_movies))._replace(told=told)


def _formats(paths: Sequence[Path], expected: Sequence[Delimited]) -> tuple[list[Delimited], tuple[str, ...]]:
    """The formats of files with headers as they are found, and what is left out of each, in words."""
    found = [as_found(path, one) for path, one in zip(paths, expected, strict=True)]
    told = (f"left out of {path.name}: {shown(left)}" for path, (_, left) in zip(paths, found, strict=True) if left)
    return [one for one, _ in found], tuple(told)


def _without_users(ratings: pd.DataFrame, movies: pd.DataFrame) -> Frames:
    users = pd.DataFrame({_C.ORIGINAL_ID: np.unique(ratings[_C.ORIGINAL_USER].to_numpy())})
    for column in (_C.SEX, _C.AGE, _C.OCCUPATION, _C.ZIP):
        users[column] = pd.NA
    return Frames(ratings, users, _with_genres(movies))


LAYOUTS: tuple[Layout, ...] = (
    Layout("ml-100k", ("u.data", "u.item", "u.user", "u.genre", "u.occupation"), _read_ml100k),
    Layout("recbole's ml-100k", ("ml-100k.inter", "ml-100k.item", "ml-100k.user"), _read_atomic),
    Layout("ml-1m", ("ratings.dat", "users.dat", "movies.dat"), _read_ml1m),
    Layout("ml-10m", ("ratings.dat", "movies.dat"), _read_ml10m),
    Layout("ml-latest", ("ratings.csv", "movies.csv"), _read_latest),
    Layout("hetrec", (RATINGS_FILE, MOVIES_FILE, GENRES_FILE), read_hetrec),
    Layout("table", ("*.csv|*.tsv|*.parquet",), read_own),
    Layout("recbole", ("*.inter",), read_atomic, beside=("*.item", "*.user")),
)


def _unique(path: Path, file_format: Delimited) -> pd.DataFrame:
    frame = read_delimited(path, file_format)
    repeated = frame[_C.ORIGINAL_ID].duplicated().to_numpy()
    if repeated.any():
        row = int(repeated.argmax())
        problem = f"{file_format.own_name(_C.ORIGINAL_ID)} {frame[_C.ORIGINAL_ID].iloc[row]} stands there twice"
        raise line_error(path, *_described(path, file_format, row, problem))
    return frame


def _code_occupations(path: Path, file_format: Delimited, users: pd.DataFrame, words: Sequence[str]) -> None:
    codes = pd.Index(words).get_indexer(pd.Index(users[_C.OCCUPATION]))
    if (codes < 0).any():
        row = int((codes < 0).argmax())
        word = as_text(users[_C.OCCUPATION].iloc[row])
        raise line_error(path, *_described(path, file_format, row, f"unknown occupation {word}"))
    users[_C.OCCUPATION] = codes
    _cleaned(path, file_format, users)


def _cleaned(path: Path, file_format: Delimited, users: pd.DataFrame) -> pd.DataFrame:
    _check_range(path, file_format, users, _C.AGE, -(2**15), 2**15 - 1)
    for column in (_C.SEX, _C.ZIP):
        users[column] = users[column].str.strip().astype("string").replace({"": pd.NA})
    return users


def _check_range(path: Path, file_format: Delimited, frame: pd.DataFrame, column: str, low: int, high: int) -> None:
    outside = ~frame[column].between(low, high).to_numpy()
    if outside.any():
        row = int(outside.argmax())
        problem = f"{file_format.own_name(column)} must be from {low} to {high}, but is {frame[column].iloc[row]}"
        raise line_error(path, *_described(path, file_format, row, problem))


def _described(path: Path, file_format: Delimited, row: int, problem: str) -> tuple[int, str, str]:
    number, text = line_of(path, file_format, row)
    return number, problem, text


def _with_genres(movies: pd.DataFrame) -> pd.DataFrame:
    movies[_C.GENRES] = [genres_of(words.split(GENRE_SEPARATOR)) for words in movies[_C.GENRES]]
    return _titled(movies)


def _titled(movies: pd.DataFrame) -> pd.DataFrame:
    movies[_C.TITLE] = movies[_C.TITLE].str.strip()
    movies[_C.YEAR] = pd.array([year_of(title) for title in movies[_C.TITLE]], dtype="Int16")
    return movies
