import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from worlds import small_world

from rlrec.a3c import A3CPolicy, load_policy, save_policy
from rlrec.a3c.network import Shape, n_weights, query, unflatten
from rlrec.a3c.policy import DESCRIPTION_FILE, WEIGHTS_FILE, fingerprint
from rlrec.config import ScenarioConfig
from rlrec.errors import ModelError
from rlrec.evaluation.online import play
from rlrec.simulator.observation import History
from rlrec.simulator.world import World

WORLD = small_world(1)


def policy_for(world: World, seed: int = 0) -> A3CPolicy:
    rng = np.random.default_rng(seed)
    shape = Shape(History.size(world), 6, world.features.shape[1])
    flat = rng.normal(size=n_weights(shape)).astype(np.float32)
    center, scale = rng.normal(size=(2, shape.state)).astype(np.float32)
    return A3CPolicy(unflatten(flat, shape), center, np.abs(scale) + 0.5, "history", fingerprint(world))


def test_a_saved_policy_recommends_the_same(tmp_path: Path) -> None:
    policy = policy_for(WORLD)
    save_policy(policy, tmp_path / "a3c")
    users, scenario = WORLD.users_in("test"), ScenarioConfig(episode_length=5, slate_size=2)

    again = load_policy(tmp_path / "a3c")

    one, other = (play(p, WORLD, users, scenario, 0) for p in (policy, again))
    np.testing.assert_array_equal(one.slates, other.slates)
    assert again.shape == policy.shape


def test_logits_are_queries_times_features() -> None:
    policy = policy_for(WORLD)
    observed = np.random.default_rng(3).normal(size=(2, policy.shape.state)).astype(np.float32)

    found = policy.logits(observed, WORLD.features)

    queries = query(policy.weights, (observed - policy.center) / policy.scale, np.tanh)
    np.testing.assert_allclose(found, queries @ WORLD.features.T, rtol=1e-6)


def test_equal_policies_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("one", "other"):
        save_policy(policy_for(WORLD), tmp_path / name)

    for file in (WEIGHTS_FILE, DESCRIPTION_FILE):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "other" / file).read_bytes()
    assert {f.name for f in (tmp_path / "one").iterdir()} == {WEIGHTS_FILE, DESCRIPTION_FILE}


def test_a_missing_policy_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"there is no policy at .*nowhere"):
        load_policy(tmp_path / "nowhere")


def test_a_truncated_policy_is_refused(tmp_path: Path) -> None:
    save_policy(policy_for(WORLD), tmp_path)
    file = tmp_path / WEIGHTS_FILE
    file.write_bytes(file.read_bytes()[:-200])

    with pytest.raises(ModelError, match="does not hold a policy"):
        load_policy(tmp_path)


def test_a_pickle_is_refused_and_not_executed(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "sprung",)  # type: ignore[return-value]

    save_policy(policy_for(WORLD), tmp_path)
    trap = np.empty(1, object)
    trap[0] = Trap()
    np.savez(tmp_path / WEIGHTS_FILE, weights=trap, center=trap, scale=trap)
    with pytest.raises(ModelError):
        load_policy(tmp_path)
    (tmp_path / WEIGHTS_FILE).write_bytes(pickle.dumps(Trap()))
    with pytest.raises(ModelError):
        load_policy(tmp_path)

    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    "change", [{"state": 7}, {"format": 99}, {"hidden": "many"}, {"features": None}], ids=lambda c: next(iter(c))
)
def test_a_description_that_does_not_fit_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    save_policy(policy_for(WORLD), tmp_path)
    file = tmp_path / DESCRIPTION_FILE
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))

    with pytest.raises(ModelError):
        load_policy(tmp_path)


def test_weights_that_are_not_numbers_are_refused(tmp_path: Path) -> None:
    policy = policy_for(WORLD)
    policy.center[0] = np.nan
    save_policy(policy, tmp_path)

    with pytest.raises(ModelError, match="center holds a NaN"):
        load_policy(tmp_path)


def test_another_catalogue_is_refused() -> None:
    with pytest.raises(ModelError, match="another catalogue"):
        play(policy_for(WORLD), small_world(2), np.array([0]), ScenarioConfig(), 0)


def test_another_observation_is_refused() -> None:
    with pytest.raises(ModelError, match="observation"):
        play(policy_for(WORLD), WORLD, np.array([0]), ScenarioConfig(observation="thesis"), 0)
