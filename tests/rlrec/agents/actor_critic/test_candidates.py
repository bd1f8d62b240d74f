"""Against the softmax over all movies, on toys: what is unbiased, and how large the rest is."""

from functools import cache
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from jobs import job
from worlds import small_world

from rlrec.agents.actor_critic import leaves as module
from rlrec.agents.actor_critic.loss import TENSORFLOW
from rlrec.agents.actor_critic.sampled import LeafSimulation, SampledPlayer, samples, standardised
from rlrec.agents.actor_critic.sampling import draw_slates
from rlrec.agents.standardisation import standardisation
from rlrec.environments.compiled import Simulation
from rlrec.errors import ConfigError
from rlrec.settings.learners import A3CConfig

DRAWS = 20_000
BOUNDED = {"noise": 0.01, "growth": 1.0, "bounded": True}


@cache
def played(per_node: int = 1, sharpness: float = 3.0, slate_size: int = 1, bounded: bool = True) -> SampledPlayer:
    """A world of 300 movies in leaves of 4, of which 12 are looked at in a step."""
    belief = BOUNDED if bounded else None
    few = job(users=8, rollout=10, slate_size=slate_size, episode_length=10, belief=belief)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MOST_NODES", 80 // per_node)
        simulation = LeafSimulation(small_world(0, n_movies=300), few, candidates=48, leaf=4)
    size = simulation.state_size
    states = np.zeros(size, np.float32), np.ones(size, np.float32)
    return SampledPlayer(simulation, few.learner, "bilinear", 4, *states, sharpness)


