"""Rollouts that are read again: with the weights they were played with, and with others."""

from functools import cache

import numpy as np
import pytest
import tensorflow as tf
from worlds import informed, small_world

from rlrec.agents.actor_critic.learning import Credit, learn
from rlrec.agents.actor_critic.loss import TENSORFLOW, advantages
from rlrec.agents.actor_critic.rollout import Player
from rlrec.agents.actor_critic.sampling import block_size
from rlrec.agents.actor_critic.trajectories import Collected, Collector, Reading, Trajectory
from rlrec.environments.compiled import Simulation
from rlrec.environments.compiled_logged import ColdSimulation
from rlrec.policies.networks import NUMPY
from rlrec.settings.config import ScenarioConfig
from rlrec.settings.learners import A3CConfig
from rlrec.worlds.dynamics import Floats

WORLD = informed(small_world(3))
BELIEF = {"noise": 0.01, "growth": 0.9, "bounded": True}
USERS, STEPS = 6, 5
KINDS = ["belief", "recurrent", pytest.param("cold", marks=pytest.mark.ci)]


@cache
def players(kind: str) -> tuple[Player, Collector]:
    """The same twice: what differentiates at once, and what keeps."""
    scenario = {"slate_size": 2, "episode_length": 2 * STEPS, "belief": BELIEF}
    if kind == "cold":
        scenario |= {"observation": "answers", "features": "watched", "reward": "liked"}
    users = ColdSimulation if kind == "cold" else Simulation
    simulation = users(WORLD, ScenarioConfig.model_validate(scenario), block_size(WORLD.n_movies))
    center = np.full(simulation.state_size, 0.1, np.float32)
    learner = A3CConfig(users=USERS, rollout=STEPS, gamma=0.8, gae_lambda=0.9, entropy=0.0, value=0.3)
    network, sharpness = ("recurrent", 0.0) if kind == "recurrent" else ("bilinear", 5.0)
    parts = (simulation, learner, network, 4, center, np.ones_like(center), sharpness)
    return Player(*parts), Collector(*parts)


def weights(kind: str, seed: int) -> Floats:
    return np.random.default_rng(seed).normal(0, 0.1, players(kind)[1].network.size()).astype(np.float32)


@cache
def collected(kind: str) -> tuple[Collected, Collected]:
    """Two rollouts of the same sessions, the second to their end."""
    collector, flat = players(kind)[1], tf.constant(weights(kind, 0))
    first = collector.collect(flat, collector.start(tf.constant([0, 1])), tf.constant([0, 2]))
    return first, collector.collect(flat, first.carry, tf.constant([0, 3]))


def read(kind: str, flat: Floats, trajectory: Trajectory) -> tuple[Reading, Floats]:
    collector = players(kind)[1]
    queries, values = collector.queries_and_values(
        collector.network.unflatten(tf.constant(flat), TENSORFLOW), trajectory
    )
    return collector.read(queries, trajectory), values.numpy()


@pytest.mark.parametrize("kind", KINDS)
def test_with_the_weights_it_was_played_with_it_reads_as_it_was_played(kind: str) -> None:
    for number, (_, trajectory) in enumerate(collected(kind)):
        reading, values = read(kind, weights(kind, 0), trajectory)
        np.testing.assert_allclose(reading.likelihoods, trajectory.likelihoods, atol=1e-4)
        np.testing.assert_allclose(reading.firsts, trajectory.firsts, atol=1e-4)
        np.testing.assert_allclose(values, trajectory.values, atol=1e-5)
        assert bool(trajectory.ended) == (number == 1)
        assert (values[-1] == 0).all() == (number == 1)


@pytest.mark.parametrize("kind", KINDS)
def test_at_ratio_one_the_gradient_is_that_of_a3c(kind: str) -> None:
    """The rule being A3C's, the same sessions give the gradient of the function that plays and differentiates."""
    player, collector = players(kind)

    def rule(trajectory: Trajectory, reading: Reading, values: tf.Tensor) -> Credit:
        estimates = advantages(trajectory.rewards, values[:-1], values[-1], 0.8, 0.9)
        return Credit(estimates[:, :, None] * reading.scores, estimates + values[:-1], tf.zeros(()), {})

    flat, begun = tf.constant(weights(kind, 0)), player.start(tf.constant([0, 1]))
    expected = player.play(flat, begun, tf.constant([0, 2]))

    found = learn(collector, collector._learner, rule, flat, collected(kind)[0].trajectory)

    scale = np.abs(expected.gradient).max()
    np.testing.assert_allclose(found.gradient, expected.gradient, rtol=1e-3, atol=1e-4 * scale)
    np.testing.assert_allclose(found.figures["value_loss"], expected.value_loss, rtol=1e-4)
    np.testing.assert_allclose(found.figures["entropy"], expected.entropy, rtol=1e-4)


@pytest.mark.parametrize("kind", ["belief", pytest.param("cold", marks=pytest.mark.ci)])
def test_with_other_weights_it_is_as_likely_as_a_draw_without_replacement_from_their_logits(kind: str) -> None:
    """In NumPy, step after step: what was shown before is gone, and what is believed counts."""
    collector, (_, second) = players(kind)[1], collected(kind)
    trajectory, other = second.trajectory, weights(kind, 1)
    reading, _ = read(kind, other, trajectory)
    items, network = collector.simulation.features.numpy(), collector.network
    named, left = network.unflatten(other, NUMPY), trajectory.available.numpy().copy()
    assert (left.sum(axis=1) == WORLD.n_movies - 2 * STEPS).all()
    for t in range(STEPS):
        logits = (network.query(named, trajectory.states[t].numpy(), None, NUMPY) @ items.T).astype(np.float64)
        logits += 5.0 * collector.simulation.expected_of(trajectory.believed[t]).numpy()
        for user, slate in enumerate(trajectory.slates[t].numpy()):
            likelihood = 0.0
            for movie in slate:
                chances = np.exp(logits[user] - logits[user].max()) * left[user]
                likelihood += np.log(chances[movie] / chances.sum())
                left[user, movie] = False
            assert float(reading.likelihoods[t, user]) == pytest.approx(likelihood, abs=2e-3)


def test_a_part_of_its_sessions_reads_as_they_do_in_the_whole() -> None:
    _, second = collected("belief")
    users = tf.constant([4, 1], tf.int32)

    whole, values = read("belief", weights("belief", 1), second.trajectory)
    part, own = read("belief", weights("belief", 1), second.trajectory.of(users))

    np.testing.assert_allclose(part.scores, tf.gather(whole.scores, users, axis=1), atol=1e-5)
    np.testing.assert_allclose(own, values[:, [4, 1]], atol=1e-5)


def test_what_is_kept_is_small() -> None:
    """As large as a rollout of 64 users, 50 steps and 1,682 movies it takes less than 10 MB."""
    per_step = sum(array[0].numpy().nbytes for array in collected("belief")[0].trajectory[:8]) / USERS
    assert 64 * (50 * per_step + 1_682) < 10e6
