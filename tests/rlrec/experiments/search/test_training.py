"""Real trainings, small ones, in processes of their own."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from searches import plan_of
from worlds import informed, small_world, tables_of

from rlrec.data.dataset.tables import save_tables
from rlrec.errors import ConfigError
from rlrec.experiments.search.space import Plan
from rlrec.experiments.search.training import Trainer, judged
from rlrec.experiments.workers import Pruned, Workers
from rlrec.policies.saved import load_policy
from rlrec.settings.config import Config

pytestmark = [pytest.mark.slow, pytest.mark.ci]

SETTINGS = {
    "scenario": {"episode_length": 10, "belief": {}},
    "learners": {
        "a3c": {"algorithm": "a3c", "users": 8, "rollout": 5, "hidden": 8, "start": "zero"},
        "next": {"learns_from": "logged", "users": 8, "slates": 2, "hidden": 8, "steps": 160, "algorithm": "a3c"},
        "cold": {
            **{"learns_from": "logged", "sessions": "cold", "users": 8, "hidden": 8, "slate_size": 1, "length": 10},
            **{"rollout": 10, "reward": "liked", "steps": 800, "algorithm": "a3c"},
        },
    },
    "training": {"steps": 800, "judging_users": 30},
    "evaluate": {"bootstrap_samples": 200},
}
SPACE = "steps: 800\npoints: 4\nseeds: 2\nspaces:\n  {kind}:\n    gamma: {{low: 0, high: 0.9}}\n    hidden: [8, 16]\n"


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers(2) as found:
        yield found


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    world = informed(small_world())
    world.save(folder / "world.npz")
    save_tables(tables_of(world), folder / "tables")
    return folder


def plan(folder: Path, learner: str) -> Plan:
    base = Config.model_validate(SETTINGS)
    text = SPACE.replace("{kind}", base.learners[learner].key)
    return plan_of(folder, text=text, base=base, learner=learner)


def trainer(data: Path, folder: Path, workers: Workers, learner: str = "a3c") -> Trainer:
    return Trainer(plan(folder, learner), data / "world.npz", folder, workers)


def test_a_trial_tells_its_curve_and_ends_with_its_best_point(data: Path, tmp_path: Path, workers: Workers) -> None:
    told: dict[int, float] = {}
    one = trainer(data, tmp_path, workers)
    values = one.plan.default
    value = one.trial(values, lambda number, worth: not told.update({number: worth}))
    assert list(told) == [1, 2, 3, 4]
    assert list(told.values()) == sorted(told.values())
    assert value == told[4]
    assert one.trial(values, lambda *_: True) == value  # one agent: equal seeds, equal trials
    assert one.trial(values | {"gamma": 0.9}, lambda *_: True) != value


def test_a_trial_that_is_told_so_ends_early(data: Path, tmp_path: Path, workers: Workers) -> None:
    told: list[int] = []
    one = trainer(data, tmp_path, workers)
    with pytest.raises(Pruned):
        one.trial(one.plan.default, lambda number, _: bool(told.append(number)) or number < 2)
    assert told == [1, 2]


def test_values_that_are_refused_train_nothing(data: Path, tmp_path: Path, workers: Workers) -> None:
    with pytest.raises(ConfigError, match="rollout"):
        trainer(data, tmp_path, workers).trial({"rollout": 3}, lambda *_: True)


@pytest.mark.parametrize(("learner", "figure"), [("a3c", "return"), ("next", "ndcg@10"), ("cold", "liked@40")])
def test_a_finalist_is_kept_judged_and_asked_about(
    data: Path, tmp_path: Path, workers: Workers, learner: str, figure: str
) -> None:
    one = trainer(data, tmp_path, workers, learner)
    folder = one.finalist(one.plan.default, 0)
    assert np.isfinite(judged(folder)).all()
    assert load_policy(folder).name == learner
    kept = (folder / "weights.npz").stat().st_mtime_ns
    assert one.finalist(one.plan.default, 0) == folder
    assert (folder / "weights.npz").stat().st_mtime_ns == kept
    name, values = one.on_test_users(folder, data / "tables")
    assert name == figure
    assert values.ndim == 1
    assert np.isfinite(values).all()


def test_what_decides_a_trial_decides_where_trials_are_kept(data: Path, tmp_path: Path, workers: Workers) -> None:
    one = trainer(data, tmp_path, workers)
    other = Trainer(
        plan_of(
            tmp_path,
            text=SPACE.replace("{kind}", "a3c").replace("0.9", "0.8"),
            base=one.plan.base,
        ),
        data / "world.npz",
        tmp_path,
        workers,
    )
    longer = plan_of(tmp_path, 99, SPACE.replace("{kind}", "a3c") + "trials: {trials}\n", one.plan.base)
    assert other.key != one.key
    assert Trainer(longer, data / "world.npz", tmp_path, workers).key == one.key
