"""Makes somebody who brings ratings along a user of the data set (`data.extra`)."""

from pathlib import Path

import numpy as np
import pandas as pd

from rlrec.data.dataset.provenance import ExtraUser
from rlrec.data.dataset.split import in_order
from rlrec.data.dataset.tables import Columns, Tables, typed
from rlrec.data.own.ratings import read_dated_ratings
from rlrec.data.own.titles import Titles
from rlrec.errors import DataError, RequestError, TitleError
from rlrec.settings.dataset import EXTRA

_C = Columns
_ENDINGS = (".csv", ".tsv", ".txt")


def add_users(tables: Tables, place: Path, first_id: int) -> tuple[Tables, tuple[ExtraUser, ...]]:
    """Adds one user a file, with the ratings in it, whatever their number and date.

    Movies are found by title or by their id in the data set; of one that is rated twice the later rating counts. Where
    any rating has no date, all are taken as made after all others, one second after another, in their order.

    Args:
        tables: of the data set.
        place: a file as `rlrec recommend --ratings` takes it, or a folder with some, in the order of their names.
        first_id: original id of the first of them; larger than all in the tables.

    Returns:
        The tables, and who was added.

    Raises:
        DataError: there is no such place, a file cannot be read, or none of its movies is in the data set.
    """
    files = _files(place)
    if not files:
        return tables, ()
    titles = Titles(tables.movies[_C.TITLE].fillna("").tolist(), _popularity(tables))
    numbers = {number: movie for movie, number in enumerate(tables.movies[_C.ORIGINAL_ID].tolist())}
    after = int(tables.ratings[_C.TIMESTAMP].max()) + 1
    added, ratings = [], [tables.ratings]
    for place_of_file, path in enumerate(files):
        user, original = len(tables.users) + place_of_file, first_id + place_of_file
        found, missing = _read(path, titles, numbers)
        dated = all(np.isfinite(moment) for moment, _ in found.values())
        rows = [
            (user, movie, original, int(moment) if dated else after + row, stars)
            for row, (movie, (moment, stars)) in enumerate(found.items())
        ]
        frame = pd.DataFrame(rows, columns=[_C.USER, _C.MOVIE, _C.ORIGINAL_USER, _C.TIMESTAMP, _C.RATING])
        frame[_C.ORIGINAL_MOVIE] = tables.movies[_C.ORIGINAL_ID].to_numpy()[frame[_C.MOVIE]]
        ratings.append(typed("ratings", frame))
        added.append(ExtraUser(user=original, file=path.name, ratings=len(rows), not_found=tuple(missing)))
    people = pd.DataFrame({_C.ORIGINAL_ID: [one.user for one in added]})
    people[_C.USER] = len(tables.users) + np.arange(len(added))
    for column in (_C.SEX, _C.AGE, _C.OCCUPATION, _C.ZIP):
        people[column] = pd.NA
    table = pd.concat(ratings, ignore_index=True)
    users = pd.concat([tables.users, typed("users", people)], ignore_index=True)
    return Tables(table.iloc[in_order(table)].reset_index(drop=True), users, tables.movies), tuple(added)


def _files(place: Path) -> list[Path]:
    if place == Path(EXTRA) and not place.exists():
        return []
    if not place.exists():
        raise DataError(f"data.extra: {place} does not exist")
    if place.is_file():
        return [place]
    return sorted(path for path in place.iterdir() if path.suffix.lower() in _ENDINGS and not path.name.startswith("."))


def _popularity(tables: Tables) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    rated = tables.ratings[_C.MOVIE].to_numpy(np.int64)
    return np.bincount(rated[rated >= 0], minlength=len(tables.movies))


def _read(path: Path, titles: Titles, numbers: dict[int, int]) -> tuple[dict[int, tuple[float, float]], list[str]]:
    """Time and stars by movie, in the order in which they were given, and what was not found."""
    found: dict[int, tuple[float, float]] = {}
    missing = []
    try:
        given = read_dated_ratings(path)
    except RequestError as error:
        raise DataError(f"data.extra: {error}") from error
    for moment, (named, stars) in given:
        try:
            movie = numbers[named] if isinstance(named, int) else titles.find(named)
        except (KeyError, TitleError):
            missing.append(str(named))
            continue
        found.pop(movie, None)
        found[movie] = (moment, stars)
    if not found:
        raise DataError(f"data.extra: {path}: none of its movies is in the data set")
    return found, missing
