"""What failed, in words: rows with the ids that the data have, and a message that fits on one screen."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from rlrec.data.checking.results import Summary
from rlrec.data.checking.suites import N_RATINGS
from rlrec.data.dataset.tables import Columns
from rlrec.settings.explain import printable

SHOWN_ROWS = 3
SHOWN_FAILURES = 4

Called = Mapping[str, Mapping[int, str]]
"""By `user` and `movie`: what ids are in the data, by their numbers in the tables, where they are texts."""

_C = Columns
_SHOWN_COLUMNS = {
    "ratings": {
        _C.ORIGINAL_USER: "user",
        _C.ORIGINAL_MOVIE: "movie",
        _C.RATING: "rating",
        _C.TIMESTAMP: "timestamp",
    },
    "users": {
        _C.ORIGINAL_ID: "user",
        _C.SEX: "sex",
        _C.AGE: "age",
        _C.OCCUPATION: "occupation",
        _C.ZIP: "zip",
        N_RATINGS: "ratings",
    },
    "movies": {
        _C.ORIGINAL_ID: "movie",
        _C.TITLE: "title",
        _C.YEAR: "year",
        _C.GENRES: "genres",
        _C.VIOLENCE: "violence",
        N_RATINGS: "ratings",
    },
}


def examples(
    frame: pd.DataFrame, table: str, labels: list[int], together: Sequence[str] | None, called: Called
) -> list[str]:
    """The first few failing rows.

    Args:
        frame: the table as its suite sees it.
        table: its name.
        labels: of the rows in the frame's index.
        together: columns that fail together: rows that repeat each other may be far apart, and are shown in a row.
        called: what people call users and movies.
    """
    failing = frame.loc[labels]
    if together:
        failing = failing.sort_values(list(together), kind="stable")
    shown = _SHOWN_COLUMNS[table]
    rows = failing.head(SHOWN_ROWS)[list(shown)].astype(object).itertuples(index=False, name=None)
    return [
        ", ".join(
            f"{what} {_text(value, called.get(what, {}))}" for what, value in zip(shown.values(), row, strict=True)
        )
        for row in rows
    ]


def _text(value: Any, called: Mapping[int, str]) -> str:
    if pd.isna(value):
        return "missing"
    if isinstance(value, float):
        return f"{value:g}"
    return printable(str(called.get(value, value))).replace("\n", " ")


def message(summary: Summary, docs: Path | None = None) -> str:
    """What fails, the first few of it with examples.

    Args:
        summary: of tables of which some fail.
        docs: folder of the pages on which all is told, where there are any.
    """
    failed = [(table, one.rows, row) for table, one in summary.tables.items() for row in one.results if not row.success]
    lines = [f"{summary.dataset} fails {len(failed)} of its expectations:"]
    for table, rows, row in failed[:SHOWN_FAILURES]:
        where = table if row.column is None else f"{table}.{row.column}"
        count = row.failing_rows
        found = f"found {row.observed}" if count is None else f"{count:,} of {rows:,} rows fail"
        lines.append(f"  {where}: {row.description} ({row.expectation}); {found}")
        lines += [f"    {example}" for example in row.examples]
        if count is not None and count > len(row.examples):
            lines.append("    …")
    if len(failed) > SHOWN_FAILURES:
        lines.append(f"  and {len(failed) - SHOWN_FAILURES} more")
    return "\n".join(lines + ([f"All of them: {docs / 'index.html'}"] if docs is not None else []))
