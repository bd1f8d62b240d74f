from pathlib import Path

import pytest
from grids import BASE, Pretender
from worlds import small_world, tables_of

from rlrec.errors import WorldError
from rlrec.experiments.fill import fill
from rlrec.experiments.grid import Grid, playable
from rlrec.experiments.runs import Runs
from rlrec.experiments.table import draw_resamples, matrix_table, regret_table
from rlrec.experiments.worlds import baselines_of, worlds_of
from rlrec.policies.baselines import BASELINES

FITTED = small_world(4, n_users=80)
TOGETHER = Grid.model_validate(
    {
        "seeds": 2,
        "bootstrap_samples": 200,
        "scenarios": {
            "calm": {"title": "calm users", "scenario": {"delta": 0.0}},
            "tired": {"title": "tired users", "world": "planning", "scenario": {"delta": -1.0, "allow_repeats": True}},
        },
        "reference": "a3c",
        "learner": {"rollout": 5},
        "learners": {"a3c": {}},
    }
)


def test_the_fitted_world_has_all_baselines_and_that_for_planning_those_that_need_no_ratings() -> None:
    baselines = baselines_of(worlds_of(FITTED), tables_of(FITTED), seed=3)

    assert list(baselines["fitted"]) == list(BASELINES)
    assert set(baselines["planning"]) == {
        "random", "best_average", "epsilon_greedy", "linucb", "bayesian_bandit", "walk_bandit", "dynamics_bandit",
        "static_mf", "oracle",
    }  # fmt: skip


def test_tables_of_another_world_are_told() -> None:
    with pytest.raises(WorldError, match="fitted to others"):
        baselines_of(worlds_of(FITTED), tables_of(small_world(n_movies=90)), seed=3)


def test_scenarios_of_both_worlds_stand_in_one_table_each_with_its_own_users(tmp_path: Path) -> None:
    worlds = worlds_of(FITTED)
    grid, skipped = playable(TOGETHER, BASE, worlds)
    baselines = {
        name: {own: found[own] for own in ("best_average", "oracle")}
        for name, found in baselines_of(worlds, tables_of(FITTED), seed=3).items()
    }

    results = fill(grid, BASE, worlds, baselines, Runs(tmp_path), trainer=Pretender())
    n_users = {name: len(worlds[entry.world].users_in("test")) for name, entry in grid.scenarios.items()}
    resamples = draw_resamples(grid, BASE, n_users.values())
    table = matrix_table(results, grid, resamples, 0.9, "oracle")
    regret = regret_table(results, resamples, "oracle", 0.9)

    assert not skipped
    assert n_users["calm"] != n_users["tired"]
    for name, users in n_users.items():
        assert {len(run.users.rewards) for runs in results[name].values() for run in runs} == {users}
    assert set(table["scenario"]) == set(regret["scenario"]) == {"calm", "tired"}
    assert results["tired"]["oracle"][0].users.shown.shape[1] == worlds["planning"].n_movies
