import itertools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from rlrec.agents.actor_critic.sampling import block_size, draw_slates


def draws(mass: list[float], k: int, block: int, n: int, seed: int = 0) -> np.ndarray:
    rows = np.tile(np.asarray(mass, np.float32), (n, 1))
    uniforms = np.random.default_rng(seed).random((n, k), np.float32)
    return draw_slates(tf.constant(rows), tf.constant(uniforms), block)[0].numpy()


def test_one_movie_is_drawn_by_its_mass() -> None:
    mass = [1.0, 0.0, 3.0, 2.0, 0.5, 0.0, 0.0, 1.5]
    counts = np.bincount(draws(mass, 1, 4, 40_000)[:, 0], minlength=8)

    assert not counts[[1, 5, 6]].any()
    likely = np.asarray(mass) > 0
    expected = np.asarray(mass)[likely] / sum(mass) * 40_000
    assert chisquare(counts[likely], expected).pvalue > 1e-3


def test_slates_are_drawn_as_plackett_and_luce_say() -> None:
    mass = np.array([4.0, 2.0, 1.0, 1.0])
    slates = draws(list(mass), 2, 2, 60_000)
    pairs = list(itertools.permutations(range(4), 2))
    # P(i, j) = m_i / M · m_j / (M - m_i)
    expected = np.array([mass[i] / 8 * mass[j] / (8 - mass[i]) for i, j in pairs])

    counts = np.array([np.count_nonzero((slates == pair).all(axis=1)) for pair in pairs])

    assert counts.sum() == 60_000
    assert chisquare(counts, expected * 60_000).pvalue > 1e-3


def test_masses_are_those_of_the_slate() -> None:
    mass = np.array([[4.0, 2.0, 1.0, 0.5]], np.float32)

    slates, chosen = (x.numpy()[0] for x in draw_slates(tf.constant(mass), tf.constant([[0.9, 0.1, 0.5]]), 2))

    np.testing.assert_allclose(chosen, mass[0, slates])


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_slates_are_distinct_and_never_empty_even_at_the_edges(data: st.DataObject) -> None:
    n_movies = data.draw(st.integers(3, 24))
    mass = data.draw(st.lists(st.sampled_from([0.0, 1e-30, 1e-7, 1.0, 1e7]), min_size=n_movies, max_size=n_movies))
    likely = np.flatnonzero(mass)
    k = data.draw(st.integers(1, 3))
    if len(likely) < k:
        return
    uniforms = data.draw(st.lists(st.sampled_from([0.0, 0.5, 1 - 2**-24]), min_size=k, max_size=k))
    padded = np.zeros((1, 24), np.float32)
    padded[0, :n_movies] = mass

    slate = draw_slates(tf.constant(padded), tf.constant([uniforms], tf.float32), 8)[0].numpy()[0]

    assert len(set(slate.tolist())) == k
    assert set(slate.tolist()) <= set(likely.tolist())


@pytest.mark.parametrize(("n_movies", "block"), [(3, 8), (1682, 40), (100_000, 320)])
def test_blocks_are_about_the_root_of_the_catalogue(n_movies: int, block: int) -> None:
    assert block_size(n_movies) == block
