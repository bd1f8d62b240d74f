"""Reads a table of one's own, with a table of items beside it or none, and RecBole's atomic files.

Both are ratings with columns that are called anyhow; what files have beyond what is needed is named. RecBole's
(https://recbole.io/docs/user_guide/data/atomic_files.html) say of each field what it is: `rating:float`.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from rlrec.data.dataset.genres import UNKNOWN
from rlrec.data.dataset.tables import Columns
from rlrec.data.dataset.titles import with_year, year_of
from rlrec.data.reading.detection import Frames
from rlrec.data.reading.ids import Ints, number_ids
from rlrec.data.reading.kinds import kinds_of
from rlrec.data.reading.people import people_in
from rlrec.data.reading.roles import NONE, Roles, check_named, is_of_items, is_of_ratings, roles_of
from rlrec.data.reading.sheets import SUFFIXES, Sheet, names_in, read_sheet, shown
from rlrec.data.reading.values import seconds_in, stars_in, text_in
from rlrec.errors import DataError
from rlrec.settings.dataset import ColumnNames, DataConfig

_C = Columns
_FIVE_STARS = 5.0
_TAB = "\t"
_ATOMIC_SEPARATOR = " "
"""Between the parts of a RecBole sequence (`token_seq`)."""
_MISSPELT = "unkonwn"
"""RecBole's title of ml-100k's movie without one."""


def read_own(folder: Path, config: DataConfig) -> Frames:
    """The table of ratings in a folder, and that of items where one is there.

    Which is which is told by the columns. Of several tables of ratings the one with values is meant.

    Raises:
        DataError: there is no table of ratings, or there are several, or of items; a column that the settings name is
            missing, or a value is not what its column is for. The message names file, line and value.
    """
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    columns = {path: names_in(path) for path in paths if not path.name.startswith(".")}
    roles = {path: roles_of(names, config.columns) for path, names in columns.items()}
    path = _table_of_ratings(folder, columns, roles, config.columns)
    check_named(path, columns[path], roles[path], config.columns)
    of_items = [other for other in roles if other != path and is_of_items(roles[other])]
    if len(of_items) > 1:
        raise DataError(f"{of_items[0]} and {of_items[1]} both say what items are: leave one out")
    ratings = read_sheet(path, set(roles[path].values()))
    items = read_sheet(of_items[0], set(roles[of_items[0]].values())) if of_items else None
    left = [other.name for other in roles if other not in (path, *of_items)]
    told = (f"left alone: {shown(left)}",) if left else ()
    frames = _frames(ratings, roles[path], items, roles[of_items[0]] if of_items else {}, config)
    return frames._replace(told=frames.told + told)


def read_atomic(folder: Path, config: DataConfig) -> Frames:
    """RecBole's `.inter`, and its `.item` and `.user` where they are there.

    Raises:
        DataError: there are several of a kind, a header has no types, or see `read_own`.
    """
    path, of_items, of_users = (_only(folder, ending) for ending in (".inter", ".item", ".user"))
    assert path is not None
    ratings, roles = _atomic(path, config.columns)
    if not is_of_ratings(roles):
        raise DataError(f"{path}, line 1: no field is called user_id or no field item_id; {_how_to_map(ratings.names)}")
    check_named(path, ratings.names, roles, config.columns)
    items, item_roles = _atomic(of_items, config.columns) if of_items else (None, {})
    left: tuple[str, ...] = ()
    if items is not None and "item" not in item_roles:
        left = (f"left alone: {items.path.name}, since no field is called item_id",)
        items = None
    frames = _frames(ratings, roles, items, item_roles, config, separator=_ATOMIC_SEPARATOR)
    frames = frames._replace(told=frames.told + left)
    if of_users is None:
        return frames
    users, told = people_in(_atomic(of_users, config.columns)[0], frames.users, frames.vocabulary.get(_C.USER, ()))
    return frames._replace(users=users, told=frames.told + told)


def _atomic(path: Path, settings: ColumnNames) -> tuple[Sheet, Roles]:
    """A sheet whose columns are called as its fields are, without their types."""
    typed = names_in(path, _TAB)
    names = [name.partition(":")[0] for name in typed]
    if not all(":" in name for name in typed) or len(set(names)) < len(names):
        raise DataError(f"{path}, line 1: fields must be called name:type, each once, but are {shown(typed)}")
    sheet = read_sheet(path, typed, _TAB, quoted=False)
    columns = {name: sheet.columns[whole] for name, whole in zip(names, typed, strict=True)}
    roles = roles_of(names, settings)
    return Sheet(path, tuple(names), columns, sheet.lines), roles


def _only(folder: Path, ending: str) -> Path | None:
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() == ending and path.is_file())
    if len(found) > 1:
        raise DataError(f"{found[0]} and {found[1]} are two data sets: leave one out")
    return found[0] if found else None


def _table_of_ratings(
    folder: Path, columns: dict[Path, tuple[str, ...]], roles: dict[Path, Roles], settings: ColumnNames
) -> Path:
    found = [path for path in columns if is_of_ratings(roles[path])]
    if not found:
        first = next(iter(columns), folder)
        raise DataError(f"{first} does not say who has to do with what: {_how_to_map(columns.get(first, ()))}")
    with_values = [path for path in found if "value" in roles[path]]
    best = with_values or found
    if len(best) > 1:
        raise DataError(
            f"{best[0]} and {best[1]} are both ratings: set data.local to the path of one, or leave one out"
        )
    return best[0]


def _how_to_map(names: Sequence[str]) -> str:
    listed = shown(names) or "of which there are none"
    return f"set data.columns.user and data.columns.item to two of its columns, {listed}"


def _frames(
    ratings: Sheet,
    roles: Roles,
    items: Sheet | None,
    item_roles: Roles,
    config: DataConfig,
    separator: str | None = None,
) -> Frames:
    told = [f"read from {ratings.path.name}: {_named(roles)}"]
    (users,), user_texts = number_ids([(ratings, roles["user"])])
    with_items = [(ratings, roles["item"])] + ([(items, item_roles["item"])] if items else [])
    (rated, *others), item_texts = number_ids(with_items)
    if "value" in roles:
        stars, how = stars_in(ratings, roles["value"], config.scale)
    else:
        stars, how = np.full(len(users), _FIVE_STARS), "no values: whatever is in the table is liked, with five stars"
    told.append(how)
    if "time" in roles:
        times, how = seconds_in(ratings, roles["time"])
    else:
        times, how = (
            np.zeros(len(users), np.int64),
            "no times: each user's ratings are in an order of their own, by ids",
        )
    told.append(how)
    table = {_C.ORIGINAL_USER: users, _C.ORIGINAL_MOVIE: rated, _C.RATING: stars, _C.TIMESTAMP: times}
    if items is None:
        movies, how_items = _items(ratings, roles, rated, rated, item_texts, config, separator)
    else:
        told.append(f"read from {items.path.name}: {_named(item_roles)}")
        movies, how_items = _items(items, item_roles, others[0], rated, item_texts, config, separator)
    for sheet, read in ((ratings, roles), *(((items, item_roles),) if items else ())):
        left = [name for name in sheet.names if name not in read.values()]
        told += [f"left out of {sheet.path.name}: {shown(left)}"] if left else []
    people = pd.DataFrame({_C.ORIGINAL_ID: np.unique(users)})
    for column in (_C.SEX, _C.AGE, _C.OCCUPATION, _C.ZIP):
        people[column] = pd.NA
    vocabulary = {_C.USER: user_texts, _C.MOVIE: item_texts}
    named = {what: texts for what, texts in vocabulary.items() if texts}
    return Frames(pd.DataFrame(table), people, movies, named, (*told, *how_items))


def _named(roles: Roles) -> str:
    return shown([role if role == name else f"{role} ({name})" for role, name in roles.items()])


def _items(
    sheet: Sheet,
    roles: Roles,
    ids: Ints,
    rated: Ints,
    texts: Sequence[str],
    config: DataConfig,
    separator: str | None,
) -> tuple[pd.DataFrame, list[str]]:
    """What is known of items, a row each: of those in the sheet and of those that were rated."""
    frame, told = pd.DataFrame({_C.ORIGINAL_ID: ids}), []
    frame[_C.TITLE] = text_in(sheet, roles["title"]) if "title" in roles else ""
    if "year" in roles:
        frame[_C.TITLE] = [*map(_with_year, frame[_C.TITLE], text_in(sheet, roles["year"]))]
    kinds = "genres" in roles and config.columns.genres != NONE
    frame[_C.GENRES] = text_in(sheet, roles["genres"]) if kinds else ""
    if ids is not rated and frame[_C.ORIGINAL_ID].duplicated().any():
        row = int(frame[_C.ORIGINAL_ID].duplicated().to_numpy().argmax())
        raise DataError(f"{sheet.place(row)}: the {shown([roles['item']])} of another row stands there again")
    # In a table of ratings an item has many rows, whose order decides nothing.
    frame = frame.drop_duplicates()
    frame = frame.sort_values([_C.ORIGINAL_ID, _C.TITLE, _C.GENRES], ascending=[True, False, False], ignore_index=True)
    frame = frame.drop_duplicates(_C.ORIGINAL_ID, ignore_index=True)
    unknown = np.setdiff1d(rated, frame[_C.ORIGINAL_ID].to_numpy())
    if len(unknown) == len(np.unique(rated)):
        raise DataError(f"{sheet.path}: no {shown([roles['item']])} is one of those that were rated")
    if len(unknown):
        told.append(f"{len(unknown):,} of the items that were rated are not in {sheet.path.name}: known by their ids")
        more = pd.DataFrame({_C.ORIGINAL_ID: unknown, _C.TITLE: "", _C.GENRES: ""})
        frame = pd.concat([frame, more], ignore_index=True)
    named = frame[_C.TITLE].to_numpy() != ""
    frame[_C.TITLE] = [
        title or (texts[number - 1] if texts else str(number))
        for title, number in zip(frame[_C.TITLE], frame[_C.ORIGINAL_ID], strict=True)
    ]
    if not named.any():
        told.append("no titles: items are called by their ids")
    frame[_C.YEAR] = pd.array([year_of(title) for title in frame[_C.TITLE]], dtype="Int16")
    if (frame[_C.GENRES] != "").any():
        frame[_C.GENRES], how = kinds_of(frame[_C.GENRES].tolist(), separator)
        told.append(how)
    else:
        frame[_C.GENRES] = pd.NA
        told.append("no kinds of items: clusters of who rated them how take their place")
    return frame, told


def _with_year(title: str, year: str) -> str:
    """The title with its year. RecBole cut off ml-100k's, with the V of a video too."""
    if title == year == _MISSPELT:
        return UNKNOWN
    return f"{title} ({year})" if title and year == "V" else with_year(title, year)
