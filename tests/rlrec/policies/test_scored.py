import re

import numpy as np
import pytest
from policies import policy_for
from worlds import informed, small_world

from rlrec.environments.sessions import Sessions
from rlrec.environments.views import View
from rlrec.errors import ModelError, WorldError
from rlrec.policies.baselines import Known
from rlrec.policies.networks import NUMPY
from rlrec.policies.playing import play
from rlrec.policies.policy import Policy
from rlrec.policies.slates import slates_in_turn, top_slates
from rlrec.settings.config import ScenarioConfig
from rlrec.testing import PolicyTests
from rlrec.worlds.knowledge import Knowledge

WORLD = informed(small_world(1))


class TestNetworkPolicy(PolicyTests):
    """A trained policy is held to what every policy is."""

    @pytest.fixture(
        autouse=True,
        params=[
            ("bilinear", "world", "history"),
            ("recurrent", "genres", "history"),
            ("thesis", "training", "thesis"),
            ("bilinear", "watched", "recent"),
            ("bilinear", "watched", "answers"),
            ("proposals", "world", "history"),
        ],
        ids=str,
    )
    def _which(self, request: pytest.FixtureRequest) -> None:
        self.which = request.param

    def make(self, known: Known) -> Policy:
        kind, features, observation = self.which
        sizes = {"positions": 3} if kind == "proposals" else {}
        return policy_for(self.world(), kind, features=features, observation=observation, **sizes)


def test_scores_are_queries_times_features() -> None:
    policy, sessions = policy_for(WORLD), Sessions(WORLD, np.arange(2), ScenarioConfig())
    policy.begin(View(sessions), np.random.default_rng(0))

    found = policy.scores(View(sessions))

    state = (sessions.observe() - policy.center) / policy.scale
    queries = policy.network.query(policy.weights, state, np.zeros((2, 0)), NUMPY)
    np.testing.assert_allclose(found, queries @ Knowledge.of(WORLD).representation().features.T, rtol=1e-6)


@pytest.mark.parametrize("asked", [1, 2, 3, 5])
@pytest.mark.parametrize("sharpness", [0.0, 40.0])
def test_with_a_query_for_each_position_a_slate_is_made_position_by_position(asked: int, sharpness: float) -> None:
    """Whatever size is asked for; behind the slate stand the others, as the first query ranks them."""
    policy = policy_for(WORLD, "proposals", positions=3)
    policy.sharpness = sharpness
    sessions = Sessions(WORLD, np.arange(4), ScenarioConfig(slate_size=asked, episode_length=5))
    sessions.play(np.arange(4 * asked).reshape(4, asked))
    view = View(sessions)
    policy.begin(view, np.random.default_rng(0))

    found = policy.scores(view)

    state = (sessions.observe() - policy.center) / policy.scale
    vectors = policy.network.query(policy.weights, state, None, NUMPY).reshape(4, 3, -1)
    own = vectors @ Knowledge.of(WORLD).representation().features.T + sharpness * view.expect()[:, None]
    slates = slates_in_turn(own, sessions.available, asked)
    np.testing.assert_array_equal(top_slates(found, sessions.available, asked), slates)
    assert (np.diff(np.sort(slates, axis=1), axis=1) > 0).all()
    others = sessions.available.copy()
    np.put_along_axis(others, slates, values=False, axis=1)
    np.testing.assert_array_equal(top_slates(found, others, 20), top_slates(own[:, 0], others, 20))


def test_a_memory_is_of_one_session_only() -> None:
    policy, sessions = policy_for(WORLD, "recurrent"), Sessions(WORLD, np.arange(2), ScenarioConfig())
    policy.begin(View(sessions), np.random.default_rng(0))
    fresh = policy.scores(View(sessions))

    policy.observe(np.array([[3], [4]]), np.array([[5.0], [1.0]], np.float32))

    assert not np.allclose(policy.scores(View(sessions)), fresh)
    policy.begin(View(sessions), np.random.default_rng(0))
    np.testing.assert_array_equal(policy.scores(View(sessions)), fresh)


