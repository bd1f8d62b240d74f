import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import searches
from searches import plan_of, quick, search

from rlrec.errors import ConfigError
from rlrec.experiments.search.space import Values
from rlrec.experiments.search.study import AGAIN, REASON, opened, table
from rlrec.experiments.search.trials import Outcome
from rlrec.experiments.workers import Died, Report

KILLS = 10


def test_every_trial_is_told_with_its_state_value_and_curve(tmp_path: Path) -> None:
    told: list[Outcome] = []
    search(tmp_path, plan_of(tmp_path, 20), on_outcome=told.append)
    assert sorted(outcome.number for outcome in told) == list(range(20))
    assert Counter(outcome.state for outcome in told).keys() == {"completed", "pruned"}
    for outcome in told:
        assert outcome.curve[max(outcome.curve)] == outcome.value
        assert len(outcome.curve) == 4 or outcome.state == "pruned"


def test_settings_that_are_refused_are_a_trial_that_failed_with_the_reason(tmp_path: Path) -> None:
    def picky(values: Values, report: Report) -> float:
        if values["network"] == "recurrent":
            raise ConfigError("no memory here")
        return quick(values, report)

    told: list[Outcome] = []
    plan = plan_of(tmp_path, 15)
    search(tmp_path, plan, picky, on_outcome=told.append)
    failed = {outcome.number: outcome.reason for outcome in told if outcome.state == "failed"}
    assert failed
    assert set(failed.values()) == {"no memory here"}
    with opened(tmp_path / "a.journal", plan) as study:
        rows = table(study, plan)
    assert len(rows) == 15
    assert set(rows[rows["state"] == "failed"]["trial"]) == failed.keys()
    assert set(rows[rows["network"] == "recurrent"]["state"]) == {"failed"}


def test_a_trial_whose_process_died_is_run_once_more_and_then_has_failed(tmp_path: Path) -> None:
    deaths: Counter[float] = Counter()

    def deadly(values: Values, report: Report) -> float:
        gamma = float(values["gamma"])  # type: ignore[arg-type]
        if gamma > 0.45 or (gamma > 0.2 and not deaths[gamma]):
            deaths[gamma] += 1
            raise Died("its process died (SIGSEGV)")
        return gamma

    told: list[Outcome] = []
    plan = plan_of(tmp_path, 12)
    search(tmp_path, plan, deadly, on_outcome=told.append)
    with opened(tmp_path / "a.journal", plan) as study:
        rows = table(study, plan)
    assert len(rows) == 12
    assert set(rows[rows["gamma"] > 0.45]["reason"]) == {"its process died (SIGSEGV), twice"}
    assert set(rows[rows["gamma"] <= 0.45]["state"]) == {"completed"}
    assert deaths
    assert all(count == (2 if gamma > 0.45 else 1) for gamma, count in deaths.items())
    assert sum(outcome.state == "again" for outcome in told) == len(deaths)


def test_a_defect_stops_the_search_and_the_trial_is_run_again(tmp_path: Path) -> None:
    def broken(values: Values, report: Report) -> float:
        raise ZeroDivisionError

    plan = plan_of(tmp_path, 5)
    with pytest.raises(ZeroDivisionError):
        search(tmp_path, plan, broken)
    told: list[Outcome] = []
    search(tmp_path, plan, on_outcome=told.append)
    assert len(told) == 5


def test_with_all_trials_done_nothing_is_run(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, 6)
    search(tmp_path, plan)
    with opened(tmp_path / "a.journal", plan) as study:
        before = study.trials
    search(tmp_path, plan, lambda *_: pytest.fail("a trial was run"))
    with opened(tmp_path / "a.journal", plan) as study:
        assert study.trials == before


@pytest.mark.slow
@pytest.mark.ci
def test_killed_at_random_moments_no_finished_trial_is_lost_and_none_is_run_twice(tmp_path: Path) -> None:
    trials, rng = 40, random.Random(7)
    plan, journal, book = plan_of(tmp_path, trials), tmp_path / "a.journal", tmp_path / "book"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, searches.__file__, str(tmp_path), str(trials)]
    kills = 0
    while True:
        process = subprocess.Popen(command, env=env)
        if kills < KILLS:  # somewhere in the next few trials, wherever in one that is
            lines = size(journal) + rng.randint(20, 60)
            while size(journal) < lines and process.poll() is None:
                time.sleep(0.002)
            time.sleep(rng.random() * 0.02)
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                kills += 1
        if process.wait() == 0:
            break
        assert process.returncode == -signal.SIGKILL
        with opened(journal, plan) as study:
            known = {row["trial"]: (row["state"], row["value"]) for row in table(study, plan).to_dict("records")}
        for number, state, value in noted(book):
            assert known[number] == (state, value)
    assert kills == KILLS

    with opened(journal, plan) as study:
        rows, all_trials = table(study, plan), study.trials
    assert len(rows) == trials
    finals = rows.drop(columns=["trial", "state", "value", "seconds", "reason"])
    assert not finals.duplicated().any()  # of values that are drawn, none were run to the end twice
    again = [trial.user_attrs[AGAIN] for trial in all_trials if AGAIN in trial.user_attrs]
    assert len(again) == len(set(again)) >= 1
    lost = {trial.number for trial in all_trials if trial.state.name == "FAIL" and REASON not in trial.user_attrs}
    assert set(again) == lost
    assert len(all_trials) == trials + len(lost)
    numbers = [number for number, _, _ in noted(book)]
    assert len(numbers) == len(set(numbers))


def size(journal: Path) -> int:
    return journal.read_bytes().count(b"\n") if journal.is_file() else 0


def noted(book: Path) -> list[tuple[int, str, float]]:
    """What the book has, but for a line that was torn."""
    lines = [line.split() for line in book.read_text().splitlines()] if book.is_file() else []
    return [(int(number), state, float(value)) for number, state, value in (line for line in lines if len(line) == 3)]
