import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import planners
from benchmarks.planners import BeliefPlanner, InformedPlanner, Rollouts
from rlrec.policies.baselines import BASELINES, Known
from rlrec.policies.playing import play
from rlrec.settings.beliefs import BeliefConfig
from rlrec.testing import known, small_world
from rlrec.worlds.planning import PLANNING_SCENARIO, planning_world

STATIC = PLANNING_SCENARIO.model_copy(
    update={"delta": 0.0, "recovery": 0.0, "allow_repeats": False, "episode_length": 10}
)


@pytest.mark.parametrize("k", [1, 3])
def test_where_tastes_stand_still_looking_ahead_shows_what_the_oracle_shows(k: int) -> None:
    world, scenario = small_world(), STATIC.model_copy(update={"slate_size": k})
    users = world.users_in("test")
    oracle, planner = BASELINES["oracle"](known(world)), InformedPlanner(Rollouts(4, 3))
    own, best = (play(policy, world, users, scenario, 0).rewards.sum(axis=1) for policy in (planner, oracle))
    np.testing.assert_allclose(own, best, atol=1e-4)


def test_where_planning_pays_the_planner_earns_more_than_the_oracle() -> None:
    world = planning_world()
    users = world.users_in("test")
    oracle, planner = BASELINES["oracle"](Known.of(world)), InformedPlanner(Rollouts(8, 8))
    own, greedy = (
        play(policy, world, users, PLANNING_SCENARIO, 0).rewards.sum(axis=1).mean() for policy in (planner, oracle)
    )
    assert own > greedy + 0.05


def test_on_a_belief_nobody_is_told_the_taste() -> None:
    world = small_world()
    planner = BeliefPlanner(Rollouts(3, 2), BeliefConfig(noise=0.1, bounded=True))
    found = play(planner, world, world.users_in("test"), STATIC, 0).rewards.sum(axis=1)
    random = play(BASELINES["random"](known(world)), world, world.users_in("test"), STATIC, 0).rewards.sum(axis=1)
    assert found.mean() > random.mean()


@pytest.mark.slow
def test_the_command_prints_and_records_what_was_gained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "planners.json"
    planners.main(only=["planning"], candidates=2, horizon=[2], world=_saved(tmp_path), output=output)
    assert "planning" in capsys.readouterr().out
    [record] = json.loads(output.read_text())
    gain, low, high = record["figures"]["planning"]["taste"]["gain"]["2"]
    assert low <= gain <= high


def _saved(folder: Path) -> Path:
    small_world().save(folder / "world.npz")
    return folder / "world.npz"
