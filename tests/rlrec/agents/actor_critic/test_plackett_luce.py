import itertools

import numpy as np
import pytest
import tensorflow as tf

from rlrec.agents.actor_critic.plackett_luce import Chances, chances, entropy_slope, masses, without

RNG = np.random.default_rng(0)
ITEMS = RNG.normal(size=(6, 3)).astype(np.float32)
OFFSETS = RNG.normal(size=(1, 6)).astype(np.float32)
AVAILABLE = np.array([[1, 1, 0, 1, 1, 1]], np.float32)
QUERY = RNG.normal(size=(1, 3)).astype(np.float32)


def found(slate: tuple[int, ...], query: np.ndarray = QUERY, offsets: np.ndarray | None = OFFSETS) -> Chances:
    items, slates = tf.constant(ITEMS), tf.constant([slate], tf.int32)
    logits = query @ ITEMS.T if offsets is None else query @ ITEMS.T + offsets
    of = masses(tf.constant(logits), tf.constant(AVAILABLE))
    chosen = tf.gather(of.mass, slates, axis=1, batch_dims=1)
    kept = None if offsets is None else tf.constant(offsets)
    return chances(tf.constant(query), items, kept, of, without(tf.constant(AVAILABLE), slates), slates, chosen)


def by_hand(slate: tuple[int, ...], query: np.ndarray, offsets: np.ndarray) -> float:
    """log π(slate), position after position, in double precision."""
    weights = np.exp((ITEMS @ query + offsets).astype(np.float64)) * AVAILABLE[0]
    likelihood = 0.0
    for movie in slate:
        likelihood += np.log(weights[movie] / weights.sum())
        weights[movie] = 0
    return float(likelihood)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_the_likelihoods_of_all_slates_are_those_of_draws_without_replacement_and_add_up_to_one(size: int) -> None:
    slates = list(itertools.permutations([0, 1, 3, 4, 5], size))
    likelihoods = [float(found(slate).likelihood[0]) for slate in slates]
    np.testing.assert_allclose(likelihoods, [by_hand(slate, QUERY[0], OFFSETS[0]) for slate in slates], rtol=1e-5)
    assert np.exp(likelihoods).sum() == pytest.approx(1, abs=1e-5)


def test_each_movie_has_the_chance_of_being_the_first() -> None:
    firsts = found((4, 0, 5)).firsts[0]
    np.testing.assert_allclose(firsts, [by_hand((movie,), QUERY[0], OFFSETS[0]) for movie in (4, 0, 5)], rtol=1e-5)


@pytest.mark.parametrize("offsets", [OFFSETS, None], ids=["offsets", "none"])
def test_the_score_is_the_gradient_of_the_likelihood(offsets: np.ndarray | None) -> None:
    """Beside small changes of the query."""
    score, added = found((4, 0, 5), offsets=offsets).score[0], np.zeros(6) if offsets is None else offsets[0]
    query = QUERY[0].astype(np.float64)
    expected = [
        (by_hand((4, 0, 5), query + step, added) - by_hand((4, 0, 5), query - step, added)) / 2e-5
        for step in 1e-5 * np.eye(3)
    ]
    np.testing.assert_allclose(score, expected, atol=1e-5)


def test_the_slope_is_the_gradient_of_the_entropy_of_the_first_position() -> None:
    def entropy(query: np.ndarray) -> float:
        likelihoods = np.array([by_hand((movie,), query, OFFSETS[0]) for movie in (0, 1, 3, 4, 5)])
        return float(-(np.exp(likelihoods) * likelihoods).sum())

    of = masses(tf.constant(QUERY @ ITEMS.T + OFFSETS), tf.constant(AVAILABLE))
    slope = entropy_slope(tf.constant(ITEMS), of, tf.reduce_sum(of.mass, axis=1, keepdims=True))[0]

    query = QUERY[0].astype(np.float64)
    expected = [(entropy(query + step) - entropy(query - step)) / 2e-5 for step in 1e-5 * np.eye(3)]
    np.testing.assert_allclose(slope, expected, atol=1e-5)
    assert float(found((1,)).entropy[0]) == pytest.approx(entropy(query), rel=1e-5)


def test_of_a_policy_that_is_certain_the_likelihoods_are_finite() -> None:
    sharp = found((0, 1, 3), query=QUERY * 1e4)
    assert all(np.isfinite(array).all() for array in sharp)
