"""Factor models for implicit feedback, fitted by the package `implicit`: movies that are liked by the same people.

Their scores are not in stars. They rank by what a user will like, and do not weigh that against non-violence
(`lambda_non_violent`): there is no rate of exchange between the two.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from threadpoolctl import threadpool_limits

from rlrec.errors import WorldError
from rlrec.metrics.stars import CLICK_THRESHOLD
from rlrec.policies.baselines.fold_in import FoldIn, preferences
from rlrec.policies.baselines.known import Known
from rlrec.policies.policy import Note, Scores

Doubles = NDArray[np.float64]


class ALS(FoldIn):
    """Alternating least squares for implicit feedback (Hu, Koren and Volinsky 2008).

    A movie rated above `like` is wanted with confidence `alpha`, one rated lower is not wanted with confidence
    `alpha · dislike`, and one that was not rated is not wanted with confidence 1. A user's factors are the exact
    solution for the movies' factors as they are and the ratings of this session (`recalculate_user`). As long as the
    user has liked nothing, that is 0 and the mean of training users' factors is taken.

    Knows the training users' real ratings, and of the user played the ratings of this session. It takes tastes for
    static.

    Raises:
        WorldError: there are no real ratings.
    """

    name = "als"
    note = Note(
        "ALS",
        "Training users' real ratings, as clicks; of this user, the session's. Factors of implicit feedback.",
        "collaborative",
    )
    in_stars = False

    def __init__(
        self,
        known: Known,
        *,
        factors: int = 64,
        penalty: float = 30.0,
        alpha: float = 10.0,
        like: float = CLICK_THRESHOLD,
        dislike: float = 2.5,
        iterations: int = 15,
    ) -> None:
        from implicit.cpu.als import AlternatingLeastSquares  # half a second that only this baseline needs

        super().__init__(known)
        self._like, self._dislike = like, dislike
        with threadpool_limits(1, "blas"):  # implicit's own threads and those of BLAS get into each other's way
            self._model = AlternatingLeastSquares(
                factors=factors,
                regularization=penalty,
                alpha=alpha,
                iterations=iterations,
                num_threads=1,
                random_state=known.rng(self.name),
            )
            self._model.fit(self._wanted(known.training_ratings(self.name)), show_progress=False)
        self._typical = self._model.user_factors.mean(axis=0)

    def predict(self, rated: sparse.csr_array) -> Scores:
        """Products of the folded-in factors and the movies'."""
        return np.asarray(self.fold_in(rated) @ self._model.item_factors.T)

    def fold_in(self, rated: sparse.csr_array) -> NDArray[np.float32]:
        """Factors of users, `(B, F)`, from the stars they gave, `(B, N)`."""
        wanted = self._wanted(rated)
        found = self._model.recalculate_user(np.arange(rated.shape[0]), wanted)
        found[wanted.maximum(0).sum(axis=1).A1 == 0] = self._typical
        return np.asarray(found)

    def _wanted(self, rated: sparse.csr_array) -> sparse.csr_matrix:
        return sparse.csr_matrix(preferences(rated, self._like, self._dislike))


