"""What is stored of sessions, against the same sessions played step by step."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from worlds import informed, small_world

from rlrec.agents.actor_critic.loss import TENSORFLOW
from rlrec.agents.actor_critic.sampling import block_size
from rlrec.agents.value_based.acting import Played, Player, ahead
from rlrec.agents.value_based.values import Values, unpacked
from rlrec.environments.compiled import Simulation
from rlrec.environments.compiled_logged import ColdSimulation
from rlrec.policies.networks import Bilinear
from rlrec.settings.beliefs import BeliefConfig
from rlrec.settings.config import ScenarioConfig
from rlrec.settings.value_based import DQNConfig
from rlrec.worlds.world import World

WORLD = informed(small_world(3))
USERS, ROLLOUT, LENGTH = 6, 4, 8


class Made:
    """A player whose functions are not compiled, and weights."""

    def __init__(
        self, slate_size: int = 1, cold: bool = False, believes: bool = True, world: World = WORLD, **settings: Any
    ) -> None:
        answers = {"observation": "answers", "features": "watched", "reward": "liked"} if cold else {}
        belief = BeliefConfig(growth=0.9, bounded=True)
        scenario = ScenarioConfig(slate_size=slate_size, episode_length=LENGTH, belief=belief, **answers)
        self.simulation = (ColdSimulation if cold else Simulation)(world, scenario, block_size(world.n_movies))
        size = self.simulation.state_size
        self.center, self.scale = np.linspace(-1, 1, size, dtype=np.float32), np.full(size, 2, np.float32)
        network = Bilinear(size, 4, self.simulation.features.shape[1], world.n_movies)
        self.values = Values(self.simulation, network, believes)
        learner = DQNConfig(users=USERS, rollout=ROLLOUT, **settings)
        self.player = Player(self.values, learner, self.center, self.scale)
        self.flat = tf.constant(np.random.default_rng(0).normal(0, 0.1, network.size()), tf.float32)

    def played(self, session: Any, seed: int, epsilon: float) -> Played:
        return self.player._play(self.flat, session, tf.constant([0, seed]), tf.constant(epsilon))

    def best(self, state: Any, believed: Any) -> Any:
        named = self.values.network.unflatten(self.flat, TENSORFLOW)
        return self.values.advantages(named, state, self.values.expected(believed)).numpy()


def by_step(array: Any) -> Any:
    return np.asarray(array).reshape(ROLLOUT, USERS, *array.shape[1:])


@pytest.mark.parametrize(("slate_size", "cold"), [(1, False), (3, False), (3, True)])
def test_what_is_stored_is_what_happened(slate_size: int, cold: bool) -> None:
    """States, own rewards and the following slates' discounted, what is available then, and the end."""
    made = Made(slate_size, cold, n_step=2, gamma=0.5)
    session = made.simulation.start(USERS, tf.constant([1, 1]))
    first = made.played(session, 2, 0.5)
    second = made.played(first.session, 3, 0.5)
    for rollout, ends in ((first, False), (second, True)):
        stored = rollout.transitions
        states, own, rewards, available, believed = [], [], [], [], []
        for slates in by_step(stored.slates):
            states.append((made.simulation.observe(session) - made.center) / made.scale)
            available.append(session.available.numpy() > 0)
            believed.append(made.simulation.believed(session).numpy())
            assert all(available[-1][b, movie] for b in range(USERS) for movie in slates[b])
            left = session.available.numpy()
            np.put_along_axis(left, slates, 0, axis=1)
            session, ratings, earned = made.simulation.transition(session, tf.constant(slates), tf.constant(left))
            own.append(made.simulation.rewards(slates, ratings).numpy())
            rewards.append(earned.numpy())
            np.testing.assert_allclose(own[-1].mean(axis=1), rewards[-1], rtol=1e-5)
        states.append((made.simulation.observe(session) - made.center) / made.scale)
        available.append(session.available.numpy() > 0)
        believed.append(made.simulation.believed(session).numpy())
        for t in range(ROLLOUT):
            then = min(t + 2, ROLLOUT)
            later = 0.5 * rewards[t + 1] if t + 1 < ROLLOUT else np.zeros(USERS)
            expected = {
                "states": states[t],
                "returns": own[t] + later[:, None],
                "discounts": np.full(USERS, 0.0 if ends and then == ROLLOUT else 0.5 ** (then - t)),
                "next_states": states[then],
                "next_believed": believed[then],
            }
            for name, value in expected.items():
                np.testing.assert_allclose(by_step(getattr(stored, name))[t], value, rtol=1e-4, atol=1e-4, err_msg=name)
            np.testing.assert_array_equal(by_step(unpacked(stored.next_available))[t], available[then])
    assert int(session.step) == LENGTH
    np.testing.assert_array_equal(session.rewards, second.session.rewards)


