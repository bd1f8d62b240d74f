"""Tests that hold a promise are run again and again: how often does each promise hold?

`--repeat N` runs tests marked `holds(promise)` N times within one session, which makes what they share once. In the end
it is told, by promise, in how many of the N rounds all of its tests have passed.
"""

from collections import defaultdict
from typing import Any

import pytest

_ROUND = "round_of_repetition"

PROMISES = {
    "proxy": "loopback goes through no proxy, and what comes from outside does",
    "profile": "profiles of the home folder and dead servers stop no run, or are told in a line",
    "links": "links into DVC's cache are followed, and no others",
    "server": "a run outlives the server that it reports to",
    "schedules": "what was changed in the UI stays when the pipeline is served again",
    "ending": "a run ends when it is told to, however it was started",
    "no-git": "without git the pipeline runs",
    "queue": "a queued run uses the code that it was queued with",
    "orphan": "a run that was killed while others wait holds up nobody",
    "folders": "a server of another folder is left alone",
    "yaml": "settings are read as DVC reads them",
    "missed": "runs that were missed are dropped and told",
}
"""What tests marked `holds(...)` are about."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--repeat", type=int, default=1, metavar="N", help="run tests marked `holds` N times")
    parser.addoption(
        "--promise", default="", metavar="A,B", help=f"only tests that hold one of these: {', '.join(PROMISES)}"
    )


@pytest.fixture
def round_of_repetition(request: pytest.FixtureRequest) -> int:
    """Which time it is, from 0 on."""
    return int(getattr(request, "param", 0))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    times = metafunc.config.getoption("--repeat", 1)
    if times > 1 and metafunc.definition.get_closest_marker("holds"):
        if _ROUND not in metafunc.fixturenames:
            metafunc.fixturenames.append(_ROUND)
        metafunc.parametrize(
            _ROUND, range(times), indirect=True, ids=[f"round {number + 1}" for number in range(times)]
        )


def choose(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what holds none of the promises that were asked for, and notes what each test holds."""
    asked = set(filter(None, str(config.getoption("--promise", "")).split(",")))
    if unknown := (asked | {promise for item in items for promise in promises_of(item)}) - PROMISES.keys():
        raise pytest.UsageError(f"no such promise: {', '.join(sorted(unknown))}; there are {', '.join(PROMISES)}")
    if asked:
        out = [item for item in items if not asked & promises_of(item)]
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if asked & promises_of(item)]
    for item in items:
        params = getattr(getattr(item, "callspec", None), "params", {})
        item.user_properties += [("holds", (promise, params.get(_ROUND, 0))) for promise in sorted(promises_of(item))]


def promises_of(item: pytest.Item) -> set[str]:
    """What a test holds."""
    return {promise for marker in item.iter_markers("holds") for promise in marker.args}


def kept_in(reports: list[Any]) -> dict[str, dict[int, bool]]:
    """By promise and round, whether it was kept: nothing of it failed, and something of it has run."""
    found: dict[str, dict[int, bool]] = defaultdict(dict)
    for report in reports:
        for name, value in report.user_properties:
            if name == "holds" and (report.failed or (report.when == "call" and report.passed)):
                promise, number = value
                found[promise][number] = found[promise].get(number, True) and not report.failed
    return found


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    times = config.getoption("--repeat", 1)
    if times == 1:
        return
    reports = [report for kind in ("passed", "failed", "error") for report in terminalreporter.stats.get(kind, ())]
    terminalreporter.section("promises")
    kept = kept_in(reports)
    for promise, meaning in PROMISES.items():
        if promise in kept:
            terminalreporter.line(f"{promise}: {sum(kept[promise].values())} of {times} times: {meaning}")
