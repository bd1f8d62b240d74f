from functools import cache

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


def player(world: World, *, slate_size: int = 1, network: str = "bilinear") -> Player:
    scenario = ScenarioConfig(episode_length=10, slate_size=slate_size)
    size = OBSERVATIONS[scenario.observation].size(Knowledge.of(world), scenario)
    learner = A3CConfig(users=8, rollout=5)
    simulation = Simulation(world, scenario, block_size(world.n_movies))
    return Player(simulation, learner, network, 4, np.zeros(size, np.float32), np.ones(size, np.float32))


@cache
def shared(network: str = "bilinear") -> Player:
    """Compiled once for the tests that leave it as it is: 8 users, rollouts of 5 steps."""
    return player(small_world(0), network=network)


@pytest.mark.parametrize(("sharpness", "slates"), [(0.5, 30), (5.0, 2)])
def test_score_is_the_gradient_of_the_slates_log_probability(sharpness: float, slates: int) -> None:
    """Checked against a tape over the Plackett-Luce probability of every slate of two."""
    world = small_world(0, n_movies=10)
    features = tf.constant(Knowledge.of(world).representation().features)
    query = tf.constant(np.random.default_rng(0).normal(size=(1, features.shape[1])) * sharpness, tf.float32)
    played = player(world, slate_size=2)
    grid = np.linspace(0.01, 0.99, 15)
    uniforms = np.stack(np.meshgrid(grid, grid, indexing="ij"), axis=-1).reshape(-1, 2).astype(np.float32)
    available = tf.tile(tf.constant([[1.0] * 10 + [0.0] * 6]), (len(uniforms), 1))
    drawn = played._draw(
        tf.tile(query, (len(uniforms), 1)), played.simulation.features, None, available, tf.constant(uniforms)
    )
    seen: dict[tuple[int, ...], np.ndarray] = {}
    for slate, left, score in zip(*map(np.array, (drawn.slates, drawn.available, drawn.score)), strict=True):
        seen[tuple(slate)] = score
        np.testing.assert_array_equal(np.flatnonzero(left == 0), sorted([*slate, *range(10, 16)]))

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
    draws = 1000
    rows = [tf.tile(given, (draws, 1)) for given in (query, offsets, available)]
    uniforms = tf.constant(np.linspace(0.0005, 0.9995, draws)[:, None], tf.float32)
    drawn = played._draw(rows[0], features, *rows[1:], uniforms)
    movies = drawn.slates.numpy()[:, 0]
    np.testing.assert_allclose(drawn.score, features.numpy()[movies] - chance @ features[:12].numpy(), atol=1e-4)
    expected = offsets.numpy()[0, movies] - chance @ offsets[0, :12].numpy()
    np.testing.assert_allclose(drawn.lead, expected, atol=1e-4)
    assert float(drawn.entropy) == pytest.approx(-(chance * np.log(chance)).sum(), abs=1e-4)
    shares = np.bincount(movies, minlength=12) / draws
    np.testing.assert_allclose(shares, chance, atol=0.003)


def test_untrained_policy_has_the_entropy_of_uniform_draws() -> None:
    played = shared()
    flat = played.network.flatten(played.network.initial_weights(np.random.default_rng(0)))

    rollout = played.play(tf.constant(flat), played.start(tf.constant([0, 1])), tf.constant([0, 2]))

    left = small_world(0).n_movies - np.arange(5)  # no movie twice
    np.testing.assert_allclose(rollout.entropy, np.log(left).mean(), rtol=1e-5)


@pytest.mark.parametrize("kind", [name for name in NETWORKS if name != "proposals"])  # LIRD's own
def test_a_session_goes_on_where_the_rollout_before_stopped(kind: str) -> None:
    world, played = small_world(0), shared(kind)
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
    played = shared()
    flat = tf.constant(np.random.default_rng(0).normal(size=played.network.size()) * 0.1, tf.float32)

    one, same, other = (
        played.play(flat, played.start(tf.constant([0, 1])), tf.constant([0, seed])).gradient.numpy()
        for seed in (5, 5, 6)
    )

    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
