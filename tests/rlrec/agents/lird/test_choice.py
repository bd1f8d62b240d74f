import numpy as np
import pytest
import tensorflow as tf

from rlrec.agents.lird.choice import NEVER, choose, choose_softly
from rlrec.policies.slates import slates_in_turn

FEATURES = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)


def proposed(k: int, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vectors `(B, K F)`, offsets `(B, N)`, and what is available."""
    rng = np.random.default_rng(k)
    available = rng.random((6, 30)) < 0.6
    offsets = np.where(available, rng.normal(size=(6, 30)), NEVER).astype(np.float32)
    return scale * rng.normal(size=(6, k * 4)).astype(np.float32), offsets, available


@pytest.mark.parametrize("k", [1, 4])
def test_slates_are_those_that_a_policy_makes_position_by_position(k: int) -> None:
    vectors, offsets, available = proposed(k)
    found = choose(tf.constant(vectors), tf.constant(offsets), tf.constant(FEATURES)).numpy()
    scores = vectors.reshape(6, k, 4) @ FEATURES.T + offsets[:, None]
    np.testing.assert_array_equal(found, slates_in_turn(scores, available, k))
    assert np.take_along_axis(available, found, axis=1).all()


def test_a_vector_that_is_proposed_twice_shows_its_two_best_movies() -> None:
    vectors, offsets, _ = proposed(1)
    twice = choose(tf.constant(np.tile(vectors, 2)), tf.constant(offsets), tf.constant(FEATURES)).numpy()
    scores = vectors @ FEATURES.T + offsets
    np.testing.assert_array_equal(twice, np.argsort(-scores, axis=1)[:, :2])


def test_the_soft_choice_is_the_mean_movie_by_the_softmax_of_what_is_left() -> None:
    vectors, offsets, _ = proposed(2)
    found = choose_softly(tf.constant(vectors), tf.constant(offsets), tf.constant(FEATURES))
    first = choose(tf.constant(vectors), tf.constant(offsets), tf.constant(FEATURES)).numpy()[:, 0]
    for user in range(6):
        means, beliefs = [], []
        for k in range(2):
            left = np.flatnonzero((offsets[user] > NEVER) & ((k == 0) | (np.arange(30) != first[user])))
            scores = FEATURES[left] @ vectors[user, 4 * k : 4 * k + 4] + offsets[user, left]
            chances = np.exp(scores) / np.exp(scores).sum()
            means.append(chances @ FEATURES[left])
            beliefs.append(chances @ offsets[user, left])
        np.testing.assert_allclose(found.features[user], np.concatenate(means), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(found.offset[user], np.mean(beliefs), rtol=1e-4, atol=1e-5)


def test_the_sharper_the_softer_choice_is_the_hard_one() -> None:
    vectors, offsets, _ = proposed(3, scale=1e6)
    found = choose_softly(tf.constant(vectors), tf.constant(offsets), tf.constant(FEATURES))
    slates = choose(tf.constant(vectors), tf.constant(offsets), tf.constant(FEATURES)).numpy()
    np.testing.assert_allclose(found.features, FEATURES[slates].reshape(6, 12), atol=1e-4)
    assert float(found.entropy) == pytest.approx(0, abs=1e-3)
