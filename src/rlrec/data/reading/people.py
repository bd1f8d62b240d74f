"""What RecBole's `.user` says of people, where it is what the tables have: sex, age, occupation, zip code."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from rlrec.data.dataset.tables import Columns
from rlrec.data.reading.ids import known_ids
from rlrec.data.reading.occupations import OCCUPATIONS
from rlrec.data.reading.sheets import Sheet, shown
from rlrec.data.reading.values import text_in
from rlrec.errors import DataError

_C = Columns
_FIELDS = {_C.AGE: "age", _C.SEX: "gender", _C.OCCUPATION: "occupation", _C.ZIP: "zip_code"}
_OLDEST = 120


def people_in(
    sheet: Sheet, users: pd.DataFrame, vocabulary: Sequence[str] = ()
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The users with what is said of them, and what is left out of the file.

    A field is taken as a whole or not at all: ages from 1 to 120, F and M, MovieLens's occupations or their codes.

    Args:
        sheet: the file.
        users: those of the ratings, by their numbers.
        vocabulary: what the numbers stand for, where the users' ids are texts.

    Raises:
        DataError: an id is missing or stands there twice.
    """
    if "user_id" not in sheet.names:
        return users, (f"left out of {sheet.path.name}: all, since no field is called user_id",)
    ids = known_ids(sheet, "user_id", vocabulary)
    if not np.isin(ids, users[_C.ORIGINAL_ID].to_numpy()).any():
        return users, (f"left out of {sheet.path.name}: all, since its ids are not those of the ratings",)
    known = pd.Series(ids)
    if (twice := (known.duplicated() & (known >= 0)).to_numpy()).any():
        raise DataError(f"{sheet.place(int(twice.argmax()))}: the user_id of another row stands there again")
    users, read = users.set_index(_C.ORIGINAL_ID), ["user_id"]
    codes = {word: code for code, word in enumerate(OCCUPATIONS)} | {
        str(code): code for code in range(len(OCCUPATIONS))
    }
    for column, field in _FIELDS.items():
        texts_of = text_in(sheet, field) if field in sheet.names else []
        values: list[object] = list(texts_of)
        if column == _C.AGE:
            values = [int(text) if text.isascii() and text.isdecimal() and len(text) < 4 else 0 for text in texts_of]
            fitting = all(0 < value <= _OLDEST for value in values)  # type: ignore[operator]
        elif column == _C.OCCUPATION:
            values = [codes.get(text) for text in texts_of]
            fitting = None not in values
        else:
            fitting = column == _C.ZIP or set(texts_of) <= {"F", "M"}
        if texts_of and fitting:
            read.append(field)
            said = pd.Series(values, ids, dtype=object)[ids >= 0]
            users[column] = said.reindex(users.index).replace({"": pd.NA, None: pd.NA})
    left = [name for name in sheet.names if name not in read]
    told = [f"read from {sheet.path.name}: {', '.join(read)}"] + [
        f"left out of {sheet.path.name}: {shown(left)}"
    ] * bool(left)
    return users.reset_index(), tuple(told)
