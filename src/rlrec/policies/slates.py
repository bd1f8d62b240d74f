"""How scores become slates."""

import numpy as np
from numpy.typing import NDArray

from rlrec.errors import ModelError
from rlrec.policies.policy import Scores


def top_slates(scores: Scores, available: NDArray[np.bool_], k: int) -> NDArray[np.int64]:
    """The k best available movies of each session, in descending order of score; ties go to the lower id.

    Args:
        scores: `(B, N)`, without NaN.
        available: `(B, N)`, at least k of them in each row.
        k: length K of a slate.

    Returns:
        `(B, K)` int64.

    Raises:
        ModelError: the scores have the wrong shape or hold a NaN.
        ValueError: fewer than k movies are available.

    >>> top_slates(np.array([[.1, .9, .5, .9]]), np.array([[True, True, True, True]]), 3)
    array([[1, 3, 2]])
    >>> top_slates(np.array([[.1, .9, .5, .9]]), np.array([[True, False, True, False]]), 1)
    array([[2]])
    """
    scores = np.asarray(scores)
    if scores.shape != available.shape:
        raise ModelError(f"a policy must give scores of the shape {available.shape}, but gave {scores.shape}")
    if scores.dtype.kind != "f":
        scores = scores.astype(np.float64)
    # An available movie stands above every unavailable one, even with a score of minus infinity.
    nothing = scores.dtype.type(-np.inf)
    ranked = np.where(available, np.maximum(scores, np.finfo(scores.dtype).min), nothing)
    if np.isnan(ranked).any():
        raise ModelError("a policy gave NaN as a score")
    if (np.count_nonzero(available, axis=1) < k).any():
        raise ValueError(f"a slate of {k} needs {k} available movies")
    if k == 1:
        return np.asarray(ranked.argmax(axis=1, keepdims=True), np.int64)
    lowest = np.partition(ranked, -k, axis=1)[:, -k, None]
    chosen = ranked >= lowest
    for row in np.flatnonzero(np.count_nonzero(chosen, axis=1) > k):  # ties at the edge of the slate
        tied = np.flatnonzero(ranked[row] == lowest[row])
        surplus = np.count_nonzero(chosen[row]) - k
        chosen[row, tied[len(tied) - surplus :]] = False
    movies = np.nonzero(chosen)[1].reshape(len(ranked), k)
    order = np.argsort(-np.take_along_axis(ranked, movies, axis=1), axis=1, kind="stable")
    return np.asarray(np.take_along_axis(movies, order, axis=1), np.int64)


def slates_in_turn(scores: Scores, available: NDArray[np.bool_], k: int) -> NDArray[np.int64]:
    """Slates made position by position, each by scores of its own: the best movie that is still available.

    Algorithm 1 of LIRD (Zhao et al. 2018, arXiv 1801.00209). Where a slate has more positions than there are scores,
    the last ones go on.

    Args:
        scores: `(B, J, N)`, of J positions.
        available: `(B, N)`, at least k of them in each row.
        k: length K of a slate.

    Returns:
        `(B, K)` int64.

    Raises:
        ModelError: see `top_slates`.
        ValueError: see `top_slates`.

    >>> scores = np.array([[[0.1, 0.9, 0.5], [0.2, 0.9, 0.1]]])
    >>> slates_in_turn(scores, np.ones((1, 3), bool), 3)
    array([[1, 0, 2]])
    """
    left, rows = available.copy(), np.arange(len(available))
    slates = np.empty((len(available), k), np.int64)
    for position in range(k):
        slates[:, position] = top_slates(scores[:, min(position, scores.shape[1] - 1)], left, 1)[:, 0]
        left[rows, slates[:, position]] = False
    return slates
