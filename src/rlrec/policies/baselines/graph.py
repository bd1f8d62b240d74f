"""Walks on the graph of who rated what."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from rlrec.environments.logged import UNRATED
from rlrec.policies.baselines.fold_in import FoldIn, preferences
from rlrec.policies.baselines.known import Known
from rlrec.policies.policy import Note, Scores

Doubles = NDArray[np.float64]


class RP3Beta(FoldIn):
    """RP³β: where a random walk of three steps from the user ends, with less said for popular movies.

    The user's steps lead to each rated movie alike, from there to those who rated it, and on to what they rated. The
    chance of the last two, `W_ji = Σ_u P_ju^alpha · P_ui^alpha`, is divided by `d_i^beta`, `d_i` being how many
    training users rated movie i; of each movie j the `neighbours` largest are kept (Paudel et al. 2017, Updatable,
    accurate, diverse, and scalable recommendations for interactive applications; as set up by Ferrari Dacrema et al.
    2019, arXiv 1907.06902). Where nothing was rated yet, movies are ranked by `d_i`.

    Knows what training users rated, and of the user played what was rated in this session; how does not matter.

    Raises:
        WorldError: there are no real ratings.
    """

    name = "rp3beta"
    note = Note(
        "RP³β",
        "What training users rated; of this user, what was rated in the session. Random walks over people and movies.",
        "collaborative",
    )
    in_stars = False

    def __init__(self, known: Known, *, alpha: float = 0.2, beta: float = 0.7, neighbours: int = 400) -> None:
        super().__init__(known)
        seen = preferences(known.training_ratings(self.name), UNRATED, 0).astype(np.float64)
        self._counts = np.bincount(seen.indices, minlength=seen.shape[1])
        self._weights = walk_weights(seen, alpha, beta, neighbours).astype(np.float32)

    def predict(self, rated: sparse.csr_array) -> Scores:
        """Sums over rated movies."""
        found: Scores = preferences(rated, UNRATED, 0) @ self._weights
        found[np.diff(rated.indptr) == 0] = self._counts
        return found


def walk_weights(seen: sparse.csr_array, alpha: float, beta: float, neighbours: int) -> Doubles:
    """W of `RP3Beta`, `(N, N)` from movie to movie with a diagonal of 0.

    Args:
        seen: `(U, N)`, 1 where a user rated a movie.
        alpha: power of the steps' chances.
        beta: power of the number of a movie's users.
        neighbours: how many of each row are kept, the largest.
    """
    by_user, by_movie = (np.maximum(np.asarray(seen.sum(axis=axis)).ravel(), 1) for axis in (1, 0))
    forth = sparse.diags_array(by_user**-alpha) @ seen
    back = sparse.diags_array(by_movie**-alpha) @ seen.T
    weights: Doubles = (back @ forth).toarray() / by_movie**beta
    np.fill_diagonal(weights, 0)
    if neighbours < len(weights):
        least = np.partition(weights, -neighbours, axis=1)[:, -neighbours, None]
        weights[weights < least] = 0
    return weights
