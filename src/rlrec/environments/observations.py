"""What an agent sees of a session.

`thesis`: the thesis's 25 numbers. `history`: what an agent needs to infer a hidden taste, in five parts:

| part       | size | meaning                                                                        |
|------------|------|--------------------------------------------------------------------------------|
| shown      | F    | mean features of the movies shown so far                                       |
| weighted   | F    | mean of (rating - 3.5) times features over the movies shown so far             |
| last       | F    | the same over the last slate                                                   |
| belief     | F    | posterior mean of the taste, given the session's ratings and a Gaussian prior  |
| user       | 4    | demographics                                                                   |
| progress   | 1    | t / T                                                                          |

Features and tastes are those of the scenario's representation, see `rlrec.worlds.knowledge`. The belief is that of a
*static* linear-Gaussian user (recursive least squares): it is told neither how tastes move nor where ratings are
clipped. What that costs under addiction or boredom is left to the agent to learn.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlrec.metrics.stars import CLICK_THRESHOLD, HIGHEST_RATING, LOWEST_RATING
from rlrec.settings.config import ScenarioConfig
from rlrec.worlds.dynamics import Floats
from rlrec.worlds.knowledge import Knowledge

RATING_NOISE = 0.1
"""Variance of a rating around the belief's prediction, in squared stars."""


def update_belief(mean: Floats, covariance: Floats, movies: Floats, ratings: Floats) -> tuple[Floats, Floats]:
    """Bayes' rule for `rating = m · u + noise` (Kalman's measurement update), one movie of the slate after another.

    Args:
        mean: `(B, D)`.
        covariance: `(B, D, D)`.
        movies: `(B, K, D)`.
        ratings: `(B, K)`.

    Returns:
        The posterior mean and covariance, new arrays.
    """
    mean, covariance = mean.copy(), covariance.copy()
    for k in range(movies.shape[1]):
        movie = movies[:, k]
        projected = np.einsum("bij,bj->bi", covariance, movie)
        gain = projected / (np.einsum("bi,bi->b", projected, movie) + np.float32(RATING_NOISE))[:, None]
        mean += gain * (ratings[:, k] - np.einsum("bi,bi->b", mean, movie))[:, None]
        covariance -= gain[:, :, None] * projected[:, None, :]
    return mean, covariance


def condition_belief(mean: Floats, covariance: Floats, movies: Floats, ratings: Floats) -> tuple[Floats, Floats]:
    """What `update_belief` comes to, for long histories: one solution of D equations in place of n updates.

    With `Σ = L Lᵀ` and `A = M L`, M being the n movies and e what is mispredicted of their ratings, the posterior mean
    is `mean + L (AᵀA + σ² I)⁻¹ Aᵀ e` and the covariance `σ² L (AᵀA + σ² I)⁻¹ Lᵀ`, also where Σ is singular.

    Args:
        mean: `(B, D)`.
        covariance: `(B, D, D)`.
        movies: `(B, n, D)`.
        ratings: `(B, n)`.

    Returns:
        The posterior mean and covariance, new arrays.
    """
    values, axes = np.linalg.eigh(covariance.astype(np.float64))
    root = axes * np.sqrt(values.clip(min=0))[:, None, :]
    seen, transposed = movies @ root, root.transpose(0, 2, 1)
    precision = seen.transpose(0, 2, 1) @ seen + RATING_NOISE * np.eye(root.shape[-1])
    mispredicted = ratings - (movies @ mean[:, :, None])[:, :, 0]
    gain = root @ np.linalg.inv(precision)
    step = gain @ (seen.transpose(0, 2, 1) @ mispredicted[:, :, None])
    return (mean + step[:, :, 0]).astype(np.float32), (RATING_NOISE * gain @ transposed).astype(np.float32)


