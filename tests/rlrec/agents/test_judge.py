import dataclasses
from pathlib import Path

import numpy as np
import pytest
from jobs import job
from worlds import small_world

from rlrec.agents.distributed.checkpoints import Checkpoints
from rlrec.agents.distributed.messages import Floats, Means, Snapshot
from rlrec.agents.judge import Judge
from rlrec.agents.jury import jury_of
from rlrec.environments.sessions import Sessions
from rlrec.policies.playing import play
from rlrec.policies.policy import Policy, Scores
from rlrec.settings.config import derive_seed
from rlrec.statistics import intervals as statistics
from rlrec.worlds.world import World

JOB = job(episode_length=10, rollout=10)
WORLD = small_world(0, n_users=200)


class Fixed(Policy):
    """Always the same scores: the weights themselves."""

    name = "fixed"

    def __init__(self, weights: Floats) -> None:
        self._weights = weights

    def scores(self, sessions: Sessions) -> Scores:
        return np.tile(self._weights, (len(sessions.users), 1))


def snapshot(version: int, taste: float) -> Snapshot:
    """Weights that follow the movies' biases more or less."""
    noise = np.random.default_rng(1).normal(0, 1, WORLD.n_movies)
    weights = (taste * WORLD.movie_vectors[:, 1] + noise).astype(np.float32)
    return Snapshot(version, version * 100, 1.0, Means({"loss": 0.5}, 0.0), weights)


def judge(checkpoints: Checkpoints | None = None, world: World = WORLD, *, warm: bool = False, drawn: int = 0) -> Judge:
    jury = jury_of(world, job(episode_length=10, rollout=10, judging_users=drawn))
    return Judge(jury, Fixed, checkpoints, warm=warm)


def test_a_checkpoint_has_the_interval_of_what_validation_users_gave_it() -> None:
    point = judge()(snapshot(5, 1.0))
    seed = derive_seed(JOB.seed, "validation sessions")
    users = WORLD.users_in("validation")
    returns = play(Fixed(snapshot(5, 1.0).weights), WORLD, users, JOB.scenario, seed).rewards.sum(axis=1)
    assert point.validation_return == pytest.approx(returns.mean())
    draws = statistics.resample(len(users), 20_000, np.random.default_rng(0))
    bootstrap = statistics.mean(returns, draws).interval(statistics.CONFIDENCE)
    width = bootstrap[1] - bootstrap[0]
    assert (point.validation_ci_low, point.validation_ci_high) == pytest.approx(bootstrap, abs=0.1 * width)
    assert width > 0.1


def test_the_best_is_kept_with_its_interval_and_version_0_is_not_among_them() -> None:
    judged = judge()
    points = [judged(snapshot(version, taste)) for version, taste in ((0, 9.0), (5, 0.1), (10, 3.0), (15, 1.0))]
    assert judged.best == points[2]
    assert judged.curve == points
    assert np.array_equal(judged.best_weights, snapshot(10, 3.0).weights)  # type: ignore[arg-type]


def test_what_was_judged_is_taken_up_again(tmp_path: Path) -> None:
    first = judge(Checkpoints(tmp_path, "this training"))
    first(snapshot(5, 1.0))
    again = judge(Checkpoints(tmp_path, "this training"))
    assert (again.best, again.curve) == (first.best, first.curve)
    assert judge(Checkpoints(tmp_path, "another")).curve == []


def test_points_of_another_form_are_judged_anew(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path, "this training")
    short = {"version": 5, "steps": 500, "validation_return": 3.0}
    kept.save("judged", {"best_weights": snapshot(5, 1.0).weights}, {"curve": [short], "best": short})
    found = judge(kept)
    assert (found.best, found.curve) == (None, [])


def test_of_one_validation_user_there_is_no_interval() -> None:
    pools = np.zeros_like(WORLD.pools)
    pools[:1] = 1
    point = judge(world=dataclasses.replace(WORLD, pools=pools))(snapshot(5, 1.0))
    assert np.isfinite(point.validation_return)
    assert np.isnan(point.validation_ci_low)


def test_a_start_that_is_worth_keeping_is_kept_unless_another_is_better_beyond_doubt() -> None:
    judged = judge(warm=True)
    start = judged(snapshot(0, 1.0))
    assert (judged.best, start.gain, start.gain_error) == (start, 0, 0)
    alike = judged(snapshot(5, 1.001))
    assert abs(alike.gain) <= 2 * alike.gain_error + 1e-9
    assert judged.best == start
    better = judged(snapshot(10, 3.0))
    assert better.gain > 2 * better.gain_error
    assert judged.best == better
    assert np.array_equal(judged.best_weights, snapshot(10, 3.0).weights)  # type: ignore[arg-type]


def test_gains_are_differences_of_the_same_users_from_the_first() -> None:
    judged = judge(drawn=300)
    first, second = judged(snapshot(0, 1.0)), judged(snapshot(5, 3.0))
    validation = len(WORLD.users_in("validation"))
    assert first.judges == second.judges == validation + 300
    alone = judge()
    few = [alone(snapshot(0, 1.0)), alone(snapshot(5, 3.0))][1]
    assert few.judges == validation
    assert few.validation_return == second.validation_return
    assert second.gain == pytest.approx(few.gain, abs=3 * few.gain_error)
    assert second.gain_error < 0.5 * few.gain_error


def test_test_users_do_not_judge() -> None:
    changed = WORLD.user_vectors.copy()
    changed[WORLD.users_in("test")] += 3
    other = dataclasses.replace(WORLD, user_vectors=changed)
    points = []
    for world in (WORLD, other):
        judged = judge(world=world, drawn=50)
        points.append([judged(snapshot(0, 1.0)), judged(snapshot(5, 3.0))])
    assert points[0] == points[1]
