from pathlib import Path

import pytest

from benchmarks.faults import figures_of, main, run_tests
from rlrec.errors import DataError, RlrecError

TESTS = """\
import pathlib

def test_recovers(record_property):
    record_property("recovery_seconds", 2.5)

def test_passes_once():
    seen = pathlib.Path(__file__).with_name("seen")
    assert not seen.exists()
    seen.touch()
"""


@pytest.fixture(autouse=True)
def without_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which take most of the time in which pytest starts."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


@pytest.fixture
def tests(tmp_path: Path) -> str:
    path = tmp_path / "test_some.py"
    path.write_text(TESTS)
    return str(path)


def test_passes_and_recorded_numbers_are_counted_over_the_runs(tests: str, tmp_path: Path) -> None:
    reports = [tmp_path / f"run-{run}.xml" for run in (1, 2, 3)]
    for report in reports:
        run_tests([tests], report)

    figures = figures_of(reports).set_index(["test", "figure"])

    assert figures.loc[("test_recovers", "passed"), ["count", "sum"]].tolist() == [3, 3]
    assert figures.loc[("test_recovers", "recovery_seconds"), ["median", "min", "max"]].tolist() == [2.5] * 3
    assert figures.loc[("test_passes_once", "passed"), ["count", "sum"]].tolist() == [3, 1]


def test_a_kept_run_is_not_run_again_and_a_failure_is_named_in_the_end(tests: str, tmp_path: Path) -> None:
    output = tmp_path / "faults.json"
    main([tests], times=1, keep=tmp_path / "kept", output=output)
    main([tests], times=1, keep=tmp_path / "kept", output=output)  # run again, test_passes_once would fail
    with pytest.raises(SystemExit, match="not passed every time: test_passes_once"):
        main([tests], times=2, keep=tmp_path / "kept", output=output)


def test_what_pytest_cannot_run_is_an_error_and_leaves_no_report(tmp_path: Path) -> None:
    with pytest.raises(RlrecError, match=r"did not run .*absent.*exit code 4"):
        run_tests([str(tmp_path / "absent")], tmp_path / "run-1.xml")
    assert not (tmp_path / "run-1.xml").exists()


def test_a_report_that_is_torn_is_named(tmp_path: Path) -> None:
    report = tmp_path / "run-1.xml"
    report.write_text("<testsuites>")
    with pytest.raises(DataError, match=str(report)):
        figures_of([report])
