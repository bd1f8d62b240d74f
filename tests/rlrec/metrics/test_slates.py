import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from rlrec.metrics import slates

SEEDS = st.integers(0, 2**32 - 1)


def test_examples_in_docstrings_run() -> None:
    result = doctest.testmod(slates)
    assert result.attempted >= 6
    assert result.failed == 0


def test_return_is_the_sum_of_rewards() -> None:
    # 50 slates rated 3.29 on average: the reward of each is 0.658, the return of the session 32.9.
    rewards = np.full((2, 50), 3.29 / 5, np.float32)
    assert slates.session_return(rewards) == pytest.approx([32.9, 32.9], abs=1e-4)


def test_a_rating_at_the_threshold_is_no_click() -> None:
    ratings = np.array([[[3.5, 3.51]], [[1, 3.5]]], np.float32)
    assert slates.ctr(ratings).tolist() == [0.5, 0.0]


@given(SEEDS, st.integers(1, 4), st.integers(1, 5), st.integers(1, 6))
def test_diversities_agree_with_scipy(seed: int, steps: int, k: int, n_genres: int) -> None:
    rng = np.random.default_rng(seed)
    genres = rng.random((30, n_genres)) < 0.4  # some movies have no genre
    shown = np.stack([rng.permutation(30)[: steps * k].reshape(steps, k) for _ in range(3)])
    pairs = [pdist(genres[slate.ravel()], "jaccard") for slate in shown]
    expected = [distances.mean() if distances.size else 0.0 for distances in pairs]
    assert slates.diversity(shown, genres) == pytest.approx(expected, abs=1e-9)
    if k >= 2:
        within = [np.mean([pdist(genres[row], "jaccard").mean() for row in slate]) for slate in shown]
        assert slates.slate_diversity(shown, genres) == pytest.approx(within, abs=1e-9)


def test_diversity_of_one_movie_is_zero() -> None:
    assert slates.diversity(np.array([[[0]]]), np.eye(2, dtype=bool)).tolist() == [0.0]


def test_diversity_sees_pairs_of_different_slates() -> None:
    genres = np.eye(2, dtype=bool)
    shown = np.array([[[0, 0], [1, 1]]])  # alike within a slate, unlike across: 4 of 6 pairs differ
    assert slates.slate_diversity(shown, genres).tolist() == [0.0]
    assert slates.diversity(shown, genres) == pytest.approx([4 / 6])


def test_slate_diversity_of_single_movies_is_refused() -> None:
    with pytest.raises(ValueError, match="at least two"):
        slates.slate_diversity(np.zeros((1, 2, 1), np.int64), np.ones((1, 1), bool))


def test_a_movie_that_was_shown_twice_is_marked_once() -> None:
    shown = slates.shown_movies(np.array([[[0], [1]], [[1], [2]]]), 5)
    assert shown.sum(axis=1).tolist() == [2, 2]
    assert shown.any(axis=0).tolist() == [True, True, True, False, False]


def test_genre_counts_count_every_showing() -> None:
    genres = np.array([[True, False], [True, True]])
    counts = slates.genre_counts(np.array([[[0], [0]], [[1], [0]]]), genres)
    assert counts.tolist() == [[2, 0], [2, 1]]
