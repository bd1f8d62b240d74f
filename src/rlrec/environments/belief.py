"""What an agent believes of the tastes of users whom it has not met: a Gaussian for each, after every rating.

A rating is taken to be `clip(m · u + noise, 1, 5)`, and a user to change by what he likes. How, `scenario.belief` says:

| belief     | noise | walk | growth | bounded | of a user's taste                                                   |
|------------|-------|------|--------|---------|---------------------------------------------------------------------|
| `static`   | > 0   | 0    | 0      | either  | it stands still                                                     |
| `walk`     | > 0   | > 0  | 0      | either  | the affinities to the genres of a liked movie move, nobody knows how |
| `dynamics` | > 0   | 0    | ≠ 0    | true    | they are multiplied by `1 + growth` and end at the cap              |

None of them is told `scenario.delta`: their numbers are estimated from training users' sessions, see
`rlrec.policies.estimation`. All know which rating a user likes (`threshold`) and where affinities end (`affinity_cap`).

It is a Kalman filter: Bayes' rule for each movie of a slate, one after the other, then the step of the taste. A
bounded belief takes a 5 for 'at least 5' and a 1 for 'at most 1', both by the moments of what is left of the Gaussian
(assumed density filtering, e.g. Minka 2001, arXiv 1301.2294), and expects of a movie what is left of its rating between
the bounds. In double precision: what single precision loses, growth doubles at every liked movie.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rlrec.environments.rows import Rows
from rlrec.metrics.stars import HIGHEST_RATING, LOWEST_RATING
from rlrec.settings.beliefs import BeliefConfig
from rlrec.settings.config import ScenarioConfig
from rlrec.statistics.gaussian import beyond, clipped, quick_expected_clip
from rlrec.worlds.dynamics import Floats
from rlrec.worlds.knowledge import Knowledge, Prior

Doubles = NDArray[np.float64]

FARTHEST_CAP = 1e4
"""Affinities beyond it, in stars, are taken for it: with a cap of 1e30, differences would lose all digits."""
LEAST_WALK = 1e-7
"""Added to `walk`: rounding takes 1e-15 off a variance, which a genre that is liked again and again would make into
anything, since growth multiplies what is there."""

_CELLS = 2**16
"""Entries that are worked on at a time, so that they stay in the processor's cache."""


