import logging
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from grids import BASE, BASELINE_NAMES, GRID, WORLD, Pretender, fill_grid
from worlds import known

from rlrec.errors import TrainingError
from rlrec.experiments import fill as module
from rlrec.experiments.fill import trains_in
from rlrec.experiments.runs import play_test_users, train_and_play
from rlrec.experiments.workers import Workers
from rlrec.policies.baselines import BASELINES

pytestmark = pytest.mark.filterwarnings("ignore:Logger .* attempted to send logs to the API")  # outside of a flow

TRAININGS = 3 * 5  # seeds times learners, of which one is trained in one of the two scenarios only
FILES = TRAININGS + 2 * (3 + 1 + 1)  # and random with each seed, best_average and the oracle once, in both scenarios


def test_every_policy_has_a_run_for_each_seed_or_one_where_seeds_do_not_matter(tmp_path: Path) -> None:
    results = fill_grid(tmp_path, Pretender())
    counts = {scenario: {name: len(runs) for name, runs in found.items()} for scenario, found in results.items()}
    baselines = {"random": 3, "best_average": 1, "oracle": 1}
    assert counts == {
        "calm": {"a3c": 3, "a2c": 3, "blind": 3, **baselines},
        "slates": {"a3c": 3, "a2c": 3, **baselines},
    }


def test_learners_are_trained_with_the_settings_of_the_grid(tmp_path: Path) -> None:
    trainer = Pretender()
    fill_grid(tmp_path, trainer)
    found = [(c.scenario.slate_size, c.evaluate.reference, c.seed) for c in trainer.asked]
    learners = {1: ("a3c", "a2c", "blind"), 2: ("a3c", "a2c")}
    assert found == [(k, name, seed) for k in (1, 2) for name in learners[k] for seed in (3, 4, 5)]


def test_all_policies_play_the_same_users_and_the_same_seeds(tmp_path: Path) -> None:
    results = fill_grid(tmp_path, Pretender())
    for scenario, found in results.items():
        for name in BASELINE_NAMES:
            for number, run in enumerate(found[name]):
                config = GRID.config(BASE, scenario, seed=number)
                alone = play_test_users(BASELINES[name](known(WORLD)), WORLD, config)
                assert np.array_equal(run.users.metrics["return"], alone.users.metrics["return"])
        seeds = {name: [run.facts["settings"]["seed"] for run in runs] for name, runs in found.items()}
        assert seeds["a3c"] == seeds["a2c"] == seeds["random"] == [3, 4, 5]


def test_wherever_it_is_interrupted_only_what_is_missing_is_made_the_next_time(tmp_path: Path) -> None:
    done = (0, 1, 5, 8)
    assert sum(done) == TRAININGS - 1
    for trainings in done:
        with pytest.raises(KeyboardInterrupt):
            fill_grid(tmp_path / "runs", Pretender(interrupted_at=trainings))
        finished = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "runs").glob("*.npz")}
    last = Pretender()
    results = fill_grid(tmp_path / "runs", last)
    assert len(last.asked) == 1
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "runs").glob("*.npz")}
    assert finished.items() <= after.items()
    assert len(after) == FILES
    assert not list((tmp_path / "runs").glob(".*"))
    whole = fill_grid(tmp_path / "at once", Pretender())
    for scenario, found in whole.items():
        for name, runs in found.items():
            for one, other in zip(runs, results[scenario][name], strict=True):
                assert np.array_equal(one.users.metrics["return"], other.users.metrics["return"])


def test_the_second_time_nothing_is_made(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first, second = Pretender(), Pretender()
    with caplog.at_level(logging.INFO):
        fill_grid(tmp_path, first)
        assert "slates of two, a2c, seed 5: return" in caplog.text
        caplog.clear()
        fill_grid(tmp_path, second)
    assert len(first.asked) == TRAININGS
    assert second.asked == []
    assert caplog.text == ""


def test_progress_counts_runs_and_the_share_of_the_one_under_way(tmp_path: Path) -> None:
    told: list[tuple[float, float, str]] = []
    fill_grid(tmp_path, Pretender(), progress=lambda *state: told.append(state))
    done = [share for share, _, _ in told]
    runs = 3 * 5 + 2 * 5
    assert done == sorted(done)
    assert (done[0], done[1], done[-1]) == (0, 0.5, runs)
    assert {total for _, total, _ in told} == {runs}
    assert told[1][2] == f"1 of {runs}: calm users, a3c, seed 3"
    assert told[-1][2] == f"{runs} of {runs}: slates of two, oracle, seed 3"


@pytest.mark.ci
@pytest.mark.slow
def test_a_training_in_a_process_of_its_own_gives_the_same_run_and_tells_how_far_it_is() -> None:
    learner = {"algorithm": "a3c", "rollout": 5, "users": 8, "hidden": 8}
    training = {"agents": 1, "steps": 400, "checkpoint_every": 2, "judging_users": 8}
    config = BASE.model_validate({**BASE.model_dump(), "learners": {"a3c": learner}, "training": training})
    shares: list[float] = []
    with Workers(1) as workers:
        there = trains_in(workers)(config, WORLD, shares.append)
    here = train_and_play(config, WORLD, lambda share: None)
    assert np.array_equal(there.users.metrics["return"], here.users.metrics["return"])
    assert there.facts["settings"] == here.facts["settings"]
    assert shares == sorted(shares)
    assert 0 < shares[-1] < 1


def test_a_training_whose_process_dies_is_told_and_what_was_finished_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_train", _dies)
    with Workers(1) as workers, pytest.raises(TrainingError, match=r"its process died \(SIGSEGV\).* is kept"):
        trains_in(workers)(BASE, WORLD, _nothing)


def _dies(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def _nothing(share: float) -> None:
    pass
