"""Alternating least squares for implicit feedback, in the form that holds its own against later models."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import cho_factor, cho_solve
from threadpoolctl import threadpool_limits

from rlrec.policies.baselines.fold_in import FoldIn, preferences
from rlrec.policies.baselines.known import Known
from rlrec.policies.policy import Note, Scores

Doubles = NDArray[np.float64]


class IALS(FoldIn):
    """iALS as in Revisiting the performance of iALS (Rendle et al. 2022, arXiv 2110.14037).

    Factors w of users and h of movies minimise, S being who rated what above `like`:

        Σ_(u,i)∈S (w_u·h_i - 1)² + α₀ Σ_u Σ_i (w_u·h_i)²
          + λ (Σ_u (|S_u| + α₀ N)^ν |w_u|² + Σ_i (|S_i| + α₀ U)^ν |h_i|²)

    with ν = 1: who rated more is held back more, which `implicit` (see `ALS`) cannot do. The factors of a user of the
    session are the exact solution for the movies' factors as they are; until the first movie of S, the mean of training
    users' factors is taken.

    Knows the training users' real ratings, and of the user played the ratings of this session.

    Raises:
        WorldError: there are no real ratings.
    """

    name = "ials"
    note = Note(
        "iALS",
        "Training users' real ratings, as clicks; of this user, the session's. Factors of implicit feedback, all "
        "movies that were not rated weighing the same.",
        "collaborative",
    )
    in_stars = False

    def __init__(
        self,
        known: Known,
        *,
        factors: int = 128,
        penalty: float = 0.001,
        unobserved: float = 1.0,
        exponent: float = 1.0,
        like: float = 0.0,
        iterations: int = 16,
    ) -> None:
        """Fits it.

        Args:
            known: whose ratings are fitted to.
            factors: length of w and h.
            penalty: λ.
            unobserved: α₀.
            exponent: ν.
            like: in stars; with 0, whatever was rated counts.
            iterations: of both sides' exact solutions, beginning with the users'.
        """
        super().__init__(known)
        self._like, self._penalty, self._unobserved, self._exponent = like, penalty, unobserved, exponent
        positives = preferences(known.training_ratings(self.name), like, 0)
        others = sparse.csr_array(positives.T)
        # As in the paper: products of two factors start with a standard deviation of about 0.1² / √factors.
        self._movies = known.rng(self.name).normal(0, 0.1 / np.sqrt(factors), (positives.shape[1], factors))
        with threadpool_limits(1, "blas"):  # systems this small are not solved faster by several
            for _ in range(iterations):
                users = self._solve(positives, self._movies)
                self._movies = self._solve(others, users)
            self._typical = self._solve(positives, self._movies).mean(axis=0)

    def predict(self, rated: sparse.csr_array) -> Scores:
        """`w_u·h_i`."""
        return self.fold_in(rated) @ self._movies.T

    def fold_in(self, rated: sparse.csr_array) -> Doubles:
        """Factors of users, `(B, F)`, from the stars they gave, `(B, N)`."""
        positives = preferences(rated, self._like, 0)
        found = self._solve(positives, self._movies)
        found[np.diff(positives.indptr) == 0] = self._typical
        return found

    def _solve(self, positives: sparse.csr_array, others: Doubles) -> Doubles:
        """The factors of one side, `(n, F)`, for those of the other, `(m, F)`, and who belongs to S, `(n, m)`."""
        counts = np.diff(positives.indptr)
        penalties = self._penalty * (counts + self._unobserved * len(others)) ** self._exponent
        common, identity = self._unobserved * others.T @ others, np.eye(others.shape[1])
        found = np.zeros((len(counts), others.shape[1]))
        for row in np.flatnonzero(counts):
            own = others[positives.indices[positives.indptr[row] : positives.indptr[row + 1]]]
            left = cho_factor(own.T @ own + common + penalties[row] * identity, overwrite_a=True, check_finite=False)
            found[row] = cho_solve(left, own.sum(axis=0), check_finite=False)
        return found
