"""The belief as a TensorFlow graph: the same filter as `rlrec.environments.belief`, compiled, for training.

Means and covariances are in double precision, as there; what is expected of all movies is in single precision.
"""

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from rlrec.environments.belief import FARTHEST_CAP, LEAST_WALK, farthest
from rlrec.environments.observations import reach
from rlrec.metrics.stars import HIGHEST_RATING, LOWEST_RATING
from rlrec.settings.beliefs import BeliefConfig
from rlrec.settings.config import ScenarioConfig
from rlrec.worlds.knowledge import Knowledge

Tensor = Any

_ROOT_TWO, _ROOT_TWO_PI = float(np.sqrt(2)), float(np.sqrt(2 * np.pi))
_LEAST = 1e-9
_FAR = 30.0  # from there on, a Gaussian's tail is taken by its expansion: chances underflow


class CompiledBelief:
    """Constants of a belief on the TensorFlow side, and its functions of means `(B, D)` and covariances `(B, D, D)`."""

    def __init__(self, knowledge: Knowledge, scenario: ScenarioConfig, padded: int) -> None:
        """Prepares the belief of a scenario; its movies are padded to `padded`, M."""
        known = knowledge.representation(scenario.features)
        self.settings = scenario.belief or BeliefConfig()
        self._scenario, self._cap = scenario, min(scenario.affinity_cap, FARTHEST_CAP)
        prior = known.prior
        self.prior_mean = tf.constant(prior.mean, tf.float64)
        self.prior_covariance = tf.constant(prior.covariance, tf.float64)
        self._vectors = tf.constant(known.vectors, tf.float64)  # (N, D)
        rows = np.pad(known.vectors, ((0, padded - len(known.vectors)), (0, 0)))
        self._catalogue, self._squares = tf.constant(rows), tf.constant(rows**2)  # (M, D) float32
        self._genres = tf.constant(knowledge.genres, tf.float64)  # (N, G)
        self._farthest = tf.constant(farthest(prior, knowledge.n_genres, self._cap))
        self._columns, self._scale = prior.columns, tf.constant(prior.scale)
        self._reach = tf.constant(reach(prior, scenario))

    def observe(self, mean: Tensor, covariance: Tensor) -> list[Tensor]:
        """What is told of it: means and deviations, `(B, F)` float32 each."""
        told = tf.cast(tf.gather(mean, self._columns, axis=1), tf.float32) * self._scale
        variance = tf.cast(tf.gather(tf.linalg.diag_part(covariance), self._columns, axis=1), tf.float32)
        deviation = tf.sqrt(tf.maximum(variance, 0.0)) * self._scale
        return [tf.clip_by_value(told, -self._reach, self._reach), tf.minimum(deviation, self._reach)]

    def summary(self, mean: Tensor, covariance: Tensor) -> Tensor:
        """`(B, V)` float32, what `expect` needs: means, and variances where it matters that ratings end."""
        parts = [mean, tf.linalg.diag_part(covariance)] if self.settings.bounded else [mean]
        return tf.cast(tf.concat(parts, axis=1), tf.float32)

    def expect(self, summary: Tensor) -> Tensor:
        """`(B, M)` float32, the expected ratings."""
        size = self._catalogue.shape[1]
        ratings = tf.matmul(summary[:, :size], self._catalogue, transpose_b=True)
        if not self.settings.bounded:
            return ratings
        variance = tf.matmul(summary[:, size:], self._squares, transpose_b=True) + self.settings.noise
        deviation = tf.sqrt(tf.maximum(variance, _LEAST**2))
        return _expected_clip(ratings, deviation, LOWEST_RATING, HIGHEST_RATING)

    @property
    def vectors_of_movies(self) -> NDArray[np.float32]:
        """`(N, D)`, what beliefs are about."""
        return np.asarray(self._catalogue[: self._vectors.shape[0]])

    def expect_at(self, summary: Tensor, vectors: Tensor) -> Tensor:
        """`(B, C)`, `expect` for movies with vectors `(B, C, D)`."""
        size = vectors.shape[2]
        ratings = tf.matmul(vectors, summary[:, :size, None])[:, :, 0]
        if not self.settings.bounded:
            return ratings
        variance = tf.matmul(tf.square(vectors), summary[:, size:, None])[:, :, 0] + self.settings.noise
        deviation = tf.sqrt(tf.maximum(variance, _LEAST**2))
        return _expected_clip(ratings, deviation, LOWEST_RATING, HIGHEST_RATING)

    def about(self, summary: Tensor, product: Any, mean: Tensor, squares: Tensor, above: Tensor) -> Tensor:
        """About what is expected of groups of movies, some stars `above` their means, without a special function.

        Args:
            summary: `(B, V)`.
            product: of `(B, D)` and what groups have, to `(B, groups)`.
            mean: of the groups' vectors.
            squares: of the groups' vectors, likewise their mean.
            above: `(B, groups)`.
        """
        size = self._vectors.shape[1]
        ratings = product(summary[:, :size], mean) + above
        if not self.settings.bounded:
            return ratings
        deviation = tf.sqrt(tf.maximum(product(summary[:, size:], squares), 0.0) + self.settings.noise)
        missing = HIGHEST_RATING - ratings
        # E[max(x, 0)] of a Gaussian, by the hyperbola that has its value at 0 and its asymptotes.
        return HIGHEST_RATING - (missing + tf.sqrt(tf.square(missing) + 2 / np.pi * tf.square(deviation))) / 2

    def update(self, mean: Tensor, covariance: Tensor, slates: Tensor, ratings: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and covariance after `(B, K)` int32 slates and their float32 ratings."""
        stars = tf.cast(ratings, tf.float64)
        for k in range(slates.shape[1]):
            mean, covariance = self._condition(mean, covariance, tf.gather(self._vectors, slates[:, k]), stars[:, k])
        return self._move(mean, covariance, slates, ratings)

    def _condition(self, mean: Tensor, covariance: Tensor, vectors: Tensor, stars: Tensor) -> tuple[Tensor, Tensor]:
        projected = tf.reduce_sum(covariance * vectors[:, None, :], axis=2)
        spread = tf.maximum(tf.reduce_sum(projected * vectors, axis=1), 0.0) + self.settings.noise
        error = stars - tf.reduce_sum(mean * vectors, axis=1)
        known = tf.ones_like(error)
        if self.settings.bounded:
            deviation = tf.sqrt(spread)
            side = tf.where(stars >= HIGHEST_RATING, 1.0, tf.where(stars <= LOWEST_RATING, -1.0, 0.0))
            side = tf.cast(side, tf.float64)
            hazard, less = _beyond(side * error / deviation)
            error = tf.where(side == 0, error, side * hazard * deviation)
            known = tf.where(side == 0, known, less)
        gone = projected * tf.sqrt(known / spread)[:, None]
        return mean + projected * (error / spread)[:, None], covariance - gone[:, :, None] * gone[:, None, :]

    def _move(self, mean: Tensor, covariance: Tensor, slates: Tensor, ratings: Tensor) -> tuple[Tensor, Tensor]:
        growth, walk = self.settings.growth, self.settings.walk
        if not growth and not walk:
            return mean, covariance
        mean = tf.clip_by_value(mean, -self._farthest, self._farthest)
        n_genres = self._genres.shape[1]
        liked = tf.cast(ratings >= self._scenario.threshold, tf.float64)
        times = tf.reduce_sum(liked[:, :, None] * tf.gather(self._genres, slates), axis=1)  # (B, G)
        added = (walk + LEAST_WALK) * times
        if growth:
            factor, moved = tf.pow(tf.constant(1 + growth, tf.float64), times), times > 0
            affinities = factor * mean[:, -n_genres:]
            diagonal = tf.linalg.diag_part(covariance)[:, -n_genres:]
            spread = tf.abs(factor) * tf.sqrt(tf.maximum(diagonal, 0.0))
            first, variance, inside = _clipped(affinities, tf.maximum(spread, _LEAST), -self._cap, self._cap)
            mean = tf.concat([mean[:, :-n_genres], tf.where(moved, first, mean[:, -n_genres:])], axis=1)
            scale = tf.where(moved, factor * inside, tf.ones_like(inside))
            scale = tf.concat([tf.ones_like(mean[:, :-n_genres]), scale], axis=1)
            covariance = covariance * (scale[:, :, None] * scale[:, None, :])  # symmetric in this order only
            surplus = tf.maximum(variance - tf.square(inside * spread), 0.0)
            added += tf.where(moved, surplus, tf.zeros_like(surplus))
        padding = tf.zeros_like(mean[:, :-n_genres])
        return mean, covariance + tf.linalg.diag(tf.concat([padding, added], axis=1))


def _below(x: Tensor) -> Tensor:
    """Φ."""
    return tf.math.erfc(-x / _ROOT_TWO) / 2


def _density(x: Tensor) -> Tensor:
    """φ."""
    return tf.exp(-tf.square(x) / 2) / _ROOT_TWO_PI


def _ramp(x: Tensor) -> Tensor:
    return x * (1 + tf.math.erf(x / _ROOT_TWO)) / 2 + _density(x)


def _expected_clip(mean: Tensor, deviation: Tensor, low: float, high: float) -> Tensor:
    return low + deviation * (_ramp((mean - low) / deviation) - _ramp((mean - high) / deviation))


def _clipped(mean: Tensor, deviation: Tensor, low: float, high: float) -> tuple[Tensor, Tensor, Tensor]:
    lower, upper = (low - mean) / deviation, (high - mean) / deviation
    inside = _below(upper) - _below(lower)
    first = _expected_clip(mean, deviation, low, high)
    square = mean**2 * inside + 2 * mean * deviation * (_density(lower) - _density(upper))
    square += deviation**2 * (inside + lower * _density(lower) - upper * _density(upper))
    square += low**2 * _below(lower) + high**2 * _below(-upper)
    return first, tf.maximum(square - first**2, tf.square(inside * deviation)), inside


def _beyond(distance: Tensor) -> tuple[Tensor, Tensor]:
    near = tf.minimum(distance, tf.constant(_FAR, distance.dtype))
    far = tf.maximum(distance, tf.constant(_FAR, distance.dtype))
    hazard = tf.where(distance < _FAR, _density(near) / _below(-near), far + 1 / far)
    return hazard, tf.clip_by_value(hazard * (hazard - distance), 0.0, 1.0)
