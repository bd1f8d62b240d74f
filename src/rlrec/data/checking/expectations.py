"""Judges the three tables by their suites, writes what came out as Data Docs, and stops at a failure."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import great_expectations as gx
import pandas as pd

from rlrec.data.checking.datadocs import write_docs
from rlrec.data.checking.results import Check, Summary, TableChecks
from rlrec.data.checking.suites import N_RATINGS, judged_frame, suite_of
from rlrec.data.dataset.tables import SCHEMAS, Columns, Tables
from rlrec.data.registry import DATASETS
from rlrec.errors import DataError, ValidationError
from rlrec.storage.files import atomic_folder
from rlrec.storage.json_files import to_json

logger = logging.getLogger(__name__)

SUMMARY_FILE = "summary.json"
SHOWN_ROWS = 3
SHOWN_FAILURES = 4

_SHOWN_COLUMNS = {
    "ratings": {
        Columns.ORIGINAL_USER: "user",
        Columns.ORIGINAL_MOVIE: "movie",
        Columns.RATING: "rating",
        Columns.TIMESTAMP: "timestamp",
    },
    "users": {
        Columns.ORIGINAL_ID: "user",
        Columns.SEX: "sex",
        Columns.AGE: "age",
        Columns.OCCUPATION: "occupation",
        Columns.ZIP: "zip",
        N_RATINGS: "ratings",
    },
    "movies": {
        Columns.ORIGINAL_ID: "movie",
        Columns.TITLE: "title",
        Columns.YEAR: "year",
        Columns.GENRES: "genres",
        Columns.VIOLENCE: "violence",
        N_RATINGS: "ratings",
    },
}


def validate(
    tables: Tables,
    name: str,
    docs: Path,
    *,
    check_counts: bool = True,
    newest: int | None = None,
    cleaned: bool = False,
) -> Summary:
    """Checks every expectation of every table and writes the result to `docs`, which is replaced as a whole.

    `docs/index.html` leads to one page a table; `docs/summary.json` is what is returned. Neither holds a time, so equal
    tables give equal bytes. Great Expectations is not thread-safe: one call at a time in a process.

    Args:
        tables: the canonical tables.
        name: of the data set, which decides the ratings that are allowed, the time range, and the numbers of rows.
        docs: folder for the pages.
        check_counts: whether the tables are said to be the complete data set, so that their rows are counted.
        newest: no rating may be younger, in seconds since 1970, UTC; the data set's own end where it is None.
        cleaned: whether ratings were left out, so that users may have fewer than they are said to have.

    Returns:
        What `docs/summary.json` holds.

    Raises:
        ValidationError: an expectation fails; names table, expectation, number of failing rows and the first few of
            them.
        DataError: the data set is unknown, or `docs` cannot be written.
    """
    if name not in DATASETS:
        raise DataError(f"nothing is known of a data set {name!r}; known are {', '.join(DATASETS)}")
    facts = replace(DATASETS[name], fewest_ratings=1) if cleaned else DATASETS[name]
    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]
    source = context.data_sources.add_or_update_pandas("tables")
    results, summaries = {}, {}
    for table in SCHEMAS:
        frame = judged_frame(tables, table)
        suite = gx.ExpectationSuite(
            name=table, expectations=suite_of(tables, table, facts, newest or facts.newest, check_counts)
        )
        batch = source.add_dataframe_asset(table).add_batch_definition_whole_dataframe(table)
        results[table] = batch.get_batch({"dataframe": frame}).validate(
            suite, result_format={"result_format": "COMPLETE", "return_unexpected_index_query": False}
        )
        summaries[table] = _summary(results[table], frame, table)
    summary = Summary(name, all(not found.failed for found in summaries.values()), summaries)
    with atomic_folder(docs) as fresh:
        write_docs(summary, results, fresh)
        (fresh / SUMMARY_FILE).write_bytes(to_json(summary))
    if not summary.success:
        raise ValidationError(_message(summary, docs))
    total = sum(found.expectations for found in summaries.values())
    logger.info("%s meets all %d expectations; see %s", name, total, docs / "index.html")
    return summary


def _summary(result: Any, frame: pd.DataFrame, table: str) -> TableChecks:
    rows = [_one(outcome, frame, table) for outcome in result.results]
    return TableChecks(len(frame), len(rows), sum(not row.success for row in rows), rows)


def _one(outcome: Any, frame: pd.DataFrame, table: str) -> Check:
    config, result = outcome.expectation_config, outcome.result
    positions = result.get("unexpected_index_list")
    observed = result.get("observed_value")
    if message := _raised(outcome.exception_info):
        observed = f"cannot be checked: {message}"
    return Check(
        expectation=config.type,
        column=config.kwargs.get("column"),
        description=config.description,
        success=bool(outcome.success),
        observed=observed if observed is None or isinstance(observed, (int, float, str)) else str(observed),
        failing_rows=None if positions is None else len(positions),
        examples=[] if outcome.success or not positions else _examples(frame, table, positions, config.kwargs),
    )


def _raised(info: dict[str, Any]) -> str | None:
    # Either one record, or one for each metric that could not be computed.
    records = [info] if "raised_exception" in info else list(info.values())
    return next((str(r["exception_message"]).splitlines()[0] for r in records if r["raised_exception"]), None)


def _examples(frame: pd.DataFrame, table: str, positions: list[int], kwargs: dict[str, Any]) -> list[str]:
    failing = frame.loc[positions]
    if together := kwargs.get("column_list"):
        # Rows that repeat each other may be far apart.
        failing = failing.sort_values(together, kind="stable")
    shown = _SHOWN_COLUMNS[table]
    rows = failing.head(SHOWN_ROWS)[list(shown)].astype(object).itertuples(index=False, name=None)
    return [", ".join(f"{label} {_text(v)}" for label, v in zip(shown.values(), row, strict=True)) for row in rows]


def _text(value: Any) -> str:
    if pd.isna(value):
        return "missing"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _message(summary: Summary, docs: Path) -> str:
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
    return "\n".join([*lines, f"All of them: {docs / 'index.html'}"])
