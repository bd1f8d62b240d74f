import numpy as np
import pytest
from policies import policy_for
from worlds import informed, small_world

from rlrec.environments.sessions import Sessions
from rlrec.errors import ModelError
from rlrec.policies.networks import NUMPY
from rlrec.policies.playing import play
from rlrec.settings.config import ScenarioConfig

WORLD = informed(small_world(1))


def test_scores_are_queries_times_features() -> None:
    policy, sessions = policy_for(WORLD), Sessions(WORLD, np.arange(2), ScenarioConfig())
    policy.begin(sessions, np.random.default_rng(0))

    found = policy.scores(sessions)

    state = (sessions.observe() - policy.center) / policy.scale
    queries = policy.network.query(policy.weights, state, np.zeros((2, 0)), NUMPY)
    np.testing.assert_allclose(found, queries @ WORLD.features.T, rtol=1e-6)


def test_a_memory_is_of_one_session_only() -> None:
    policy, sessions = policy_for(WORLD, "recurrent"), Sessions(WORLD, np.arange(2), ScenarioConfig())
    policy.begin(sessions, np.random.default_rng(0))
    fresh = policy.scores(sessions)

    policy.learn(np.array([[3], [4]]), np.array([[5.0], [1.0]], np.float32))

    assert not np.allclose(policy.scores(sessions), fresh)
    policy.begin(sessions, np.random.default_rng(0))
    np.testing.assert_array_equal(policy.scores(sessions), fresh)


def test_another_catalogue_is_refused() -> None:
    with pytest.raises(ModelError, match="another catalogue"):
        play(policy_for(WORLD), small_world(2), np.array([0]), ScenarioConfig(), 0)


def test_other_features_are_refused() -> None:
    for trained_with, played_with in (("genres", "world"), ("world", "training")):
        scenario = ScenarioConfig(features=played_with)  # type: ignore[arg-type]
        with pytest.raises(
            ModelError, match=f"the features '{trained_with}', but scenario.features is '{played_with}'"
        ):
            play(policy_for(WORLD, features=trained_with), WORLD, np.array([0]), scenario, 0)


def test_another_observation_is_refused() -> None:
    with pytest.raises(ModelError, match="observation"):
        play(policy_for(WORLD), WORLD, np.array([0]), ScenarioConfig(observation="thesis"), 0)