class History:
    """Sufficient statistics behind the `history` observation of a batch of sessions."""

    def __init__(self, knowledge: Knowledge, demographics: Floats, scenario: ScenarioConfig) -> None:
        """Nothing was shown yet; `demographics` is `(B, 4)`."""
        self._movies, self._episode_length = knowledge.representation(scenario.features), scenario.episode_length
        self._prior, self._demographics = self._movies.prior, demographics
        batch, n_features = len(demographics), self._movies.features.shape[1]
        self._shown = np.zeros((batch, n_features), np.float32)
        self._weighted = np.zeros((batch, n_features), np.float32)
        self._last = np.zeros((batch, n_features), np.float32)
        self._mean = np.tile(self._prior.mean, (batch, 1))
        self._covariance = np.tile(self._prior.covariance, (batch, 1, 1))
        self._step = 0

    @staticmethod
    def size(knowledge: Knowledge, scenario: ScenarioConfig) -> int:
        """Length S of the observation."""
        return 4 * int(knowledge.representation(scenario.features).features.shape[1]) + 5

    @staticmethod
    def bounds(knowledge: Knowledge, scenario: ScenarioConfig) -> tuple[Floats, Floats]:
        """Least and greatest value of each entry, `(S,)` each.

        The belief differs from its prior mean by `Σ M' (M Σ M' + σ² I)^-1 e`, with M the movies shown and e what the
        prior mispredicts of their ratings. As `s / (s² + σ²) <= 1 / 2σ` for every singular value s of `M Σ^(1/2)`,
        entry j of it is at most `sqrt(Σ_jj) |e| / 2σ`.
        """
        movies = knowledge.representation(scenario.features)
        prior, largest = movies.prior, np.abs(movies.features).max(axis=0)
        scores = movies.vectors @ prior.mean
        misprediction = max(float(np.max(HIGHEST_RATING - scores)), float(np.max(scores - LOWEST_RATING)))
        shown = scenario.slate_size * scenario.episode_length
        spread = np.sqrt(np.diag(prior.covariance)[prior.columns].clip(min=0))
        reach = prior.scale * spread * misprediction * np.sqrt(shown) / (2 * np.sqrt(RATING_NOISE))
        weight = max(HIGHEST_RATING - CLICK_THRESHOLD, CLICK_THRESHOLD - LOWEST_RATING)
        believed = np.abs(prior.mean[prior.columns]) * prior.scale + reach
        # A hundredth more than mathematics asks for leaves room for rounding.
        high = 1.01 * np.concatenate([largest, weight * largest, weight * largest, believed]) + 1e-3
        one, zero = np.ones(5, np.float32), np.zeros(5, np.float32)
        return np.append(-high, zero).astype(np.float32), np.append(high, one).astype(np.float32)

    def add(self, slates: NDArray[np.int64], ratings: Floats) -> None:
        """Takes in `(B, K)` slates and their ratings."""
        features = self._movies.features[slates]
        self._last = np.einsum("bk,bkf->bf", ratings - np.float32(CLICK_THRESHOLD), features) / slates.shape[1]
        self._weighted += self._last
        self._shown += features.mean(axis=1)
        vectors = self._movies.vectors[slates]
        self._mean, self._covariance = update_belief(self._mean, self._covariance, vectors, ratings)
        self._step += 1

    def add_steps(self, movies: NDArray[np.int64], ratings: Floats) -> None:
        """Takes in `(B, n)` movies, each a slate of its own, and their ratings, as `add` does one after the other.

        Only the belief may differ in its last digits, see `condition_belief`.
        """
        features = self._movies.features[movies]
        weighted = (ratings - np.float32(CLICK_THRESHOLD))[:, :, None] * features
        self._last = weighted[:, -1]
        self._weighted += weighted.sum(axis=1)
        self._shown += features.sum(axis=1)
        vectors = self._movies.vectors[movies]
        self._mean, self._covariance = condition_belief(self._mean, self._covariance, vectors, ratings)
        self._step += movies.shape[1]

    def observe(self) -> Floats:
        """`(B, S)` float32."""
        steps = max(self._step, 1)
        progress = np.full((len(self._shown), 1), self._step / self._episode_length, np.float32)
        belief = self._mean[:, self._prior.columns] * self._prior.scale
        parts: list[NDArray[Any]] = [
            self._shown / steps,
            self._weighted / steps,
            self._last,
            belief,
            self._demographics,
            progress,
        ]
        return np.concatenate(parts, axis=1, dtype=np.float32)


class Thesis:
    """The thesis's observation: demographics, last movie's genres, last rating / 5, last movie's violence."""

    def __init__(self, knowledge: Knowledge, demographics: Floats, scenario: ScenarioConfig) -> None:
        """Nothing was shown yet; `demographics` is `(B, 4)`."""
        self._knowledge, self._demographics = knowledge, demographics
        self._last = np.zeros((len(demographics), knowledge.n_genres + 2), np.float32)

    @staticmethod
    def size(knowledge: Knowledge, scenario: ScenarioConfig) -> int:
        """Length S of the observation: 25 with 19 genres."""
        return 4 + knowledge.n_genres + 2

    @staticmethod
    def bounds(knowledge: Knowledge, scenario: ScenarioConfig) -> tuple[Floats, Floats]:
        """Least and greatest value of each entry, `(S,)` each."""
        size = Thesis.size(knowledge, scenario)
        return np.zeros(size, np.float32), np.ones(size, np.float32)

    def add(self, slates: NDArray[np.int64], ratings: Floats) -> None:
        """Takes in `(B, K)` slates and their ratings; the slate's last movie counts."""
        movies = slates[:, -1]
        genres, violence = self._knowledge.genres[movies], self._knowledge.violence[movies]
        self._last = np.column_stack([genres, ratings[:, -1] / HIGHEST_RATING, violence]).astype(np.float32)

    def add_steps(self, movies: NDArray[np.int64], ratings: Floats) -> None:
        """Takes in `(B, n)` movies and their ratings; the last one counts."""
        self.add(movies, ratings)

    def observe(self) -> Floats:
        """`(B, S)` float32."""
        return np.concatenate([self._demographics, self._last], axis=1, dtype=np.float32)


OBSERVATIONS: dict[str, type[History] | type[Thesis]] = {"history": History, "thesis": Thesis}
