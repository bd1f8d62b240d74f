"""Metrics of sessions, as pure functions of what was shown and what it was rated.

Shapes: B sessions of T slates of K movies; N movies with G genre flags. All metrics of a session are `(B,)` float64.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlrec.metrics.stars import CLICK_THRESHOLD

Reals = NDArray[np.floating[Any]]
Metric = NDArray[np.float64]


def session_return(rewards: Reals) -> Metric:
    """Undiscounted return, `Σ_t reward_t`: at most T, since a reward is a mean rating over 5.

    With `lambda_non_violent = 0` it is `T / 5` times the mean rating; 50 slates rated 3.29 on average return 32.9.

    Args:
        rewards: `(B, T)` in [0, 1].

    >>> session_return(np.array([[1., .5, .25]]))
    array([1.75])
    """
    return np.asarray(rewards.sum(axis=1, dtype=np.float64))


def ctr(ratings: Reals) -> Metric:
    """Click-through rate: the share of shown movies that were rated above 3.5.

    Args:
        ratings: `(B, T, K)`.

    >>> ctr(np.array([[[5., 3.5], [4., 1.]]]))
    array([0.5])
    """
    return np.asarray((ratings > CLICK_THRESHOLD).mean(axis=(1, 2), dtype=np.float64))


def diversity(slates: NDArray[np.integer[Any]], genres: NDArray[np.bool_]) -> Metric:
    """Mean Jaccard distance of genres over all pairs of the T·K movies shown in a session, whatever slate they were in.

    `d(i, j) = 1 - |genres of both| / |genres of either|`; two movies without any genre are at distance 0. Defined for
    every K; a session of one movie has diversity 0.

    Args:
        slates: `(B, T, K)` movies.
        genres: `(N, G)` flags.

    >>> genres = np.array([[True, False], [True, True], [False, True]])
    >>> diversity(np.array([[[0], [1], [2]]]), genres).round(4)  # (1/2 + 1 + 1/2) / 3
    array([0.6667])
    """
    kinds, distances = _genre_distances(genres)
    shown = kinds[slates.reshape(len(slates), -1)]
    movies = shown.shape[1]
    if movies < 2:
        return np.zeros(len(slates))
    # Movies of one kind are at distance 0, so a session's pairs need only the counts of its kinds.
    cells = np.arange(len(slates))[:, None] * len(distances) + shown
    counts = np.bincount(cells.ravel(), minlength=len(slates) * len(distances)).reshape(len(slates), -1)
    return np.asarray(((counts @ distances) * counts).sum(axis=1) / (movies * (movies - 1)))


def slate_diversity(slates: NDArray[np.integer[Any]], genres: NDArray[np.bool_]) -> Metric:
    """Intra-list diversity (Ziegler et al. 2005): mean Jaccard distance over the pairs of a slate, mean over slates.

    Args:
        slates: `(B, T, K)` movies, K >= 2.
        genres: `(N, G)` flags.

    Raises:
        ValueError: K < 2.

    >>> genres = np.array([[True, False], [True, True], [False, True]])
    >>> slate_diversity(np.array([[[0, 1], [0, 2]]]), genres)  # (1/2 + 1) / 2
    array([0.75])
    """
    k = slates.shape[2]
    if k < 2:
        raise ValueError("the diversity of a slate needs slates of at least two movies")
    kinds, distances = _genre_distances(genres)
    shown = kinds[slates]
    total = np.zeros(slates.shape[:2])
    for i in range(k):
        for j in range(i + 1, k):
            total += distances[shown[:, :, i], shown[:, :, j]]
    return np.asarray(total.mean(axis=1) / (k * (k - 1) / 2))


def shown_movies(slates: NDArray[np.integer[Any]], n_movies: int) -> NDArray[np.bool_]:
    """`(B, N)`: whether a movie was shown in a session.

    >>> shown_movies(np.array([[[0], [2]]]), 3)
    array([[ True, False,  True]])
    """
    shown = np.zeros((len(slates), n_movies), bool)
    np.put_along_axis(shown, slates.reshape(len(slates), -1), True, axis=1)
    return shown


def genre_counts(slates: NDArray[np.integer[Any]], genres: NDArray[np.bool_]) -> NDArray[np.int64]:
    """`(B, G)`: how many of the movies shown in a session have a genre.

    >>> genre_counts(np.array([[[0], [1]]]), np.array([[True, False], [True, True]]))
    array([[2, 1]])
    """
    return np.asarray(genres[slates].sum(axis=(1, 2), dtype=np.int64))


def _genre_distances(genres: NDArray[np.bool_]) -> tuple[NDArray[np.intp], Metric]:
    """The kind of every movie, `(N,)`, and the distance of every two kinds, `(P, P)`; a kind is a set of genres.

    A catalogue has far fewer kinds than movies (ml-100k: 216 among 1,682).
    """
    patterns, kinds = np.unique(genres, axis=0, return_inverse=True)
    flags = patterns.astype(np.float64)
    both = flags @ flags.T
    size = flags.sum(axis=1)
    either = size[:, None] + size - both
    similarity = np.divide(both, either, out=np.ones_like(both), where=either > 0)
    return kinds.reshape(-1), 1 - similarity