class BPR(FoldIn):
    """Bayesian personalised ranking (Rendle et al. 2009, arXiv 1205.2618).

    A movie rated above `like` is liked. Training raises `log σ(x_ui - x_uj)` for liked movies i and others j, with
    `x_ui = b_i + p_u · q_i`; implicit draws j by how many like it, so that b and q tell what a user likes more than
    others do. To that `popularity` times the logarithm of the number of likes is added.

    There is no fold-in in implicit. Here a user's factors maximise the same sum for the movies' b and q as they are:

        Σ_i E_j[log σ(x_ui - x_uj)] - prior/2 · |p_u - p̄|²

    over the movies i that the user liked in this session, p̄ being the mean of training users' factors, which is also
    all there is before the first liked movie. Negatives j are drawn as in training; where the user rated movies lower,
    a share `dislike` of the negatives is one of these. With `log σ(z)` to second order in z, `const - (z - 2)² / 8`,
    it is a ridge regression that needs only sums over movies, no draws and no steps.

    Knows the training users' real ratings, and of the user played the ratings of this session. It takes tastes for
    static.

    Raises:
        WorldError: there are no real ratings, or none above `like`.
    """

    name = "bpr"
    note = Note(
        "BPR",
        "Training users' real ratings, as clicks; of this user, the session's. Factors made for ranking.",
        "collaborative",
    )
    in_stars = False

    def __init__(
        self,
        known: Known,
        *,
        factors: int = 8,
        iterations: int = 100,
        rate: float = 0.02,
        penalty: float = 0.01,
        like: float = CLICK_THRESHOLD,
        dislike: float = 0.9,
        prior: float = 0.1,
        popularity: float = 0.0,
    ) -> None:
        from implicit.cpu.bpr import BayesianPersonalizedRanking  # half a second that only this baseline needs

        super().__init__(known)
        self._like, self._dislike, self._prior = like, dislike, prior
        liked = sparse.csr_matrix(preferences(known.training_ratings(self.name), like, 0))
        if not liked.nnz:
            raise WorldError(f"the baseline {self.name!r} learns from ratings above {like:g} stars, and there are none")
        liked.sort_indices()  # implicit looks up by bisection whether a negative is none
        model = BayesianPersonalizedRanking(
            factors=factors,
            iterations=iterations,
            learning_rate=rate,
            regularization=penalty,
            num_threads=1,  # more would race for the factors, and no run would be like another
            random_state=known.rng(self.name),
        )
        model.fit(liked, show_progress=False)
        likes = np.bincount(liked.indices, minlength=liked.shape[1])
        self._movies, self._biases = np.split(model.item_factors.astype(np.float64), [factors], axis=1)
        # A movie that nobody liked was never learned, and its bias of 0 would put it before half of the others.
        self._biases[likes == 0] = self._biases.min()
        self._popularity = popularity * np.log(np.maximum(likes, 0.5))
        active = np.diff(liked.indptr) > 0
        self._typical = model.user_factors[active, :factors].mean(axis=0, dtype=np.float64)
        # Every movie's 1, q and b, multiplied with one another: what the sums are made of.
        rows = np.column_stack([np.ones(len(likes)), self._movies, self._biases])
        self._moments = (rows[:, :, None] * rows[:, None, :]).reshape(len(rows), -1)
        self._negatives = (likes / likes.sum() @ self._moments).reshape(rows.shape[1], -1)

    def predict(self, rated: sparse.csr_array) -> Scores:
        """`x_ui`, and popularity."""
        return np.asarray(self.fold_in(rated) @ self._movies.T + self._biases[:, 0] + self._popularity)

    def fold_in(self, rated: sparse.csr_array) -> Doubles:
        """Factors of users, `(B, F)`, from the stars they gave, `(B, N)`."""
        liked = self._sums(preferences(rated, self._like, 0))
        lower = self._sums(preferences(rated, self._like, 1).minimum(0) * -1)
        n_liked, n_lower = liked[:, :1, :1], lower[:, :1, :1]
        share = self._dislike * (n_lower > 0)
        negatives = (1 - share) * self._negatives + share * lower / np.maximum(n_lower, 1)
        # With y = (q, b): Σ_i E_j[(y_i - y_j) (y_i - y_j)ᵀ], and Σ_i E_j[y_i - y_j].
        cross = liked[:, 1:, :1] * negatives[:, :1, 1:]
        squares = liked[:, 1:, 1:] + n_liked * negatives[:, 1:, 1:] - cross - cross.transpose(0, 2, 1)
        leads = liked[:, 1:, :1] - n_liked * negatives[:, 1:, :1]
        left = squares[:, :-1, :-1] / 4 + self._prior * np.eye(len(self._typical))
        right = leads[:, :-1] / 2 - squares[:, :-1, -1:] / 4 + self._prior * self._typical[:, None]
        return np.asarray(np.linalg.solve(left, right)[:, :, 0])

    def _sums(self, marks: sparse.csr_array) -> Doubles:
        """Moments of the marked movies, summed: `(B, F + 2, F + 2)`."""
        return np.asarray(marks.astype(np.float64) @ self._moments).reshape(-1, *self._negatives.shape)
