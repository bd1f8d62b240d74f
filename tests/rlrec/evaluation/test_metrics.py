import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import pdist
from sklearn.metrics import ndcg_score

from rlrec.evaluation import metrics

SEEDS = st.integers(0, 2**32 - 1)


def test_examples_in_docstrings_run() -> None:
    result = doctest.testmod(metrics)
    assert result.attempted >= 9
    assert result.failed == 0


def test_return_is_the_sum_of_rewards() -> None:
    # 50 slates rated 3.29 on average: the reward of each is 0.658, the return of the session 32.9.
    rewards = np.full((2, 50), 3.29 / 5, np.float32)
    assert metrics.session_return(rewards) == pytest.approx([32.9, 32.9], abs=1e-4)


def test_a_rating_at_the_threshold_is_no_click() -> None:
    ratings = np.array([[[3.5, 3.51]], [[1, 3.5]]], np.float32)
    assert metrics.ctr(ratings).tolist() == [0.5, 0.0]


def test_ndcg_by_hand() -> None:
    # DCG = 2 + 4/log2(3) + 1/2 = 5.02372; the ideal of the catalogue is 5, 4, 2: 5 + 4/log2(3) + 2/2 = 8.52372.
    found = metrics.ndcg(np.array([2.0, 4.0, 1.0]), np.array([5.0, 2.0, 4.0, 1.0]))
    assert found == pytest.approx(5.02372 / 8.52372, abs=1e-5)


def test_ndcg_max_by_hand() -> None:
    # Three fives: 5 · (1 + 0.63093 + 0.5) = 10.65465.
    assert metrics.ndcg_max(np.array([2.0, 4.0, 1.0])) == pytest.approx(5.02372 / 10.65465, abs=1e-5)


def test_ndcg_of_the_ideal_slate_is_one_only_in_the_ideal_order() -> None:
    catalogue = np.array([1.0, 5.0, 3.0, 4.0])
    assert metrics.ndcg(np.array([5.0, 4.0, 3.0]), catalogue) == pytest.approx(1)
    assert metrics.ndcg(np.array([3.0, 4.0, 5.0]), catalogue) < 0.95


@given(SEEDS, st.integers(1, 10))
def test_ndcg_agrees_with_sklearn(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    truth, scores = rng.uniform(1, 5, (4, 15)), rng.random((4, 15))
    slates = np.argsort(-scores, axis=1)[:, :k]
    ours = metrics.ndcg(np.take_along_axis(truth, slates, axis=1), truth)
    assert ours.mean() == pytest.approx(ndcg_score(truth, scores, k=k), abs=1e-9)


@given(SEEDS, st.integers(1, 4), st.integers(1, 5), st.integers(1, 6))
def test_diversities_agree_with_scipy(seed: int, steps: int, k: int, n_genres: int) -> None:
    rng = np.random.default_rng(seed)
    genres = rng.random((30, n_genres)) < 0.4  # some movies have no genre
    slates = np.stack([rng.permutation(30)[: steps * k].reshape(steps, k) for _ in range(3)])
    pairs = [pdist(genres[slate.ravel()], "jaccard") for slate in slates]
    expected = [distances.mean() if distances.size else 0.0 for distances in pairs]
    assert metrics.diversity(slates, genres) == pytest.approx(expected, abs=1e-9)
    if k >= 2:
        within = [np.mean([pdist(genres[row], "jaccard").mean() for row in slate]) for slate in slates]
        assert metrics.slate_diversity(slates, genres) == pytest.approx(within, abs=1e-9)


def test_diversity_of_one_movie_is_zero() -> None:
    assert metrics.diversity(np.array([[[0]]]), np.eye(2, dtype=bool)).tolist() == [0.0]


def test_diversity_sees_pairs_of_different_slates() -> None:
    genres = np.eye(2, dtype=bool)
    slates = np.array([[[0, 0], [1, 1]]])  # alike within a slate, unlike across: 4 of 6 pairs differ
    assert metrics.slate_diversity(slates, genres).tolist() == [0.0]
    assert metrics.diversity(slates, genres) == pytest.approx([4 / 6])


def test_slate_diversity_of_single_movies_is_refused() -> None:
    with pytest.raises(ValueError, match="at least two"):
        metrics.slate_diversity(np.zeros((1, 2, 1), np.int64), np.ones((1, 1), bool))


def test_coverage_counts_a_movie_once() -> None:
    shown = metrics.shown_movies(np.array([[[0], [1]], [[1], [2]]]), 5)
    assert shown.sum(axis=1).tolist() == [2, 2]
    assert metrics.coverage(shown) == pytest.approx(3 / 5)


def test_genre_exposure_counts_every_showing() -> None:
    genres = np.array([[True, False], [True, True]])
    counts = metrics.genre_counts(np.array([[[0], [0]], [[1], [0]]]), genres)
    assert counts.tolist() == [[2, 0], [2, 1]]
    assert metrics.genre_exposure(counts).tolist() == [0.8, 0.2]
    assert metrics.genre_exposure(np.zeros((2, 3), np.int64)).tolist() == [0, 0, 0]
