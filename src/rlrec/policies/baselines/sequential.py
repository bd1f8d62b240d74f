"""Linear models from movie to movie that mind the order of a history: what was rated last counts for most."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from rlrec.environments.logged import UNRATED
from rlrec.environments.views import View
from rlrec.errors import WorldError
from rlrec.policies.baselines.fold_in import FoldIn, preferences
from rlrec.policies.baselines.known import Known
from rlrec.policies.baselines.neighbourhood import ridge_weights
from rlrec.policies.policy import Note, Scores
from rlrec.worlds.dynamics import Floats

Doubles = NDArray[np.float64]


class Fading(FoldIn):
    """Scores `Σ_j 2^(-a_j / half_life) · W_ji` over the movies j that the user rated, `a_j` ratings ago.

    How they were rated does not matter, and a movie that was shown and not rated makes nothing older. Where nothing
    was rated yet, movies are ranked by how many training users rated them.
    """

    in_stars = False

    def __init__(self, known: Known, weights: Doubles, half_life: float) -> None:
        """Takes the weights as they are.

        Args:
            known: whose ratings were fitted to.
            weights: W, `(N, N)`.
            half_life: in ratings; infinite where nothing fades.
        """
        super().__init__(known)
        self._weights, self._half_life = weights.astype(np.float32), half_life
        self._typical = np.bincount(known.training_ratings(self.name).indices, minlength=len(weights))
        self._turns: NDArray[np.int64] = np.empty((0, len(weights)), np.int64)

    def begin(self, view: View, rng: np.random.Generator) -> None:
        """Nothing is rated yet."""
        super().begin(view, rng)
        self._turns = np.zeros(self._stars.shape, np.int64)

    def observe(self, slates: NDArray[np.int64], ratings: Floats) -> None:
        """Keeps the ratings and their turn, 1 for the first; those of a slate come one after another."""
        super().observe(slates, ratings)
        rated = ratings > UNRATED
        turns = self._turns.max(axis=1, keepdims=True) + rated.cumsum(axis=1)
        before = np.take_along_axis(self._turns, slates, axis=1)
        np.put_along_axis(self._turns, slates, np.where(rated, turns, before), axis=1)

    def scores(self, view: View) -> Scores:
        """See the class."""
        age = self._turns.max(axis=1, keepdims=True) - self._turns
        weights = np.where(self._turns > 0, np.exp2(-age / self._half_life), 0).astype(np.float32)
        return self.predict(sparse.csr_array(weights))

    def predict(self, rated: sparse.csr_array) -> Scores:
        """`(B, N)` from what is left of each rating, `(B, N)`, 1 for the latest."""
        found: Scores = rated @ self._weights
        found[np.diff(rated.indptr) == 0] = self._typical
        return found


class RecentEASE(Fading):
    """EASE of clicks whose history fades: the regression of having rated a movie on having rated the others.

    `W = -P / diag(P)` with a diagonal of 0 and `P = (XᵀX + penalty · I)⁻¹`, X being 1 where a training user rated a
    movie (Steck 2019, arXiv 1905.03375). What a user rated counts half as much after `half_life` further ratings.

    Knows what training users rated, and of the user played what was rated in this session, and when.

    Raises:
        WorldError: there are no real ratings.
    """

    name = "ease_recency"
    note = Note(
        "EASE + recency",
        "What training users rated; of this user, what was rated in the session, and how long ago. Regression on all "
        "other movies.",
        "collaborative",
    )

    def __init__(self, known: Known, *, penalty: float = 300.0, half_life: float = 10.0) -> None:
        clicks = preferences(known.training_ratings(self.name), UNRATED, 0)
        super().__init__(known, ridge_weights(clicks.astype(np.float64), penalty), half_life)


class MarkovChain(Fading):
    """A first-order Markov chain: what people rated soon after a movie is what comes after it.

    From a movie j to a movie i it is `(n_ji + shrinkage · p_i) / (n_j + shrinkage)`: `n_ji` of the `n_j` ratings that
    came at most `window` ratings after j, in training users' order of time, were of i; `p_i` is i's share of all of
    these. That is the chain that is the same for all users in Rendle et al. 2010 (Factorizing personalized Markov
    chains for next-basket recommendation), over more than the next movie, and shrunk. To say less for what is popular,
    it is divided by `p_i^discount`. The transitions from all that the user rated are summed; a movie counts half as
    much after `half_life` further ratings.

    Knows what training users rated in which order, and of the user played what was rated in this session, and when.

    Raises:
        WorldError: there are no real ratings, or it is not known in which order they came.
    """

    name = "markov"
    note = Note(
        "Markov chain",
        "What training users rated after what; of this user, what was rated in the session, and how long ago.",
        "collaborative",
    )

    def __init__(
        self,
        known: Known,
        *,
        window: int = 20,
        half_life: float = 10.0,
        shrinkage: float = 30.0,
        discount: float = 0.25,
    ) -> None:
        rows, movies, _, _ = known.knowledge.answered
        if known.training_ratings(self.name).nnz and not movies.size:
            raise WorldError(f"the baseline {self.name!r} needs the order of ratings, which this world does not carry")
        counts = followers(rows, movies, known.knowledge.n_movies, window)
        total = max(counts.sum(), 1)
        share = counts.sum(axis=0) / total
        chances = (counts + shrinkage * share) / np.maximum(counts.sum(axis=1, keepdims=True) + shrinkage, 1e-9)
        super().__init__(known, chances / np.maximum(share, 1 / total) ** discount, half_life)


def followers(rows: NDArray[np.int64], movies: NDArray[np.int64], n_movies: int, window: int) -> Doubles:
    """How often a movie was rated at most `window` ratings after another by the same person: `(N, N)`, from and to.

    Args:
        rows: `(m,)`, who rated; the ratings of each follow one another.
        movies: `(m,)`, what, in order of time.
        n_movies: N.
        window: at least 1.

    >>> followers(np.array([0, 0, 0, 1]), np.array([2, 0, 1, 2]), 3, window=1)[[2, 0, 1], [0, 1, 2]]
    array([1., 1., 0.])
    """
    counts = np.zeros((n_movies, n_movies))
    for lag in range(1, window + 1):
        same = rows[lag:] == rows[:-lag]
        np.add.at(counts, (movies[:-lag][same], movies[lag:][same]), 1)
    return counts