class Belief(Rows):
    """A batch of B users' Gaussians in the coordinates of the scenario's features.

    Attributes:
        settings: what it takes users for.
        mean: `(B, D)` float64.
        covariance: `(B, D, D)` float64, symmetric and positive semidefinite up to rounding.
    """

    per_row = ("mean", "covariance")

    def __init__(
        self, knowledge: Knowledge, scenario: ScenarioConfig, batch: int, settings: BeliefConfig | None = None
    ) -> None:
        """Starts with the prior: the tastes that training users start with.

        Args:
            knowledge: of the world.
            scenario: its features, threshold and cap; and its belief, where `settings` is absent.
            batch: B.
            settings: what it takes users for.
        """
        movies = knowledge.representation(scenario.features)
        self.settings = settings or scenario.belief or BeliefConfig()
        self._vectors, self._genres = movies.exact, knowledge.genres
        self._catalogue, self._squares = movies.vectors.T, movies.squares  # (D, N) float32
        self._threshold, self._cap = scenario.threshold, min(scenario.affinity_cap, FARTHEST_CAP)
        self._farthest = farthest(movies.prior, knowledge.n_genres, self._cap)
        self.mean: Doubles = np.tile(movies.prior.mean.astype(np.float64), (batch, 1))
        self.covariance: Doubles = np.tile(movies.prior.covariance.astype(np.float64), (batch, 1, 1))

    def expect(self) -> Floats:
        """`(B, N)` float32, the expected ratings of all movies: clipped, if the belief is bounded.

        A rating's variance is taken from the diagonal of the covariance: all of it would cost D² numbers a movie.
        """
        ratings: Floats = self.mean.astype(np.float32) @ self._catalogue
        if not self.settings.bounded:
            return ratings
        diagonal = self.covariance.diagonal(axis1=1, axis2=2).astype(np.float32)
        variance = np.maximum(diagonal @ self._squares, 0) + np.float32(self.settings.noise)
        size = max(1, _CELLS // ratings.shape[1])
        for rows in (slice(start, start + size) for start in range(0, len(ratings), size)):
            ratings[rows] = quick_expected_clip(ratings[rows], np.sqrt(variance[rows]), LOWEST_RATING, HIGHEST_RATING)
        return ratings

    def predict(self, movies: NDArray[np.int64]) -> tuple[Doubles, Doubles]:
        """Mean and variance of the ratings, before clipping, of `(B,)` movies: `(B,)` each."""
        vectors = self._vectors[movies]
        return np.vecdot(self.mean, vectors), self._project(vectors)[1]

    def update(self, slates: NDArray[np.int64], ratings: Floats) -> None:
        """Takes in `(B, K)` slates and the `(B, K)` ratings given to them, and then the step of the tastes."""
        for k in range(slates.shape[1]):
            self.condition(slates[:, k], ratings[:, k])
        self.move(slates, ratings)

    def condition(self, movies: NDArray[np.int64], ratings: Floats) -> None:
        """Bayes' rule for the `(B,)` ratings of one movie each."""
        vectors = self._vectors.take(movies, axis=0)
        projected, spread = self._project(vectors)
        error = ratings - np.vecdot(self.mean, vectors)
        known: Doubles | float = 1.0  # how much of the rating's variance is gone now that it is known
        if self.settings.bounded:
            deviation = np.sqrt(spread)
            side = np.where(ratings >= HIGHEST_RATING, 1.0, np.where(ratings <= LOWEST_RATING, -1.0, 0.0))
            hazard, less = beyond(side * error / deviation)
            error, known = np.where(side == 0, error, side * hazard * deviation), np.where(side == 0, 1.0, less)
        self.mean += projected * (error / spread)[:, None]
        # The square of one vector, which is symmetric to the last digit: growth would multiply what is not.
        gone = projected * np.sqrt(known / spread)[:, None]
        self.covariance -= np.einsum("bi,bj->bij", gone, gone)  # a good deal faster than by broadcasting

    def _project(self, vectors: Doubles) -> tuple[Doubles, Doubles]:
        """Covariances of tastes and ratings `(B, D)`, and the ratings' variances `(B,)`, of `(B, D)` movies."""
        projected = np.matvec(self.covariance, vectors)
        return projected, np.maximum(np.vecdot(projected, vectors), 0) + self.settings.noise

    def move(self, slates: NDArray[np.int64], ratings: Floats) -> None:
        """Tastes after a slate: the cap is reached once a slate, by the moments of the clipped Gaussian."""
        if not self.settings.walk and not self.settings.growth:
            return
        np.clip(self.mean, -self._farthest, self._farthest, out=self.mean)
        n_genres = self._genres.shape[1]
        liked = (ratings >= self._threshold)[:, :, None] & self._genres[slates]
        times = liked.sum(axis=1).astype(np.float64)  # (B, G)
        diagonal = np.einsum("bii->bi", self.covariance)[:, -n_genres:]  # a view
        if self.settings.growth:
            factor, moved = (1 + self.settings.growth) ** times, times > 0
            affinities = self.mean[:, -n_genres:]
            spread = np.abs(factor) * np.sqrt(np.maximum(diagonal, 0))
            found = clipped(factor * affinities, spread, -self._cap, self._cap)
            affinities[...] = np.where(moved, found.mean, affinities)
            scale = np.ones_like(self.mean)
            scale[:, -n_genres:] = np.where(moved, factor * found.inside, 1.0)
            self.covariance *= scale[:, :, None] * scale[:, None, :]  # symmetric: the product of the two comes first
            diagonal = np.einsum("bii->bi", self.covariance)[:, -n_genres:]
            diagonal += np.where(moved, np.maximum(found.variance - (found.inside * spread) ** 2, 0), 0.0)
        diagonal += (self.settings.walk + LEAST_WALK) * times


def farthest(prior: Prior, n_genres: int, cap: float) -> Doubles:
    """`(D,)`, how far from 0 a taste can be, for beliefs that move: affinities end at the cap.

    Of the rest, twelve standard deviations around the mean that training users start with. A belief that is wrong in
    kind and sure of itself would otherwise be thrown by what it cannot explain as far as it likes.
    """
    found = np.abs(prior.mean) + 12 * np.sqrt(np.diag(prior.covariance).clip(min=0)).astype(np.float64)
    found[-n_genres:] = np.maximum(np.abs(prior.mean[-n_genres:]), cap)
    return np.asarray(found, np.float64)
