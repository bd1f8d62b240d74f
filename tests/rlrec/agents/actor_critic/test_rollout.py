import itertools

import numpy as np
import pytest
import tensorflow as tf
from worlds import small_world

from rlrec.agents.actor_critic.rollout import Player
from rlrec.agents.actor_critic.sampling import block_size
from rlrec.environments.compiled import Simulation
from rlrec.environments.observations import OBSERVATIONS
from rlrec.policies.networks import NETWORKS
from rlrec.settings.config import ScenarioConfig
from rlrec.settings.learners import A3CConfig
from rlrec.worlds.knowledge import Knowledge
from rlrec.worlds.world import World


def player(world: World, *, rollout: int = 5, slate_size: int = 1, users: int = 8, network: str = "bilinear") -> Player:
    scenario = ScenarioConfig(episode_length=10, slate_size=slate_size)
    size = OBSERVATIONS[scenario.observation].size(Knowledge.of(world), scenario)
    learner = A3CConfig(users=users, rollout=rollout)
    simulation = Simulation(world, scenario, block_size(world.n_movies))
    return Player(simulation, learner, network, 4, np.zeros(size, np.float32), np.ones(size, np.float32))


@pytest.mark.parametrize(("sharpness", "slates"), [(0.5, 30), (5.0, 2)])
def test_score_is_the_gradient_of_the_slates_log_probability(sharpness: float, slates: int) -> None:
    """Checked against a tape over the Plackett-Luce probability of every slate of two."""
    world = small_world(0, n_movies=10)
    features = tf.constant(Knowledge.of(world).representation().features)
    query = tf.constant(np.random.default_rng(0).normal(size=(1, features.shape[1])) * sharpness, tf.float32)
    played = player(world, slate_size=2)
    available = tf.constant([[1.0] * 10 + [0.0] * 6])
    seen: dict[tuple[int, ...], np.ndarray] = {}
    for one, other in itertools.product(np.linspace(0.01, 0.99, 15), repeat=2):
        drawn = played._draw(
            query, played.simulation.features, None, available, tf.constant([[one, other]], tf.float32)
        )
        seen[tuple(drawn.slates.numpy()[0])] = drawn.score.numpy()[0]
        np.testing.assert_array_equal(
            np.flatnonzero(drawn.available.numpy()[0] == 0), sorted([*drawn.slates.numpy()[0], *range(10, 16)])
        )

    assert len(seen) >= slates
    for slate, score in seen.items():
        with tf.GradientTape() as tape:
            tape.watch(query)
            logits = (query @ tf.transpose(features))[0]
            left = tf.tensor_scatter_nd_update(logits, [[slate[0]]], [-1e9])
            log_probability = tf.nn.log_softmax(logits)[slate[0]] + tf.nn.log_softmax(left)[slate[1]]
        np.testing.assert_allclose(score, tape.gradient(log_probability, query)[0], rtol=1e-3, atol=1e-4)


def test_offsets_count_for_draws_scores_and_entropy_as_part_of_the_logits() -> None:
    """Against the distribution written out, with logits of which a part is not trained."""
    world = small_world(0, n_movies=16)
    played, rng = player(world, slate_size=1), np.random.default_rng(0)
    features = played.simulation.features
    query = tf.constant(rng.normal(size=(1, features.shape[1])), tf.float32)
    offsets = tf.constant(rng.normal(size=(1, features.shape[0])) * 2, tf.float32)
    available = tf.constant([[1.0] * 12 + [0.0] * (features.shape[0] - 12)])
    logits = (query @ tf.transpose(features) + offsets)[0, :12].numpy().astype(float)
    chance = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    seen = {}
    for uniform in np.linspace(0.0005, 0.9995, 1000):
        drawn = played._draw(query, features, offsets, available, tf.constant([[uniform]], tf.float32))
        movie = int(drawn.slates[0, 0])
        seen[movie] = seen.get(movie, 0) + 1
        expected = features[movie].numpy() - chance @ features[:12].numpy()
        np.testing.assert_allclose(drawn.score[0], expected, atol=1e-4)
        assert float(drawn.lead[0]) == pytest.approx(
            float(offsets[0, movie]) - chance @ offsets[0, :12].numpy(), abs=1e-4
        )
        assert float(drawn.entropy) == pytest.approx(-(chance * np.log(chance)).sum(), abs=1e-4)
    for movie in range(12):
        assert seen.get(movie, 0) / 1000 == pytest.approx(chance[movie], abs=0.003)


def test_untrained_policy_has_the_entropy_of_a_uniform_draw() -> None:
    world = small_world(0, n_movies=40)
    played = player(world, rollout=1)
    flat = played.network.flatten(played.network.initial_weights(np.random.default_rng(0)))

    rollout = played.play(tf.constant(flat), played.start(tf.constant([0, 1])), tf.constant([0, 2]))

    np.testing.assert_allclose(rollout.entropy, np.log(40), rtol=1e-5)


@pytest.mark.parametrize("kind", NETWORKS)
def test_a_session_goes_on_where_the_rollout_before_stopped(kind: str) -> None:
    world = small_world(0)
    played = player(world, network=kind)
    flat = tf.constant(np.random.default_rng(0).normal(size=played.network.size()) * 0.1, tf.float32)

    begun = played.start(tf.constant([0, 1]))
    first = played.play(flat, begun, tf.constant([0, 2]))
    second = played.play(flat, first.carry, tf.constant([0, 3]))

    assert int(second.carry.session.step) == 10
    shown = world.n_movies - second.carry.session.available.numpy().sum(axis=1)
    np.testing.assert_array_equal(shown, 10)  # no movie twice
    assert np.isfinite(first.gradient).all()
    assert first.gradient.shape == (played.network.size(),)
    assert bool(np.any(second.carry.memory)) == bool(played.network.memory)


def test_a_policy_that_is_certain_still_draws_slates_and_finite_scores() -> None:
    world = small_world(0, n_movies=40)
    played = player(world, slate_size=10)
    width = played.simulation.features.shape[1]
    query = tf.constant(np.random.default_rng(1).normal(size=(3, width)) * 1e3, tf.float32)
    available = played.start(tf.constant([0, 1])).session.available[:3]

    drawn = played._draw(query, played.simulation.features, None, available, tf.fill((3, 10), 0.999))

    assert np.isfinite(drawn.score).all()
    assert np.isfinite(drawn.entropy)
    assert all(len(set(slate)) == 10 for slate in drawn.slates.numpy().tolist())


def test_equal_seeds_give_equal_rollouts() -> None:
    world = small_world(0)
    played = player(world)
    flat = tf.constant(np.random.default_rng(0).normal(size=played.network.size()) * 0.1, tf.float32)

    one, same, other = (
        played.play(flat, played.start(tf.constant([0, 1])), tf.constant([0, seed])).gradient.numpy()
        for seed in (5, 5, 6)
    )

    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
