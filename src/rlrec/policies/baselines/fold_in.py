"""Models that were fitted once, to other people, and are told a user's ratings as they come."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from rlrec.environments.views import View
from rlrec.policies.baselines.known import Known
from rlrec.policies.policy import Policy, Scores
from rlrec.policies.rewards import expected_reward
from rlrec.worlds.dynamics import Floats


class FoldIn(Policy):
    """A collaborative filter, fitted to training users' real ratings, that folds in the ratings of the session.

    Fitting takes place once, when it is made. In a session it only keeps what was rated: of a movie that was shown
    twice, the later rating. The scores depend on these ratings alone, not on the order they came in.

    Attributes:
        in_stars: whether `predict` foretells ratings, so that non-violence can be traded for them.
    """

    in_stars: bool

    def __init__(self, known: Known) -> None:
        self._stars: Floats = np.empty((0, known.knowledge.n_movies), np.float32)

    @abstractmethod
    def predict(self, rated: sparse.csr_array) -> Scores:
        """Scores of all movies for B users.

        Args:
            rated: `(B, N)` float32, the stars that each gave so far; empty rows before the first.

        Returns:
            `(B, N)`.
        """

    def begin(self, view: View, rng: np.random.Generator) -> None:
        """Nothing is rated yet."""
        self._stars = np.zeros((len(view.users), view.knowledge.n_movies), np.float32)

    def observe(self, slates: NDArray[np.int64], ratings: Floats) -> None:
        """Keeps the ratings."""
        np.put_along_axis(self._stars, slates, ratings, axis=1)

    def scores(self, view: View) -> Scores:
        """What the model predicts from all that was rated in this session."""
        predicted = self.predict(sparse.csr_array(self._stars))
        return expected_reward(predicted, view) if self.in_stars else predicted


def preferences(rated: sparse.csr_array, like: float, dislike: float) -> sparse.csr_array:
    """Ratings as implicit feedback: 1 for a movie rated above `like`, `-dislike` for one rated lower.

    Args:
        rated: `(B, N)` stars.
        like: in stars; with 0, whatever was watched is liked.
        dislike: weight of a low rating; with 0 it says no more than none at all.

    Returns:
        `(B, N)` float32, without explicit zeros.

    >>> preferences(sparse.csr_array([[5.0, 0.0, 2.0]]), like=3.5, dislike=0.5).toarray()
    array([[ 1. ,  0. , -0.5]], dtype=float32)
    """
    values = np.where(rated.data > like, 1, -dislike).astype(np.float32)
    found = sparse.csr_array((values, rated.indices.copy(), rated.indptr.copy()), shape=rated.shape)
    found.eliminate_zeros()
    return found
