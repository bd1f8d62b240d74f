"""Judges the three tables by their suites, writes what came out as Data Docs, and stops at a failure."""

import logging
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import great_expectations as gx
import pandas as pd

from rlrec.data.checking.datadocs import write_docs
from rlrec.data.checking.results import Check, Summary, TableChecks
from rlrec.data.checking.suites import Expectation, judged_frame, suite_of
from rlrec.data.checking.wording import Called, examples, message
from rlrec.data.dataset.tables import SCHEMAS, Tables
from rlrec.data.registry import facts_of
from rlrec.errors import ValidationError
from rlrec.storage.files import atomic_folder
from rlrec.storage.json_files import to_json

logger = logging.getLogger(__name__)

SUMMARY_FILE = "summary.json"

# Imported by name since the package re-exports its expectations without saying so to type checkers.
_gxe: Any = import_module("great_expectations.expectations")


def validate(
    tables: Tables,
    name: str,
    docs: Path,
    *,
    check_counts: bool = True,
    newest: int | None = None,
    cleaned: bool = False,
    called: Called | None = None,
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
        called: what the ids are in the data, where they are texts.

    Returns:
        What `docs/summary.json` holds.

    Raises:
        ValidationError: an expectation fails; names table, expectation, number of failing rows and the first few of
            them.
        DataError: the data set is unknown, or `docs` cannot be written.
    """
    facts = facts_of(name, cleaned=cleaned)
    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]
    source = context.data_sources.add_or_update_pandas("tables")
    results, summaries = {}, {}
    for table in SCHEMAS:
        frame = judged_frame(tables, table)
        expected = suite_of(tables, table, facts, newest or facts.newest, check_counts)
        batch = source.add_dataframe_asset(table).add_batch_definition_whole_dataframe(table)
        results[table] = batch.get_batch({"dataframe": frame}).validate(
            _suite(table, expected), result_format={"result_format": "COMPLETE", "return_unexpected_index_query": False}
        )
        summaries[table] = _summary(results[table], expected, frame, table, called or {})
    summary = Summary(name, all(not found.failed for found in summaries.values()), summaries)
    with atomic_folder(docs) as fresh:
        write_docs(summary, results, fresh)
        (fresh / SUMMARY_FILE).write_bytes(to_json(summary))
    if not summary.success:
        raise ValidationError(message(summary, docs))
    total = sum(found.expectations for found in summaries.values())
    logger.info("%s meets all %d expectations; see %s", name, total, docs / "index.html")
    return summary


def _suite(table: str, expectations: Sequence[Expectation]) -> Any:
    made = [getattr(_gxe, one.kind)(**one.arguments) for one in expectations]
    return gx.ExpectationSuite(name=table, expectations=made)


def _summary(
    result: Any, expected: Sequence[Expectation], frame: pd.DataFrame, table: str, called: Called
) -> TableChecks:
    found = [_one(outcome, frame, table, called) for outcome in result.results]
    # Great Expectations answers in an order of its own.
    by_key = {(row.expectation, row.column, row.description): row for row in found}
    rows = [by_key[one.key] for one in expected]
    return TableChecks(len(frame), len(rows), sum(not row.success for row in rows), rows)


def _one(outcome: Any, frame: pd.DataFrame, table: str, called: Called) -> Check:
    config, result = outcome.expectation_config, outcome.result
    together = config.kwargs.get("column_list")
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
        examples=[] if outcome.success or not positions else examples(frame, table, positions, together, called),
    )


def _raised(info: dict[str, Any]) -> str | None:
    # Either one record, or one for each metric that could not be computed.
    records = [info] if "raised_exception" in info else list(info.values())
    return next((str(r["exception_message"]).splitlines()[0] for r in records if r["raised_exception"]), None)
