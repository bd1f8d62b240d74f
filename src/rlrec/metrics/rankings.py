"""Metrics of rankings against what users did afterwards, as pure functions over a batch.

Shapes: B users, N movies, lists of k movies, best first. `relevance` is `(B, N)` and says what finding a movie is worth
to a user: 0 nothing, more than 0 relevant; R is a user's number of relevant movies. Every metric is `(B,)` float64, and
NaN for a user without a relevant movie, who can be neither served well nor badly: leave such users out of means.

Agrees with `ranx` and, where lists are not cut, with scikit-learn. Catalogue coverage is `rlrec.metrics.slates`'s.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlrec.metrics import gains
from rlrec.metrics.slates import Metric, Reals

Lists = NDArray[np.integer[Any]]


def rank(scores: Reals, candidates: NDArray[np.bool_]) -> NDArray[np.int64]:
    """All movies of each user in descending order of score, those that are no candidates last; ties go to the lower id.

    The same order as `rlrec.policies.slates.top_slates`, for lists of different lengths in one batch.

    Args:
        scores: `(B, N)`, without NaN.
        candidates: `(B, N)`, the movies to be ranked.

    Returns:
        `(B, N)`.

    >>> rank(np.array([[.1, .9, .5, .9]]), np.array([[True, True, False, True]]))
    array([[1, 3, 0, 2]])
    """
    by_score = np.argsort(-scores, axis=1, kind="stable")
    candidate = np.take_along_axis(candidates, by_score, axis=1)
    return np.asarray(np.take_along_axis(by_score, np.argsort(~candidate, axis=1, kind="stable"), axis=1), np.int64)


def ndcg(rankings: Lists, relevance: NDArray[Any]) -> Metric:
    """NDCG@k, `DCG(ranking) / DCG(the best k movies there are)`, with `DCG(g) = Σ_i g_i / log2(i + 1)`.

    Järvelin & Kekäläinen 2002: the gain is the relevance itself, so ratings are gains as they are given and 0/1 makes
    the binary NDCG. (`2^g - 1`, Burges et al. 2005, is the same for 0/1.) Users with fewer than k relevant movies can
    reach 1.

    Args:
        rankings: `(B, k)`, distinct movies.
        relevance: `(B, N)`, at least 0.

    >>> ndcg(np.array([[2, 0]]), np.array([[1, 0, 0, 1]])).round(4)  # (1 / log2(3)) / (1 + 1 / log2(3))
    array([0.3869])
    """
    k = rankings.shape[1]
    worth: NDArray[Any] = np.take_along_axis(relevance, rankings, axis=1).astype(np.float64)
    ideal: NDArray[Any] = np.sort(relevance, axis=1)[:, : -k - 1 : -1].astype(np.float64)
    return gains.ndcg(worth, ideal)


def recall(rankings: Lists, relevance: NDArray[Any]) -> Metric:
    """Recall@k: the share of a user's R relevant movies that the list holds; at most k / R.

    >>> recall(np.array([[2, 0]]), np.array([[1, 0, 0, 1]]))
    array([0.5])
    """
    return _ratio(_hits(rankings, relevance).sum(axis=1), np.count_nonzero(relevance, axis=1))


def average_precision(rankings: Lists, relevance: NDArray[Any]) -> Metric:
    """AP@k, `Σ_i precision@i · relevant_i / R`; the mean over users is MAP@k.

    Divided by all R relevant movies, as in TREC, ranx and scikit-learn, so that at most min(k, R) / R can be reached.
    (Some divide by min(k, R).)

    >>> average_precision(np.array([[2, 0, 3]]), np.array([[1, 0, 0, 1]])).round(4)  # (1/2 + 2/3) / 2
    array([0.5833])
    """
    hits = _hits(rankings, relevance)
    precision = np.cumsum(hits, axis=1) / np.arange(1, hits.shape[1] + 1)
    return _ratio((precision * hits).sum(axis=1), np.count_nonzero(relevance, axis=1))


def hit_rate(rankings: Lists, relevance: NDArray[Any]) -> Metric:
    """HR@k: 1 for a user whose list holds a relevant movie, 0 for another; `success@k` in TREC.

    >>> hit_rate(np.array([[2, 0], [2, 1]]), np.array([[1, 0, 0, 1], [1, 0, 0, 0]]))
    array([1., 0.])
    """
    found = _hits(rankings, relevance).any(axis=1)
    return np.where(relevance.any(axis=1), found.astype(np.float64), np.nan)


def novelty(rankings: Lists, shares: NDArray[np.float64]) -> Metric:
    """Mean self-information of the recommended movies, `Σ_i -log2 share_i / k`, in bits.

    Zhou et al. 2010 (PNAS 107, 4511), Vargas & Castells 2011: a movie that one user in eight knows counts 3 bits. NaN
    for nobody, since it does not depend on relevance.

    Args:
        rankings: `(B, k)`.
        shares: `(N,)`, see `familiarity`.

    >>> novelty(np.array([[0, 1]]), np.array([0.5, 0.125]))
    array([2.])
    """
    return np.asarray(-np.log2(shares)[rankings].mean(axis=1))


def familiarity(rating_counts: NDArray[np.integer[Any]], n_users: int) -> NDArray[np.float64]:
    """`(N,)`: the share of `n_users` users who rated a movie; one whom nobody rated counts as if one user had.

    >>> familiarity(np.array([4, 0]), 8)
    array([0.5  , 0.125])
    """
    return np.asarray(np.maximum(rating_counts, 1) / n_users, np.float64)


def _hits(rankings: Lists, relevance: NDArray[Any]) -> NDArray[np.bool_]:
    return np.asarray(np.take_along_axis(relevance, rankings, axis=1) > 0)


def _ratio(numerator: NDArray[Any], denominator: NDArray[Any]) -> Metric:
    ratio = np.full(len(numerator), np.nan)
    np.divide(numerator, denominator, out=ratio, where=denominator > 0)
    return ratio
