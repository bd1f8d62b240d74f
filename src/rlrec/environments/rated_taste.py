"""What an agent sees of somebody's ratings where it matters how movies are rated, and not which: `stars`.

| part      | size | meaning                                                                                    |
|-----------|------|--------------------------------------------------------------------------------------------|
| belief    | F    | mean of what is believed of the taste                                                      |
| how many  | 1    | `log(1 + n) / 5` of the n ratings                                                          |

The belief is Bayes' rule for `rating = m · u + noise`, all ratings at once, u being spread as training users' tastes
are. It is told in the coordinates of the features: `features · belief` is the rating that is expected of a movie, up to
a number that is the same for all movies. A movie that was shown and not rated leaves it as it is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rlrec.environments.logged import UNRATED
from rlrec.environments.rows import Rows
from rlrec.metrics.stars import HIGHEST_RATING
from rlrec.settings.config import ScenarioConfig
from rlrec.worlds.dynamics import Floats
from rlrec.worlds.knowledge import Knowledge

COUNTS = 5.0
"""What the logarithm of the count is divided by."""
NOISE = 0.8
"""Variance of a rating around what the taste makes of it, squared stars. Of 0.1, 0.3, 0.8, 1.5 and 3 the one by which
ml-100k's training and validation users, each fifth of them by what the others taught, are reranked best."""
_CELLS = 2**24
"""Most numbers of movies that are gathered at a time."""


class RatedTaste(Rows):
    """What is behind the `stars` observation of a batch of sessions."""

    per_row = ("_gram", "_products", "_count")

    def __init__(self, knowledge: Knowledge, demographics: Floats, scenario: ScenarioConfig) -> None:
        """Nothing was rated yet; of `demographics`, `(B, 4)`, only B matters."""
        movies = knowledge.representation(scenario.features)
        self._vectors, self._prior = movies.vectors.astype(np.float64), movies.prior
        batch, size = len(demographics), self._vectors.shape[1]
        self._gram = np.zeros((batch, size, size))
        self._products = np.zeros((batch, size))
        self._count = np.zeros(batch)

    @staticmethod
    def size(knowledge: Knowledge, scenario: ScenarioConfig) -> int:
        """Length S of the observation."""
        return int(knowledge.representation(scenario.features).features.shape[1]) + 1

    @staticmethod
    def bounds(knowledge: Knowledge, scenario: ScenarioConfig) -> tuple[Floats, Floats]:
        """Least and greatest value of each entry, `(S,)` each.

        The mean minimises `|ratings - M u|² / noise + (u - mean)ᵀ precision (u - mean)`, and is no worse than the
        prior's: of n ratings, each missed by r at most, no coordinate is farther than `√(n / noise) · r` deviations.
        """
        movies = knowledge.representation(scenario.features)
        prior = movies.prior
        expected = movies.vectors @ prior.mean
        missed = HIGHEST_RATING + np.abs(expected).max()
        most = scenario.slate_size * scenario.episode_length + knowledge.n_movies
        spread = missed * np.sqrt(most / NOISE * np.diag(prior.covariance))
        farthest = 1.01 * (np.abs(prior.mean) + spread)[prior.columns] * prior.scale
        low = np.append(-farthest, 0)
        return low.astype(np.float32), np.append(farthest, np.log1p(most) / COUNTS + 1e-3).astype(np.float32)

    def add(self, slates: NDArray[np.int64], ratings: Floats) -> None:
        """Takes in `(B, n)` movies and their ratings, 0 for what was not rated."""
        rows = max(1, _CELLS // (slates.shape[1] * self._vectors.shape[1]))
        for start in range(0, len(slates), rows):
            own = slice(start, start + rows)
            rated = (ratings[own] > UNRATED)[:, :, None]
            seen = np.where(rated, self._vectors[slates[own]], 0.0)  # (b, n, D)
            self._gram[own] += seen.transpose(0, 2, 1) @ seen
            self._products[own] += np.einsum("bnd,bn->bd", seen, ratings[own])
            self._count[own] += rated.sum(axis=(1, 2))

    add_steps = add  # the order of ratings tells it nothing

    def wait(self) -> None:
        """Where nothing is shown, nothing is rated."""

    def observe(self) -> Floats:
        """`(B, S)` float32."""
        # With C = the prior's covariance: (1 + C G / noise)⁻¹ (mean + C p / noise), which asks no inverse of C.
        prior, covariance = self._prior, self._prior.covariance.astype(np.float64) / NOISE
        left = np.eye(len(covariance)) + covariance @ self._gram
        right = prior.mean + self._products @ covariance
        mean = np.linalg.solve(left, right[:, :, None])[:, :, 0]
        told = mean[:, prior.columns] * prior.scale
        return np.column_stack([told, np.log1p(self._count) / COUNTS]).astype(np.float32)