def test_other_movies_are_refused() -> None:
    with pytest.raises(ModelError, match="trained on other movies"):
        play(policy_for(WORLD), small_world(2), np.array([0]), ScenarioConfig(), 0)


@pytest.mark.parametrize("observation", ["history", "thesis", "recent", "answers"])
@pytest.mark.parametrize("features", ["world", "training", "genres", "watched", "both"])
def test_it_is_played_with_the_observation_and_the_features_it_was_trained_with(
    observation: str, features: str
) -> None:
    policy = policy_for(WORLD, features=features, observation=observation)
    own = ScenarioConfig(episode_length=4, features=features, observation=observation)  # type: ignore[arg-type]

    found, expected = (
        play(policy, WORLD, np.arange(5), scenario, 0) for scenario in (ScenarioConfig(episode_length=4), own)
    )

    np.testing.assert_array_equal(found.slates, expected.slates)


def test_sessions_of_other_features_are_refused() -> None:
    for trained_with, played_with in (("genres", "world"), ("world", "training")):
        sessions = Sessions(WORLD, np.array([0]), ScenarioConfig(features=played_with))  # type: ignore[arg-type]
        with pytest.raises(
            ModelError, match=f"the features '{trained_with}', but scenario.features is '{played_with}'"
        ):
            policy_for(WORLD, features=trained_with).begin(View(sessions), np.random.default_rng(0))


def test_sessions_of_another_observation_are_refused() -> None:
    sessions = Sessions(WORLD, np.array([0]), ScenarioConfig(observation="thesis"))
    with pytest.raises(ModelError, match="observation"):
        policy_for(WORLD).begin(View(sessions), np.random.default_rng(0))


def test_sessions_with_a_belief_about_other_answers_are_refused() -> None:
    policy = policy_for(WORLD, features="watched", observation="answers", reward="liked")
    settings = {"features": "watched", "observation": "answers", "reward": "seen"}
    sessions = Sessions(WORLD, np.array([0]), ScenarioConfig.model_validate(settings))
    with pytest.raises(ModelError, match=r"trained on the reward 'liked', .* but scenario.reward is 'seen'"):
        policy.begin(View(sessions), np.random.default_rng(0))


def test_rewards_are_the_scenarios_whatever_the_policy_believes_to_be_worth() -> None:
    """Two policies for other rewards are compared by the same."""
    policy = policy_for(WORLD, features="watched", observation="answers", reward="liked")
    found = play(policy, WORLD, WORLD.users_in("test"), ScenarioConfig(episode_length=4), 0)
    np.testing.assert_allclose(found.rewards, found.ratings.mean(axis=2) / 5, rtol=1e-6)


def test_a_world_that_lacks_its_features_says_what_to_do() -> None:
    with pytest.raises(WorldError, match=r"lacks training_movie_vectors and training_tastes.*`make pipeline`"):
        play(policy_for(WORLD, features="training"), small_world(1), np.array([0]), ScenarioConfig(), 0)


@pytest.mark.parametrize(
    ("kind", "features", "observation", "knows"),
    [
        ("bilinear", "world", "history", "the features of all movies .* what this user rated in this session"),
        ("recurrent", "genres", "history", "the genre flags of all movies"),
        ("thesis", "world", "thesis", "Knows the thesis's 25 numbers.*; it learned how tastes move by playing"),
        ("bilinear", "watched", "recent", "who of the training users rated which movie and what this user rated"),
        ("bilinear", "world", "answers", "nothing being an answer too; it learned what training users really answered"),
    ],
)
def test_its_note_says_what_it_was_trained_on(kind: str, features: str, observation: str, knows: str) -> None:
    note = policy_for(WORLD, kind, features=features, observation=observation).note
    assert (note.label, note.kind, note.bound) == ("A3C", "learner", False)
    assert re.search(knows, note.knows)