def test_without_chance_the_best_slates_are_shown_and_their_offsets_stored() -> None:
    made = Made(slate_size=2)
    stored = made.played(made.simulation.start(USERS, tf.constant([1, 1])), 2, 0.0).transitions
    session = made.simulation.start(USERS, tf.constant([1, 1]))
    scores = made.best(stored.states[:USERS], made.values.believed(session))
    scores[:, WORLD.n_movies :] = -np.inf
    np.testing.assert_array_equal(stored.slates[:USERS], np.argsort(-scores, axis=1)[:, :2])
    expected = made.simulation.expected_reward(session).numpy() / 5
    np.testing.assert_allclose(
        stored.offsets[:USERS], np.take_along_axis(expected, stored.slates[:USERS].numpy(), axis=1), rtol=1e-5
    )


@pytest.mark.parametrize(
    ("temperature", "epsilon", "share"),
    [(None, 1.0, 1 / 80), (1e3, 1.0, 1 / 80), (1e-5, 1.0, 1.0), (None, 0.3, 0.7 + 0.3 / 80)],
)
def test_slates_are_drawn_with_the_chance_that_is_given_and_by_the_temperature(
    temperature: float | None, epsilon: float, share: float
) -> None:
    """From all movies alike, or almost always the best: how often the best is shown."""
    made, users = Made(temperature=temperature), 1000
    rng = np.random.default_rng(0)
    advantages = tf.constant(rng.normal(size=(users, made.simulation.padded)), tf.float32)
    available = tf.tile(made.simulation.start(1, tf.constant([0, 1])).available, (users, 1))
    uniforms, explores = tf.constant(rng.random((users, 1)), tf.float32), tf.constant(rng.random(users) < epsilon)
    slates = made.player._chosen(advantages, available, uniforms, explores).numpy()
    best = np.argmax(advantages.numpy()[:, : WORLD.n_movies], axis=1)
    assert np.mean(slates[:, 0] == best) == pytest.approx(share, abs=0.04)
    assert slates.max() < WORLD.n_movies


def test_a_chance_of_one_shows_other_movies_than_a_chance_of_none() -> None:
    made = Made(believes=False)
    session = made.simulation.start(USERS, tf.constant([1, 1]))
    drawn, best = (made.played(session, 3, epsilon).transitions.slates[:USERS] for epsilon in (1.0, 0.0))
    assert np.mean(drawn.numpy() != best.numpy()) > 0.5


@pytest.mark.parametrize("slate_size", [1, 10])
def test_the_default_buffer_takes_less_than_200_mb_with_1682_movies(slate_size: int) -> None:
    """In a world as large as the one that is fitted to ml-100k."""
    world = small_world(n_movies=1682, latent=16, n_genres=19)
    made = Made(slate_size, world=world)
    stored = made.played(made.simulation.start(USERS, tf.constant([1, 1])), 2, 1.0).transitions
    bytes_of_row = sum(part.numpy().nbytes for part in stored) / len(stored.states)
    assert 1000 < bytes_of_row < 200e6 / DQNConfig().buffer


def test_looking_ahead_stops_at_the_rollouts_end() -> None:
    later, discounts, reached = ahead(4, 3, 0.5)
    np.testing.assert_allclose(later, [[0, 0.5, 0.25, 0], [0, 0, 0.5, 0.25], [0, 0, 0, 0.5], [0, 0, 0, 0]])
    np.testing.assert_allclose(discounts, [0.125, 0.125, 0.25, 0.5])
    np.testing.assert_array_equal(reached, [3, 4, 4, 4])
