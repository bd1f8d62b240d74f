"""Judges the three tables by their suites without Great Expectations, which takes four seconds to import.

For those who only want to know what would fail. A test holds both to the same answers.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rlrec.data.checking.results import Check, Summary, TableChecks
from rlrec.data.checking.suites import Expectation, judged_frame, suite_of
from rlrec.data.checking.wording import Called, examples
from rlrec.data.dataset.tables import SCHEMAS, Tables
from rlrec.data.registry import facts_of

Flags = NDArray[np.bool_]
_Arguments = Mapping[str, Any]


def judge(tables: Tables, name: str, *, cleaned: bool = False, called: Called | None = None) -> Summary:
    """What `rlrec.data.checking.expectations.validate` finds, but for numbers of rows, with no pages of it.

    Args:
        tables: the canonical tables, with their columns.
        name: of the data set.
        cleaned: whether ratings were left out.
        called: what the ids are in the data, where they are texts.

    Raises:
        DataError: the data set is unknown.
    """
    facts, found = facts_of(name, cleaned=cleaned), {}
    for table in SCHEMAS:
        frame = judged_frame(tables, table)
        suite = suite_of(tables, table, facts, facts.newest, check_counts=False)
        checks = [_judged(frame, table, one, called or {}) for one in suite]
        found[table] = TableChecks(len(frame), len(checks), sum(not one.success for one in checks), checks)
    return Summary(name, all(not one.failed for one in found.values()), found)


def _judged(frame: pd.DataFrame, table: str, expectation: Expectation, called: Called) -> Check:
    kind, arguments = expectation.kind, expectation.arguments
    if kind in _OF_TABLES:
        success, observed = _OF_TABLES[kind](frame, arguments)
        failing, shown = None, []
    else:
        wrong = _OF_ROWS[kind](frame, arguments)
        success, observed, failing = _enough(frame, wrong, arguments), None, int(wrong.sum())
        together = arguments.get("column_list")
        shown = [] if success else examples(frame, table, frame.index[wrong].tolist(), together, called)
    return Check(*expectation.key, success, observed, failing, shown)


def _enough(frame: pd.DataFrame, wrong: Flags, arguments: _Arguments) -> bool:
    """Whether as large a share of the values that there are meets it as must."""
    if "mostly" not in arguments:
        return not wrong.any()
    present = frame[arguments["column"]].count()
    return bool(present - wrong.sum() >= arguments["mostly"] * present)


def _columns(frame: pd.DataFrame, arguments: _Arguments) -> tuple[bool, str]:
    return list(frame.columns) == arguments["column_list"], str(list(frame.columns))


def _rows(frame: pd.DataFrame, arguments: _Arguments) -> tuple[bool, int]:
    return len(frame) >= arguments["min_value"], len(frame)


def _type(frame: pd.DataFrame, arguments: _Arguments) -> tuple[bool, str]:
    found = str(frame[arguments["column"]].dtype)
    return {"Int16": "int16", "string": "str"}.get(found, found) == arguments["type_"], found


def _present(frame: pd.DataFrame, arguments: _Arguments) -> Flags:
    return np.asarray(frame[arguments["column"]].isna(), np.bool_)


def _outside(values: Any, arguments: _Arguments) -> Flags:
    """Which of the values that there are lie beyond the least or the most."""
    wrong = pd.Series(False, values.index)
    if (least := arguments.get("min_value")) is not None:
        wrong |= ((values <= least) if arguments.get("strict_min") else (values < least)).fillna(False)
    if (most := arguments.get("max_value")) is not None:
        wrong |= (values > most).fillna(False)
    return wrong.to_numpy(np.bool_)


def _between(frame: pd.DataFrame, arguments: _Arguments) -> Flags:
    return _outside(frame[arguments["column"]], arguments)


def _lengths(frame: pd.DataFrame, arguments: _Arguments) -> Flags:
    return _outside(frame[arguments["column"]].str.len(), arguments)


def _in_set(frame: pd.DataFrame, arguments: _Arguments) -> Flags:
    values = frame[arguments["column"]]
    return np.asarray(values.notna() & ~values.isin(arguments["value_set"]), np.bool_)


def _like(frame: pd.DataFrame, arguments: _Arguments) -> Flags:
    return np.asarray(~frame[arguments["column"]].str.contains(arguments["regex"]).fillna(True).astype(bool), np.bool_)


def _rising(frame: pd.DataFrame, arguments: _Arguments) -> Flags:
    return np.diff(frame[arguments["column"]].to_numpy(np.int64), prepend=np.iinfo(np.int64).min // 2) <= 0


def _repeated(frame: pd.DataFrame, arguments: _Arguments) -> Flags:
    columns = arguments.get("column_list") or [arguments["column"]]
    return frame.duplicated(columns, keep=False).to_numpy(np.bool_)


_OF_TABLES: dict[str, Callable[[pd.DataFrame, _Arguments], tuple[bool, int | str]]] = {
    "ExpectTableColumnsToMatchOrderedList": _columns,
    "ExpectTableRowCountToBeBetween": _rows,
    "ExpectColumnValuesToBeOfType": _type,
}
_OF_ROWS: dict[str, Callable[[pd.DataFrame, _Arguments], Flags]] = {
    "ExpectColumnValuesToNotBeNull": _present,
    "ExpectColumnValuesToBeBetween": _between,
    "ExpectColumnValueLengthsToBeBetween": _lengths,
    "ExpectColumnValuesToBeInSet": _in_set,
    "ExpectColumnValuesToMatchRegex": _like,
    "ExpectColumnValuesToBeIncreasing": _rising,
    "ExpectColumnValuesToBeUnique": _repeated,
    "ExpectCompoundColumnsToBeUnique": _repeated,
}
