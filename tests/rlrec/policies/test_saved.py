import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from policies import policy_for
from worlds import informed, small_world

from rlrec.environments.logged import logged_users
from rlrec.errors import ModelError
from rlrec.policies.networks import NETWORKS
from rlrec.policies.playing import play
from rlrec.policies.saved import DESCRIPTION_FILE, WEIGHTS_FILE, load_policy, save_policy
from rlrec.settings.config import ScenarioConfig

WORLD = informed(small_world(1))


@pytest.mark.parametrize("kind", NETWORKS)
def test_a_saved_policy_recommends_the_same(tmp_path: Path, kind: str) -> None:
    policy = policy_for(WORLD, kind)
    save_policy(policy, tmp_path / "a3c")
    users, scenario = WORLD.users_in("test"), ScenarioConfig(episode_length=5, slate_size=2)

    again = load_policy(tmp_path / "a3c")

    one, other = (play(p, WORLD, users, scenario, 0) for p in (policy, again))
    np.testing.assert_array_equal(one.slates, other.slates)
    assert again.network == policy.network
    assert type(again.network) is type(policy.network)


def test_a_saved_policy_remembers_its_positions(tmp_path: Path) -> None:
    policy = policy_for(WORLD, "proposals", positions=3)
    save_policy(policy, tmp_path)
    users, scenario = WORLD.users_in("test"), ScenarioConfig(episode_length=5, slate_size=4)

    again = load_policy(tmp_path)

    assert again.network == policy.network
    one, other = (play(p, WORLD, users, scenario, 0) for p in (policy, again))
    np.testing.assert_array_equal(one.slates, other.slates)


def test_a_policy_of_one_query_has_no_positions(tmp_path: Path) -> None:
    """What was written before there were any is read as it was, and is written no other way now."""
    save_policy(policy_for(WORLD), tmp_path)
    file = tmp_path / DESCRIPTION_FILE
    description = json.loads(file.read_text())
    assert set(description["network"]) == {"kind", "state", "hidden", "features", "movies"}
    description["network"]["positions"] = 3
    file.write_text(json.dumps(description))
    with pytest.raises(ModelError, match="a bilinear one has no positions"):
        load_policy(tmp_path)


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
    "change",
    [
        {"format": 99},
        {"features": None},
        {"name": "../a3c"},
        {"label": ""},
        {"reward": "stars"},
        {"observation": "everything"},
        {"network": "deep"},
        {"network": {"kind": "deep"}},
        {"network": {"state": 7}},
        {"network": {"hidden": "many"}},
    ],
    ids=str,
)
def test_a_description_that_does_not_fit_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    save_policy(policy_for(WORLD), tmp_path)
    file = tmp_path / DESCRIPTION_FILE
    description = json.loads(file.read_text())
    for name, value in change.items():
        description[name] = {**description[name], **value} if isinstance(value, dict) else value
    file.write_text(json.dumps(description))

    with pytest.raises(ModelError):
        load_policy(tmp_path)


def test_weights_that_are_not_numbers_are_refused(tmp_path: Path) -> None:
    policy = policy_for(WORLD)
    policy.center[0] = np.nan
    save_policy(policy, tmp_path)

    with pytest.raises(ModelError, match="center holds a NaN"):
        load_policy(tmp_path)


@pytest.mark.parametrize(("observation", "reward"), [("recent", "seen"), ("answers", "liked"), ("answers", "rating")])
def test_a_saved_policy_remembers_what_it_saw_of_real_people(tmp_path: Path, observation: str, reward: str) -> None:
    policy = policy_for(WORLD, features="watched", observation=observation, reward=reward)
    policy.sharpness = 2.5 if observation == "answers" else 0.0
    save_policy(policy, tmp_path)
    users, scenario = WORLD.users_in("validation"), ScenarioConfig(episode_length=5, slate_size=2)

    again = load_policy(tmp_path)

    one, other = (
        play(p, WORLD, users, scenario, 0, answers=lambda who: logged_users(WORLD, who)).slates for p in (policy, again)
    )
    np.testing.assert_array_equal(one, other)
    assert (again.observation, again.features, again.reward) == (observation, "watched", reward)
    assert (again.sharpness, again.note) == (policy.sharpness, policy.note)


@pytest.mark.parametrize("features", ["training", "genres", "watched", "both"])
def test_a_saved_policy_remembers_its_features(tmp_path: Path, features: str) -> None:
    save_policy(policy_for(WORLD, "recurrent", features=features), tmp_path)
    scenario = ScenarioConfig(episode_length=5, slate_size=2, features=features)  # type: ignore[arg-type]

    again = load_policy(tmp_path)

    one, other = (
        play(p, WORLD, np.arange(9), scenario, 0) for p in (policy_for(WORLD, "recurrent", features=features), again)
    )
    np.testing.assert_array_equal(one.slates, other.slates)
    assert again.features == features


def test_a_saved_policy_remembers_who_it_is(tmp_path: Path) -> None:
    policy = policy_for(WORLD)
    policy.algorithm, policy.name, policy.label = "a2c", "mine", "A2C, mine"
    save_policy(policy, tmp_path)

    again = load_policy(tmp_path)

    assert (again.algorithm, again.name, again.label) == ("a2c", "mine", "A2C, mine")
    assert again.note.label == "A2C, mine"


def test_a_policy_of_an_earlier_version_says_what_to_do(tmp_path: Path) -> None:
    save_policy(policy_for(WORLD), tmp_path)
    file = tmp_path / DESCRIPTION_FILE
    fourth = {name: value for name, value in json.loads(file.read_text()).items() if name != "reward"} | {"format": 4}
    second = {
        "catalogue": 64 * "0", "features": 9, "format": 2, "hidden": 6, "item_features": "world", "movies": 80,
        "network": "bilinear", "observation": "history", "state": 41,
    }  # fmt: skip
    for earlier in (second, fourth):
        file.write_text(json.dumps(earlier))
        told = rf"of an earlier version of rlrec \(format {earlier['format']}, now 5\): train the policy again \(`m"
        with pytest.raises(ModelError, match=told):
            load_policy(tmp_path)
