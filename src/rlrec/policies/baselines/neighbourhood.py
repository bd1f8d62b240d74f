"""Linear models from movie to movie: what was rated says, by a matrix of weights, what else will be liked."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from rlrec.policies.baselines.fold_in import FoldIn
from rlrec.policies.baselines.known import Known
from rlrec.policies.policy import Note, Scores

Doubles = NDArray[np.float64]


class MovieToMovie(FoldIn):
    """Predicts `b_i + b_u + gain · Σ_j (r_uj - b_j - b_u) · W_ji` over the movies j that the user rated.

    `b_i` is movie i's damped mean rating by training users, and `b_u` how far the user's ratings lie above those of the
    movies, damped as well. What the weights are fitted to, and what they are multiplied with, are the deviations from
    both. Where nothing was rated yet, the movies' means are left.

    With a constant `centre` instead, all of `b_i + b_u` is that constant: a rating counts as `r - centre`, and the
    score says as much of how likely a movie is watched as of how it would be rated. Where nothing was rated yet, the
    average training user's score is given.
    """

    def __init__(
        self,
        known: Known,
        weights: Callable[[sparse.csr_array], Doubles],
        *,
        gain: float,
        centre: float | None,
        movie_damping: float = 5.0,
        user_damping: float = 2.0,
    ) -> None:
        """Fits it.

        Args:
            known: whose ratings are fitted to.
            weights: from the deviations `(U, N)` of training users to `W`, `(N, N)`.
            gain: factor of the deviations' say: more than 1 makes up for sessions being short.
            centre: in stars; None for the means of movie and user.
            movie_damping: ratings at the mean of all that are added to a movie's.
            user_damping: ratings without a deviation that are added to a user's.
        """
        super().__init__(known)
        self.in_stars = centre is None
        ratings = known.training_ratings(self.name)
        if centre is None:
            self._movies, self._user_damping = damped_means(ratings, movie_damping)[1], user_damping
        else:
            self._movies, self._user_damping = np.full(known.knowledge.n_movies, centre), np.inf
        deviations, _ = self._deviations(ratings)
        fitted = weights(deviations)
        self._weights = (gain * fitted).astype(np.float32)
        self._typical = np.zeros(known.knowledge.n_movies) if self.in_stars else deviations.mean(axis=0) @ fitted

    def predict(self, rated: sparse.csr_array) -> Scores:
        """See the class."""
        deviations, tendency = self._deviations(rated)
        found: Scores = deviations.astype(np.float32) @ self._weights
        found[np.diff(rated.indptr) == 0] = self._typical
        return found + self._movies + tendency[:, None]

    def _deviations(self, rated: sparse.csr_array) -> tuple[sparse.csr_array, Doubles]:
        """`r_uj - b_j - b_u`, `(B, N)`, and `b_u`, `(B,)`."""
        counts = np.diff(rated.indptr)
        users = np.repeat(np.arange(len(counts)), counts)
        values = rated.data - self._movies[rated.indices]
        tendency = np.bincount(users, values, minlength=len(counts)) / (counts + self._user_damping)
        values -= tendency[users]
        return sparse.csr_array((values, rated.indices, rated.indptr), shape=rated.shape), tendency


class ItemKNN(MovieToMovie):
    """Item-based nearest neighbours: a user will rate a movie as they rated those that were rated alike.

    The weights are adjusted cosines (Sarwar et al. 2001, Item-based collaborative filtering recommendation algorithms):
    `Σ_u e_ui e_uj / (|e_i| |e_j|)` of the training users' deviations e, shrunk by `n_ij / (n_ij + shrinkage)`, `n_ij`
    being how many rated both (Bell and Koren 2007). Of each movie's neighbours those with the largest weights are kept.
    The sum over them is not divided by that of their weights: it would make one rating say as much as ten.

    Knows the training users' real ratings, and of the user played the ratings of this session. It takes tastes for
    static.

    Raises:
        WorldError: there are no real ratings.
    """

    name = "item_knn"
    note = Note(
        "ItemKNN",
        "Training users' real ratings; of this user, the session's. Predicts a rating from those of similar movies.",
        "collaborative",
    )

    def __init__(
        self,
        known: Known,
        *,
        shrinkage: float = 20.0,
        neighbours: int = 1600,
        gain: float = 1.0,
        centre: float | None = None,
    ) -> None:
        def weights(deviations: sparse.csr_array) -> Doubles:
            return cosines(deviations, shrinkage, neighbours)

        super().__init__(known, weights, gain=gain, centre=centre)


class EASE(MovieToMovie):
    """Embarrassingly shallow autoencoder: the ridge regression of every movie on all others, in closed form.

    `W = -P / diag(P)`, column by column, with a diagonal of 0 and `P = (EᵀE + penalty · I)⁻¹` of the training users'
    deviations E (Steck 2019, arXiv 1905.03375, there of clicks).

    Knows the training users' real ratings, and of the user played the ratings of this session. It takes tastes for
    static.

    Raises:
        WorldError: there are no real ratings.
    """

    name = "ease"
    note = Note(
        "EASE",
        "Training users' real ratings; of this user, the session's. Predicts a rating by regression on all the others.",
        "collaborative",
    )

    def __init__(
        self, known: Known, *, penalty: float = 1000.0, gain: float = 8.0, centre: float | None = None
    ) -> None:
        def weights(deviations: sparse.csr_array) -> Doubles:
            return ridge_weights(deviations, penalty)

        super().__init__(known, weights, gain=gain, centre=centre)


def cosines(values: sparse.csr_array, shrinkage: float, neighbours: int) -> Doubles:
    """Shrunk cosine similarities of columns, see `ItemKNN`.

    Args:
        values: `(U, N)`.
        shrinkage: at least 0.
        neighbours: how many rows of each column are kept, those with the largest absolute values; the rest is 0.

    Returns:
        `(N, N)` with a diagonal of 0; the column of a movie that nobody rated is 0.
    """
    similarity: Doubles = (values.T @ values).toarray()
    rated = sparse.csr_array((np.ones_like(values.data), values.indices, values.indptr), shape=values.shape)
    together: Doubles = (rated.T @ rated).toarray()
    norms = np.sqrt(np.diag(similarity))
    scale = norms[:, None] * norms
    np.divide(similarity, scale, out=similarity, where=scale > 0)
    similarity *= together / np.maximum(together + shrinkage, 1e-9)
    np.fill_diagonal(similarity, 0)
    if neighbours < len(similarity):
        strength = np.abs(similarity)
        similarity[strength < np.partition(strength, -neighbours, axis=0)[-neighbours]] = 0
    return similarity


def ridge_weights(values: sparse.csr_array, penalty: float) -> Doubles:
    """Weights `(N, N)` that predict each column of `(U, N)` values from the others, see `EASE`."""
    return gram_weights((values.T @ values).toarray(), penalty)


def gram_weights(gram: Doubles, penalty: float) -> Doubles:
    """The same from the products of all pairs of columns, `(N, N)`."""
    inverse = np.linalg.inv(gram + penalty * np.eye(len(gram)))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return np.asarray(weights)


def damped_means(ratings: sparse.csr_array, damping: float) -> tuple[float, Doubles]:
    """Mean of all ratings, and every movie's own, damped.

    A movie's ratings are averaged with `damping` more of them at the mean of all, `(Σ r + damping · mean) / (n +
    damping)`; undamped, a movie that one user gave a five would lead.

    Args:
        ratings: `(U, N)` stars, at least one.
        damping: at least 0; a movie without ratings needs more.

    Returns:
        The mean, and `(N,)`.
    """
    mean = float(ratings.data.mean())
    counts = np.bincount(ratings.indices, minlength=ratings.shape[1])
    sums = np.bincount(ratings.indices, ratings.data - mean, minlength=ratings.shape[1])
    return mean, mean + sums / (counts + damping)
