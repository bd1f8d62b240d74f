"""Reads HetRec 2011's MovieLens: tables with a header, apart by tabs, of which three have what is needed.

The others (actors, countries, directors, locations, tags) are left alone.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from rlrec.data.dataset.tables import GENRE_SEPARATOR, Columns
from rlrec.data.dataset.titles import with_year, year_of
from rlrec.data.reading.detection import Frames
from rlrec.data.reading.ids import Ints, number_ids
from rlrec.data.reading.kinds import kinds_of
from rlrec.data.reading.sheets import Sheet, read_sheet, shown
from rlrec.data.reading.values import numbers_in, seconds_in, text_in
from rlrec.errors import DataError
from rlrec.settings.dataset import DataConfig

RATINGS_FILE = "user_ratedmovies-timestamps.dat"
MOVIES_FILE = "movies.dat"
GENRES_FILE = "movie_genres.dat"
_C = Columns


def read_hetrec(folder: Path, _: DataConfig) -> Frames:
    """Ratings, movies with their years, and genres, of which there are 20: those that MovieLens has elsewhere and more.

    Raises:
        DataError: a file lacks a column, or a value is not what its column is for, with file and line.
    """
    ratings = _read(folder / RATINGS_FILE, "userID", "movieID", "rating", "timestamp")
    movies = _read(folder / MOVIES_FILE, "id", "title", "year")
    genres = _read(folder / GENRES_FILE, "movieID", "genre")
    users, rated, ids, with_genre = (
        _whole(*one) for one in ((ratings, "userID"), (ratings, "movieID"), (movies, "id"), (genres, "movieID"))
    )
    if (twice := pd.Series(ids).duplicated().to_numpy()).any():
        row = int(twice.argmax())
        raise DataError(f"{movies.place(row)}: id {ids[row]} stands there twice")
    words = pd.Series(text_in(genres, "genre")).groupby(with_genre).agg(GENRE_SEPARATOR.join)
    kinds, told = kinds_of(words.reindex(ids).fillna("").tolist())
    titles = [
        with_year(title, year) for title, year in zip(text_in(movies, "title"), text_in(movies, "year"), strict=True)
    ]
    table = {
        _C.ORIGINAL_USER: users,
        _C.ORIGINAL_MOVIE: rated,
        _C.RATING: numbers_in(ratings, "rating"),
        _C.TIMESTAMP: seconds_in(ratings, "timestamp")[0],
    }
    people = pd.DataFrame({_C.ORIGINAL_ID: np.unique(users)})
    for column in (_C.SEX, _C.AGE, _C.OCCUPATION, _C.ZIP):
        people[column] = pd.NA
    years = pd.array([year_of(title) for title in titles], dtype="Int16")
    items = pd.DataFrame({_C.ORIGINAL_ID: ids, _C.TITLE: titles, _C.GENRES: kinds, _C.YEAR: years})
    unread = {
        one.path.name: [name for name in one.names if name not in one.columns] for one in (ratings, movies, genres)
    }
    left = (f"left out of {file}: {shown(names)}" for file, names in unread.items() if names)
    return Frames(pd.DataFrame(table), people, items, told=(told, *left))


def _read(path: Path, *columns: str) -> Sheet:
    return read_sheet(path, columns, "\t", quoted=False, expected="latin-1")


def _whole(sheet: Sheet, name: str) -> Ints:
    (ids,), texts = number_ids([(sheet, name)])
    if texts:
        row = next(row for row, text in enumerate(text_in(sheet, name)) if not text.isdecimal() or len(text) > 18)
        raise sheet.wrong(row, name, "must be a whole number", text_in(sheet, name)[row])
    return ids
