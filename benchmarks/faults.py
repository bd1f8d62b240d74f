"""The fault tests again and again: how often each passes, how long it takes, and how long recovery takes.

Nothing else should run beside it: some of the tests watch the clock.
"""

import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated
from xml.etree import ElementTree

import pandas as pd
import typer
from rich.markup import escape
from rich.table import Table

from benchmarks.records import RESULTS, ROOT, append_record, console, errors, run_command
from rlrec.errors import DataError, RlrecError

_ALL_HAVE_RUN = (0, 1)
"""pytest's exit codes when every test passed, or some failed."""


def run_tests(tests: Sequence[str], report: Path) -> None:
    """Runs tests in a process of their own and, when all have passed or failed, leaves pytest's JUnit report.

    Raises:
        RlrecError: pytest could not run them.
    """
    unfinished = report.with_suffix(".part")
    options = ["-q", "-o", "junit_family=xunit1", f"--junitxml={unfinished}"]
    with subprocess.Popen([sys.executable, "-m", "pytest", *options, *tests], cwd=ROOT, stdout=sys.stderr) as pytest:
        try:
            pytest.wait()
        except KeyboardInterrupt:
            pytest.wait()  # it was interrupted as well, and has a cluster to end
            raise
    if pytest.returncode not in _ALL_HAVE_RUN:
        raise RlrecError(f"pytest did not run {' '.join(tests)}: exit code {pytest.returncode}, see above")
    unfinished.replace(report)


def figures_of(reports: Iterable[Path]) -> pd.DataFrame:
    """What the JUnit reports of several runs say.

    Returns:
        A row for each test and figure, in the tests' order: columns `test`, `figure`, `count` (of the runs that have
        it), `sum`, `median`, `min` and `max`. Figures are `passed` (1 or 0), `seconds`, and what a test recorded, e.g.
        `recovery_seconds`.

    Raises:
        DataError: a report cannot be read.
    """
    rows = [row for report in reports for row in _rows(report)]
    values = pd.DataFrame(rows, columns=["test", "figure", "value"])
    grouped = values.groupby(["test", "figure"], sort=False)["value"]
    return grouped.agg(["count", "sum", "median", "min", "max"]).reset_index()


def _rows(report: Path) -> list[tuple[str, str, float]]:
    try:
        cases = list(ElementTree.parse(report).iter("testcase"))
    except (OSError, ElementTree.ParseError) as error:
        raise DataError(f"cannot read {report}: {error}") from error
    rows: list[tuple[str, str, float]] = []
    for case in cases:
        test = case.attrib["name"]
        passed = all(case.find(outcome) is None for outcome in ("failure", "error", "skipped"))
        recorded = [(entry.attrib["name"], float(entry.attrib["value"])) for entry in case.iter("property")]
        rows += [(test, "passed", float(passed)), (test, "seconds", float(case.attrib["time"]))]
        rows += [(test, name, value) for name, value in recorded]
    return rows


def main(
    tests: Annotated[list[str] | None, typer.Argument(help="Tests as pytest names them.", show_default="all")] = None,
    times: Annotated[int, typer.Option(help="How often (all tests take six minutes).", min=1)] = 20,
    keep: Annotated[
        Path | None, typer.Option(help="Folder for the reports, run-1.xml and so on: those there are not run again.")
    ] = None,
    output: Annotated[Path, typer.Option(help="Where the record is added.")] = RESULTS / "faults.json",
) -> None:
    """Runs the fault tests several times, one after another."""
    chosen = tests or ["tests/faults"]
    with TemporaryDirectory() as temporary:
        folder = keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        reports = [folder.resolve() / f"run-{run}.xml" for run in range(1, times + 1)]
        for run, report in enumerate(reports, 1):
            if report.is_file():
                errors.print(f"run {run} of {times}: kept in {report}", soft_wrap=True)
            else:
                errors.print(f"run {run} of {times} …")
                run_tests(chosen, report)
        figures = figures_of(reports)
    table = Table(title=escape(f"{' '.join(chosen)}, {times} times"))
    table.add_column("test", overflow="fold")
    for column in ("figure", "median", "least", "most"):
        table.add_column(column, justify="right")
    rows = figures.to_dict("records")
    for row in rows:
        if row["figure"] == "passed":
            table.add_row(escape(row["test"]), "passed", f"{row['sum']:.0f} of {row['count']}")
        else:
            table.add_row("", row["figure"], *(f"{row[name]:.1f}" for name in ("median", "min", "max")))
    console.print(table)
    settings = {"tests": chosen, "times": times}
    append_record(output, settings=settings, figures=rows, packages=("ray", "prefect"))
    if failed := [row["test"] for row in rows if row["figure"] == "passed" and row["sum"] < row["count"]]:
        sys.exit(f"not passed every time: {', '.join(failed)}")


if __name__ == "__main__":
    run_command(main)
