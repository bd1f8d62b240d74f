"""Ids of any kind as whole numbers, and the vocabulary that says which number is whom."""

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
from numpy.typing import NDArray

from rlrec.data.reading.sheets import Sheet

Ints = NDArray[np.int64]

_LARGEST = 2**63
_WHOLE = re.compile(r"0|[1-9][0-9]{0,18}")


def number_ids(columns: Sequence[tuple[Sheet, str]]) -> tuple[list[Ints], tuple[str, ...]]:
    """Numbers of the ids in some columns, and the texts that they stand for.

    Ids that are whole numbers stay as they are. Others are numbered from 1 in an order that depends on the ids alone,
    not on rows: that of people, in which `u10` comes after `u9`.

    Args:
        columns: of several files where all of them name the same things.

    Returns:
        A `(n,)` for each column, and the vocabulary: number i is `texts[i - 1]`; empty where ids are numbers.

    Raises:
        DataError: an id is missing.
    """
    encoded = [_encoded(sheet, name) for sheet, name in columns]
    texts = [one.dictionary.to_pylist() for one in encoded]
    distinct = set().union(*texts)
    if all(map(_is_number, distinct)):
        vocabulary: tuple[str, ...] = ()
        numbers = {text: int(text) for text in distinct}
    else:
        vocabulary = tuple(sorted(distinct, key=_in_order))
        numbers = {text: number for number, text in enumerate(vocabulary, 1)}
    by_place = [np.array([numbers[text] for text in own], np.int64) for own in texts]
    return [
        own[one.indices.to_numpy(zero_copy_only=False)] for own, one in zip(by_place, encoded, strict=True)
    ], vocabulary


def known_ids(sheet: Sheet, name: str, vocabulary: Sequence[str]) -> Ints:
    """Numbers of the ids in a column of another file, as `number_ids` gave them: `(n,)`; -1 for what it gave none.

    Args:
        sheet: the other file.
        name: of the column.
        vocabulary: what `number_ids` returned; empty where ids are numbers.

    Raises:
        DataError: an id is missing.
    """
    encoded = _encoded(sheet, name)
    own = encoded.dictionary.to_pylist()
    if vocabulary:
        given = {text: number for number, text in enumerate(vocabulary, 1)}
        numbers = [given.get(text, -1) for text in own]
    else:
        numbers = [int(text) if _is_number(text) else -1 for text in own]
    found: Ints = np.array(numbers, np.int64)[encoded.indices.to_numpy(zero_copy_only=False)]
    return found


def _is_number(text: str) -> bool:
    return bool(_WHOLE.fullmatch(text)) and int(text) < _LARGEST


def _encoded(sheet: Sheet, name: str) -> pa.DictionaryArray:
    column = sheet.columns[name]
    if pa.types.is_floating(column.type) and pc.all(pc.equal(pc.floor(column), column)).as_py():
        column = pc.cast(column, pa.int64(), safe=False)  # what pandas makes of whole numbers beside missing ones
    text = pc.fill_null(pc.utf8_trim_whitespace(pc.cast(column, pa.string())), "")
    empty = pc.index(text, "").as_py()
    if empty >= 0:
        raise sheet.wrong(empty, name, "must be an id", "")
    return text.dictionary_encode()


def _in_order(text: str) -> tuple[list[tuple[str, int, str]], str]:
    """Words in order of the alphabet, numbers in theirs; of what is equal then, the text decides."""
    parts = re.split("([0-9]+)", text)
    digits = [part.lstrip("0") for part in parts[1::2]] + [""]
    return [(word, len(number), number) for word, number in zip(parts[::2], digits, strict=True)], text
