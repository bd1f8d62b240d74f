from typing import Any

import gymnasium
import numpy as np
import pytest

import rlrec  # noqa: F401 (registers the environments)
from rlrec.environments.gym.masked import MaskedObservation
from rlrec.errors import ModelError
from rlrec.policies.playing import play
from rlrec.policies.predicting import Predicting
from rlrec.settings.config import ScenarioConfig
from rlrec.testing import PolicyTests, known, small_world

WORLD = small_world()
USERS = WORLD.users_in("test")[:3]


class Linear:
    """An agent as stable-baselines3 has them: a movie by a fixed random matrix of what it observes."""

    def __init__(self, env: gymnasium.Env, seed: int = 0, size: int = 1) -> None:
        self.observation_space, self._size = env.observation_space, size
        space: Any = env.observation_space
        self._matrix = np.random.default_rng(seed).normal(size=(space.shape[0], WORLD.n_movies))

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> Any:
        assert deterministic
        ranked = np.argsort(-np.asarray(observation) @ self._matrix, axis=1)
        return (ranked[:, 0] if self._size == 1 else ranked[:, : self._size]), None


def environment(name: str = "rlrec/MovieLens-v0", **settings: Any) -> gymnasium.Env:
    return gymnasium.make(name, world=WORLD, invalid="replace", **settings)


def by_gymnasium(agent: Any, env: gymnasium.Env, user: int) -> list[float]:
    """The rewards of an agent that plays alone."""
    observation, _ = env.reset(options={"user": user})
    rewards, ended = [], False
    while not ended:
        action = agent.predict(np.asarray(observation)[None], deterministic=True)[0][0]
        observation, reward, ended, _, _ = env.step(action)
        rewards.append(reward)
    return rewards


class TestPredicting(PolicyTests):
    def make(self, known: Any) -> Predicting:
        class Favourite:
            """Ten movies by what it observes."""

            def predict(self, observation: Any, state: Any, episode_start: Any, deterministic: bool) -> Any:
                movie = (10 * np.abs(np.asarray(observation)).sum(axis=1)).astype(np.int64) % 20
                return movie[:, None] + np.arange(10), None

        return Predicting(Favourite(), "favourite")


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"episode_length": 6}, "rlrec/MovieLens-v0"),
        ({"episode_length": 6, "observation": "thesis"}, "rlrec/MovieLens-v0"),
        ({"episode_length": 4, "slate_size": 3}, "rlrec/MovieLens-v0"),
        ({"episode_length": 4, "slate_size": 3}, "rlrec/SlateByItem-v0"),
    ],
    ids=str,
)
def test_an_agent_earns_what_it_earns_in_the_environment(settings: dict[str, Any], name: str) -> None:
    env = environment(name, **settings)
    agent = Linear(env, size=settings.get("slate_size", 1) if name.startswith("rlrec/M") else 1)
    played = play(Predicting(agent, "linear"), WORLD, USERS, ScenarioConfig(**settings), seed=0)
    for user, rewards in zip(USERS.tolist(), played.rewards, strict=True):
        alone = [reward for reward in by_gymnasium(agent, env, user) if reward]
        np.testing.assert_allclose(rewards, alone, rtol=1e-6)


def test_a_state_goes_from_step_to_step_and_the_start_is_told() -> None:
    class Counting:
        starts: list[bool] = []  # noqa: RUF012

        def predict(self, observation: Any, state: Any, episode_start: Any, deterministic: bool) -> Any:
            self.starts.append(bool(episode_start.all()))
            step = 0 if state is None else state
            return np.full(len(observation), step), step + 1

    policy, scenario = Predicting(Counting(), "counting"), ScenarioConfig(episode_length=4)
    for _ in range(2):  # a session after another begins anew
        played = play(policy, WORLD, USERS, scenario, seed=0)
        assert played.slates[:, :, 0].tolist() == [[0, 1, 2, 3]] * 3
    assert Counting.starts == [True, False, False, False] * 2


def test_masks_are_given_to_agents_that_ask_for_them() -> None:
    class Asking:
        def predict(
            self, observation: Any, state: Any, episode_start: Any, deterministic: bool, action_masks: Any
        ) -> Any:
            return action_masks.argmax(axis=1), None

    class Looking:
        observation_space = MaskedObservation(environment(), "obs", "mask").observation_space

        def predict(self, observation: Any, state: Any, episode_start: Any, deterministic: bool) -> Any:
            assert observation["obs"].dtype == np.float32
            return observation["mask"].argmax(axis=1), None

    for agent in (Asking(), Looking()):
        played = play(Predicting(agent, "first"), WORLD, USERS, ScenarioConfig(episode_length=4), seed=0)
        assert played.slates[:, :, 0].tolist() == [[0, 1, 2, 3]] * 3


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (np.zeros(3), "must predict movies for 3 sessions at once, but gave float64"),
        (np.zeros((), int), "must predict movies for 3 sessions at once"),
        (np.full(3, 80), "predicts movie 80: there are movies 0 to 79"),
        (np.zeros((3, 1, 0), int), "predicts slates of 0 movies, but 1 are to be shown"),
    ],
)
def test_what_is_no_prediction_is_told(found: Any, message: str) -> None:
    class Wrong:
        def predict(self, observation: Any, state: Any, episode_start: Any, deterministic: bool) -> Any:
            return found, None

    with pytest.raises(ModelError, match=message):
        play(Predicting(Wrong(), "wrong"), WORLD, USERS, ScenarioConfig(episode_length=4), seed=0)


def test_what_it_observes_must_be_what_it_was_trained_with() -> None:
    agent = Linear(environment(observation="thesis"))
    with pytest.raises(
        ModelError, match=r"linear observes \(11,\), but the observation 'history' .*say which .*--observation"
    ):
        play(Predicting(agent, "linear"), WORLD, USERS, ScenarioConfig(episode_length=4), seed=0)
    play(Predicting(agent, "linear", observation="thesis"), WORLD, USERS, ScenarioConfig(episode_length=4), seed=0)
    with pytest.raises(ModelError, match="mine is neither a policy nor has a predict"):
        Predicting(known(WORLD), "mine")
