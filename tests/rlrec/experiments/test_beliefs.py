import json
from pathlib import Path
from typing import Any

import pytest
from worlds import known, small_world

from rlrec.errors import DataError
from rlrec.experiments import beliefs as module
from rlrec.experiments.beliefs import Believers
from rlrec.experiments.fill import fill
from rlrec.experiments.grid import load_grid
from rlrec.experiments.runs import Run, Runs, play_test_users
from rlrec.policies.baselines import BASELINES
from rlrec.settings.beliefs import BeliefConfig, Beliefs
from rlrec.settings.config import Config
from rlrec.worlds.world import World

WORLD = small_world(4)
FOUND = Beliefs(
    static=BeliefConfig(noise=0.5),
    walk=BeliefConfig(walk=0.3),
    dynamics=BeliefConfig(growth=0.7, bounded=True),
    best="dynamics",
)
BASE = Config.model_validate(
    {"scenario": {"episode_length": 5}, "learners": {"a3c": {"algorithm": "a3c", "rollout": 5}}}
)
GRID = """
seeds: 2
reference: a3c
scenarios:
  calm: {title: calm, scenario: {delta: 0.0, episode_length: 5}}
  told: {title: told, scenario: {delta: 0.5, episode_length: 5, belief: {noise: 0.2}}}
learners:
  a3c: {}
  counting: {learner: {algorithm: a3c, features: genres, rollout: 5}, only: [told]}
"""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is asked for, by scenario, of an estimate that takes no time."""
    found: list[Any] = []

    def estimate(world: World, scenario: Any, seed: int) -> tuple[Beliefs, list[Any]]:
        found.append((scenario.delta, scenario.features, seed))
        return FOUND, []

    monkeypatch.setattr(module, "estimate", estimate)
    return found


def test_an_estimate_is_made_once_and_found_again(tmp_path: Path, asked: list[Any]) -> None:
    first = Believers(tmp_path, 7)
    assert first(Config(), WORLD) == first(Config(), WORLD) == FOUND
    assert Believers(tmp_path, 7)(Config(), WORLD) == FOUND
    assert asked == [(1.0, "world", 7)]
    Believers(tmp_path, 7, fresh=True)(Config(), WORLD)
    Believers(tmp_path, 8)(Config(), WORLD)
    Believers(tmp_path, 7)(Config(), small_world(5))
    Believers(tmp_path, 7)(Config.model_validate({"scenario": {"delta": 0.5}}), WORLD)
    assert len(asked) == 5


def test_a_damaged_estimate_is_named(tmp_path: Path, asked: list[Any]) -> None:
    Believers(tmp_path, 7)(Config(), WORLD)
    [file] = tmp_path.iterdir()
    file.write_text(json.dumps({"static": 3}))
    with pytest.raises(DataError, match=file.name):
        Believers(tmp_path, 7)(Config(), WORLD)


def test_learners_and_bandits_of_a_grid_believe_what_was_estimated_unless_they_are_told(
    tmp_path: Path, asked: list[Any]
) -> None:
    (tmp_path / "grid.yaml").write_text(GRID)
    grid, trained = load_grid(tmp_path / "grid.yaml", BASE), []

    def trainer(config: Config, world: World, tell: Any) -> Run:
        trained.append((config.job(config.evaluate.reference).scenario.delta, config.scenario.belief))
        return play_test_users(BASELINES["oracle"](known(WORLD)), WORLD, config)

    baselines = {"fitted": {"walk_bandit": BASELINES["walk_bandit"](known(WORLD))}}
    believer = Believers(tmp_path / "runs", 7)
    found = fill(grid, BASE, {"fitted": WORLD}, baselines, Runs(tmp_path / "runs"), trainer=trainer, believer=believer)
    assert trained == [(0.0, FOUND.dynamics)] * 2 + [(0.5, BeliefConfig(noise=0.2))] * 4
    assert asked == [(0.0, "world", 7), (0.5, "world", 7)]
    assert [len(played["walk_bandit"]) for played in found.values()] == [1, 1]