def exact(player: SampledPlayer, query: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Of all movies the features, their chances for a new user, and the sum of their masses."""
    world = small_world(0, n_movies=300)
    reference = Simulation(world, player.simulation.scenario, 1)
    offsets = reference.expected_of(reference.believed(reference.start(1, tf.constant([0, 1]))))[0].numpy()
    of_query = query @ player.simulation.slopes.numpy() @ reference.belief.vectors_of_movies.T
    logits = of_query[0] + player._sharpness * offsets
    mass = np.exp(logits - logits.max())
    return reference.features.numpy(), mass / mass.sum(), float(np.log(mass.sum()) + logits.max())


def draws(player: SampledPlayer, query: np.ndarray) -> tuple[Any, Any]:
    """Candidates and slates of many users who are all alike, each with luck of their own."""
    simulation, shortlist = player.simulation, player.shortlist
    session = simulation.start(1, tf.constant([0, 1]))
    believed = tf.tile(player._believed(session)[:1], (DRAWS, 1))
    available = tf.tile(session.available[:1], (DRAWS, 1))
    queries = tf.tile(tf.constant(query, tf.float32), (DRAWS, 1))
    luck = shortlist.noise(DRAWS, tf.constant([0, 2]))
    found = shortlist.find(queries @ simulation.slopes, believed, available, luck)
    uniforms = tf.random.stateless_uniform((DRAWS, simulation.scenario.slate_size), (0, 3))
    return found, player._told(found, *draw_slates(found.mass, uniforms, shortlist.slots), available)


def query_of(player: SampledPlayer, size: float = 0.3) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(1, player.network.features)) * size


@pytest.mark.parametrize(("per_node", "bounded"), [(1, True), (1, False), (4, True)])
def test_every_movie_counts_as_often_as_it_should(per_node: int, bounded: bool) -> None:
    """The mean over draws of what candidates stand for is the mass of each movie, to the luck of the draws."""
    player = played(per_node, bounded=bounded)
    assert player.shortlist.per_node == per_node
    query = query_of(player)
    _, chances, total = exact(player, query)

    found, _ = draws(player, query)

    mass = found.mass.numpy().astype(float) * np.exp(found.top.numpy().astype(float) - total)
    movies = player.shortlist.members.numpy()[found.leaves.numpy()].reshape(DRAWS, -1)
    sums = np.bincount(movies.ravel(), mass.ravel(), minlength=300)
    squares = np.bincount(movies.ravel(), mass.ravel() ** 2, minlength=300)
    error = np.sqrt(np.maximum(squares - sums**2 / DRAWS, 0)) / DRAWS + 1e-4 * chances
    beyond = (sums / DRAWS - chances) / error
    assert np.abs(beyond).max() < 5
    assert 0.5 < np.mean(beyond**2) < 1.5 or per_node > 1 or not bounded
    np.testing.assert_allclose(mass.sum(axis=1).mean(), 1, atol=5 * mass.sum(axis=1).std() / np.sqrt(DRAWS) + 1e-4)


def test_movies_are_drawn_nearly_as_the_exact_softmax_draws_them() -> None:
    player = played()
    query = query_of(player)
    _, chances, _ = exact(player, query)

    _, told = draws(player, query)

    shares = np.bincount(told.slates.numpy()[:, 0], minlength=300) / DRAWS
    by_luck = np.sqrt(2 / np.pi * chances * (1 - chances) / DRAWS).sum() / 2
    assert np.abs(shares - chances).sum() / 2 < by_luck + 0.02


def test_the_mean_policy_gradient_is_nearly_the_exact_one() -> None:
    player = played()
    query = query_of(player)
    features, chances, _ = exact(player, query)
    worth = features[:, 0] + 0.5 * features[:, 3]

    _, told = draws(player, query)

    gradient = (worth[told.slates.numpy()[:, 0], None] * told.score.numpy()).mean(axis=0)
    expected = (chances * worth) @ (features - chances @ features)
    assert np.linalg.norm(gradient - expected) < 0.1 * np.linalg.norm(expected)
    entropy = -(chances * np.log(chances)).sum()
    assert float(told.entropy) == pytest.approx(entropy, abs=0.1)


def test_a_score_is_that_of_the_slate_among_its_candidates() -> None:
    """Against a tape, for slates of two."""
    player = played(slate_size=2)
    query = query_of(player)
    found, told = draws(player, query)
    members = player.shortlist.members.numpy()
    for row in range(3):
        movies = members[found.leaves.numpy()[row]].ravel()
        slate = told.slates.numpy()[row]
        first, second = (int(np.flatnonzero((movies == movie) & (found.mass.numpy()[row] > 0))[0]) for movie in slate)
        features = found.vectors[row] @ tf.transpose(player.simulation.slopes)
        given = tf.constant(query, tf.float32)
        untrained = tf.math.log(found.mass[row]) - (features @ tf.transpose(given))[:, 0]
        with tf.GradientTape() as tape:
            tape.watch(given)
            logits = tf.where(found.mass[row] > 0, (features @ tf.transpose(given))[:, 0] + untrained, -1e9)
            left = tf.where(tf.range(len(movies)) == first, -1e9, logits)
            likelihood = tf.nn.log_softmax(logits)[first] + tf.nn.log_softmax(left)[second]
        np.testing.assert_allclose(told.score.numpy()[row], tape.gradient(likelihood, given)[0], rtol=1e-3, atol=1e-3)
        assert float(told.likelihood[row]) == pytest.approx(float(likelihood), abs=1e-3)


def test_no_movie_is_shown_twice_in_a_session() -> None:
    player = played(4, 0.0, slate_size=3)
    weights = player.network.unflatten(tf.zeros(player.network.size()), TENSORFLOW)
    carry = player._start(tf.constant([0, 1]))

    after, arrays, _ = player._roll(weights, carry, tf.constant([0, 2]), ("slates", "scores"))

    slates = arrays["slates"].numpy()  # (n, B, K)
    for user in range(slates.shape[1]):
        assert len(set(slates[:, user].ravel().tolist())) == 30
    assert np.isfinite(arrays["scores"].numpy()).all()
    left = np.unpackbits(after.session.available.numpy().view(np.uint8), axis=1).sum(axis=1)
    np.testing.assert_array_equal(left, 300 - 30)


@pytest.mark.ci
def test_observations_are_standardised_as_with_all_movies() -> None:
    player, world = played(sharpness=40.0), small_world(0, n_movies=300)
    few = job(users=64, rollout=10, episode_length=10, belief=BOUNDED)
    center, scale, reward = standardised(world, few, player.simulation, 40.0)
    expected = standardisation(world, few, greedy=True)
    assert reward == pytest.approx(expected[2], abs=0.02)
    assert np.abs((center - expected[0]) / expected[1]).mean() < 0.4  # drawn, not the best one
    assert center.shape == scale.shape == (player.simulation.state_size,)


def test_auto_samples_where_that_is_faster() -> None:
    assert not samples(A3CConfig(softmax="auto"), 19_999)
    assert samples(A3CConfig(softmax="auto"), 20_000)
    assert not samples(A3CConfig(), 10**6)
    assert samples(A3CConfig(softmax="sampled"), 1000)


def test_too_few_movies_are_refused_with_what_to_set() -> None:
    told = r"learners\.a3c\.candidates: 512 are sampled from 510 movies or more, but there are 300; lower it"
    with pytest.raises(ConfigError, match=told):
        LeafSimulation(small_world(0, n_movies=300), job(), 512)
