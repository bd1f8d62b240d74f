"""How far a fitted world can be trusted: its predictions of held-out ratings, and how its ratings are distributed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq

from rlrec.metrics.stars import HIGHEST_RATING, LOWEST_RATING
from rlrec.statistics.gaussian import clipped
from rlrec.statistics.intervals import CONFIDENCE, Linearised, ratio
from rlrec.worlds.factorisation import Doubles, Factors, Ints, Observed

STEPS = (1.0, 0.5, 0.25, 0.2, 0.1)
"""Distances between two ratings that a scale may have, in stars."""
_MOST_RATINGS = 200_000
"""That the noise is fitted to; of more, some at equal distances."""
_ROUNDING = 1e-6
"""Stars by which a rating that was read as a number of single precision may be off."""
CALIBRATION_EDGES = tuple(np.arange(LOWEST_RATING, HIGHEST_RATING + 0.25, 0.25).tolist())


Interval = tuple[float, float] | None
"""Over users, of level `CONFIDENCE`; None where one user alone would say how users differ.

A user's ratings stay together, since they are not independent of one another; movies are taken as they are.
"""


@dataclass(frozen=True)
class Accuracy:
    """Errors on held-out ratings, or differences of two such errors, in stars."""

    rmse: float
    rmse_ci: Interval
    mae: float
    mae_ci: Interval


@dataclass(frozen=True)
class Candidate(Accuracy):
    """A ridge penalty that was tried, and its errors on held-out ratings."""

    penalty: float


class Errors(NamedTuple):
    """Errors of predictions, and how much each user moves them."""

    rmse: Linearised
    mae: Linearised

    @classmethod
    def of(cls, predicted: Doubles, ratings: Observed) -> "Errors":
        """Errors of `(n,)` predictions of n ratings."""
        errors = predicted - ratings.stars
        squared = _mean(errors**2, ratings.users)
        rmse = float(np.sqrt(squared.value))
        absolute = _mean(np.abs(errors), ratings.users)
        return cls(Linearised(rmse, squared.influence / (2 * rmse or 1), is_size=True), replace(absolute, is_size=True))

    def minus(self, other: "Errors") -> "Errors":
        """The differences from the errors of other predictions of the same ratings, paired by user."""
        return Errors(self.rmse - other.rmse, self.mae - other.mae)

    def summary(self) -> Accuracy:
        """The errors with their intervals."""
        return Accuracy(self.rmse.value, _interval(self.rmse), self.mae.value, _interval(self.mae))


@dataclass(frozen=True)
class CalibrationBin:
    """Held-out ratings whose prediction lies in `[low, high)` (the last bin holds 5 too)."""

    low: float
    high: float
    predicted: float
    """Mean prediction."""
    real: float
    """Mean real rating."""
    real_ci: Interval
    count: int


@dataclass(frozen=True)
class Distribution:
    """Shares of ratings by stars, after rounding to steps of the scale; mean and standard deviation before rounding."""

    shares: tuple[float, ...]
    mean: float
    std: float

    @classmethod
    def of(cls, ratings: Doubles, stars: Sequence[float]) -> "Distribution":
        """Distribution of `(n,)` ratings over two or more stars at equal distances; the middle of two is rounded up."""
        step = stars[1] - stars[0]
        rounded = np.floor((ratings - stars[0]) / step + 0.5 + _ROUNDING).astype(np.int64)
        counts = np.bincount(np.clip(rounded, 0, len(stars) - 1), minlength=len(stars))
        return cls(tuple((counts / len(ratings)).tolist()), float(ratings.mean()), float(ratings.std()))


@dataclass(frozen=True)
class HeldOut:
    """Errors of the world and of two simpler predictors on ratings that none of them has seen."""

    model: Accuracy
    user_item_bias: Accuracy
    global_mean: Accuracy


@dataclass(frozen=True)
class Distributions:
    """Of real ratings, of the world's ratings of the same pairs without scatter and with it, and of random pairs.

    `stars` is the scale that the shares of all of them are on, ascending: that of the real ratings.
    """

    real: Distribution
    simulated: Distribution
    scattered: Distribution
    random_pairs: Distribution
    stars: tuple[float, ...]


@dataclass(frozen=True)
class Spread:
    """Summary of some numbers."""

    mean: float
    std: float
    min: float
    max: float

    @classmethod
    def of(cls, values: Doubles) -> "Spread":
        """Summary of an array of any shape that has at least one entry."""
        return cls(float(values.mean()), float(values.std()), float(values.min()), float(values.max()))


@dataclass(frozen=True)
class Fidelity:
    """What is reported of a world beside the world itself: `fidelity.json`.

    Attributes:
        ratings: Ratings that the world is fitted to, and all figures below measured on.
        future_ratings: Ratings left out of everything: the last of each test user, kept for the offline comparison.
        users: How many there are.
        movies: Likewise.
        genres: Likewise.
        held_out_ratings: Ratings that `held_out`, `candidates` and `calibration` are measured on; the models measured
            there have not seen them. The world itself is fitted to all `ratings`.
        held_out_users: Who gave these.
        latent_factors: Of the world.
        iterations: Sweeps it was fitted with.
        penalty: The candidate of the least RMSE, which it was fitted with.
        confidence: Level of all intervals.
        held_out: Accuracy of the world and of simpler predictors.
        model_minus_bias: The world's minus that of user and movie bias, paired by user; below 0 the world is better.
        candidates: One for each penalty tried, in their order.
        calibration: Non-empty bins of held-out ratings by predicted rating, ascending.
        rating_noise: Stars, the scatter with which simulated ratings spread as real ones (`scenario.noise: fitted`).
        distribution: Of real ratings and of the world's.
        genre_affinity: Of all users' affinities to all genres at the start of a session.
        has_violence: Whether violence was measured; if not it is 0 for all movies.
    """

    ratings: int
    future_ratings: int
    users: int
    movies: int
    genres: int
    held_out_ratings: int
    held_out_users: int
    latent_factors: int
    iterations: int
    penalty: float
    confidence: float
    held_out: HeldOut
    model_minus_bias: Accuracy
    candidates: tuple[Candidate, ...]
    calibration: tuple[CalibrationBin, ...]
    rating_noise: float
    distribution: Distributions
    genre_affinity: Spread
    has_violence: bool


def choose(candidates: Sequence[Candidate]) -> Candidate:
    """The candidate of the least RMSE; of equal ones the largest penalty, since it is the simpler model."""
    return min(candidates, key=lambda candidate: (candidate.rmse, -candidate.penalty))


def calibrate(predicted: Doubles, ratings: Observed) -> tuple[CalibrationBin, ...]:
    """Mean real rating by predicted rating, in bins of a quarter star; empty bins are left out."""
    inner = np.asarray(CALIBRATION_EDGES[1:-1])
    bins = np.searchsorted(inner, predicted, side="right")
    found = []
    for index, (low, high) in enumerate(pairwise(CALIBRATION_EDGES)):
        inside = np.flatnonzero(bins == index)
        if inside.size:
            real = _mean(ratings.stars[inside], ratings.users[inside])
            mean = float(predicted[inside].mean())
            found.append(CalibrationBin(low, high, mean, real.value, _on_scale(_interval(real)), inside.size))
    return tuple(found)


def scale_of(ratings: Doubles) -> tuple[float, ...]:
    """The stars that `(n,)` ratings may have, ascending: from 1, or the lowest of them, to 5.

    Steps are the widest of `STEPS` that all ratings are on; whole stars where they are on none, but any numbers.
    """
    given = np.unique(ratings)
    on = (step for step in STEPS if np.allclose(given / step, np.round(given / step), rtol=0, atol=_ROUNDING))
    step = next(on, STEPS[0])
    first = int(np.floor(min(LOWEST_RATING, given[0]) / step + 0.5 + _ROUNDING))
    last = round(HIGHEST_RATING / step)
    return tuple((np.arange(first, last + 1) * step).round(2).tolist())


def fit_noise(factors: Factors, ratings: Observed) -> float:
    """The deviation of a scatter before clipping by which a world's ratings spread as the real ratings of the pairs.

    The variance of `clip(s + scatter)` over pairs is the mean of its variances and the variance of its means, both in
    closed form; it grows with the scatter, and where it equals that of the real ratings is found by bisection. That is
    more than the residual's deviation: clipping takes of the scatter what goes beyond 1 and 5.

    Returns:
        Stars; 0 where the world's ratings spread more than the real ones as they are.
    """
    some = ratings.take(np.arange(0, len(ratings), -(-len(ratings) // _MOST_RATINGS)))
    scores, real = factors.score(some.users, some.movies), float(some.stars.var())

    def surplus(noise: float) -> float:
        found = clipped(scores, np.full_like(scores, noise), LOWEST_RATING, HIGHEST_RATING)
        return float(found.variance.mean() + found.mean.var()) - real

    if surplus(0) >= 0:
        return 0.0
    most = HIGHEST_RATING - LOWEST_RATING
    return float(brentq(surplus, 0, most)) if surplus(most) > 0 else most


def compare_distributions(factors: Factors, ratings: Observed, noise: float, rng: np.random.Generator) -> Distributions:
    """Real ratings, a world's ratings of the same pairs and with scatter, and of as many pairs drawn uniformly."""
    n_users, n_movies = ratings.shape
    users: Ints = rng.integers(n_users, size=len(ratings))
    movies: Ints = rng.integers(n_movies, size=len(ratings))
    scores, scatter = factors.score(ratings.users, ratings.movies), noise * rng.standard_normal(len(ratings))
    stars = scale_of(ratings.stars)
    return Distributions(
        real=Distribution.of(ratings.stars, stars),
        simulated=Distribution.of(factors.predict(ratings.users, ratings.movies), stars),
        scattered=Distribution.of(np.clip(scores + scatter, LOWEST_RATING, HIGHEST_RATING), stars),
        random_pairs=Distribution.of(factors.predict(users, movies), stars),
        stars=stars,
    )


def _mean(values: Doubles, users: Ints) -> Linearised:
    """Mean of `(n,)` values of n ratings, given whose they are."""
    _, rows = np.unique(users, return_inverse=True)
    return ratio(np.bincount(rows, values).astype(np.float64), np.bincount(rows).astype(np.float64))


def _interval(figure: Linearised) -> Interval:
    low, high = figure.interval(CONFIDENCE)
    return None if np.isnan(low) else (low, high)


def _on_scale(interval: Interval) -> Interval:
    """The part of it that ratings can have: of two or three users Student's goes far beyond."""
    return None if interval is None else (max(interval[0], 0.0), min(interval[1], HIGHEST_RATING))
