"""Percentile bootstrap over users, the same resamples for every policy and metric so that differences are paired.

A resample draws U users with replacement (Efron 1979). Sessions of one user are not independent, so a user is kept
whole: average the user's sessions first.

A policy that was trained with R seeds is judged on the same users with each. A resample then draws seeds and, once for
all of them, users (the pigeonhole bootstrap, Owen 2007, arXiv 0712.1111): users drawn anew for every seed would be
taken for different people and the interval be too narrow.

What is measured before policies are judged, the errors of a world on all users and the returns of every checkpoint, has
intervals without resamples, see `Linearised`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

Resampling = NDArray[np.float32]
"""`(S, U)`: how often each of U users is in each of S resamples."""

CONFIDENCE = 0.95
"""Level of the intervals that the stages `world` and `train` write. Not `evaluate.confidence`: a change of that one is
no reason to fit and to train again."""


@dataclass(frozen=True, eq=False)
class Estimate:
    """A figure and what it would have been with other users.

    Attributes:
        value: over the users as they are.
        replicates: `(S,)` float64, over each resample.
    """

    value: float
    replicates: NDArray[np.float64]

    def __sub__(self, other: Estimate) -> Estimate:
        """The paired difference: both must come from the same resamples."""
        return Estimate(self.value - other.value, self.replicates - other.replicates)

    def interval(self, confidence: float) -> tuple[float, float]:
        """Percentile interval of the given level."""
        tail = (1 - confidence) / 2
        low, high = np.quantile(self.replicates, (tail, 1 - tail))
        return float(low), float(high)

    def summary(self, confidence: float) -> dict[str, float]:
        """`mean`, `ci_low` and `ci_high`, as the reports hold them."""
        low, high = self.interval(confidence)
        return {"mean": self.value, "ci_low": low, "ci_high": high}


@dataclass(frozen=True, eq=False)
class Linearised:
    """A figure and how much each user moves it: for an interval without resamples (the delta method).

    A user is kept whole, as in a resample, and of a hundred users or more the interval is about the bootstrap's: tests
    compare the two. Resamples of all users of the largest data set would need gigabytes.

    Attributes:
        value: over the users as they are.
        influence: `(U,)` float64, U times the derivative by the weight of a user; sums to 0.
    """

    value: float
    influence: NDArray[np.float64]

    def __sub__(self, other: Linearised) -> Linearised:
        """The paired difference: both must be of the same users."""
        return Linearised(self.value - other.value, self.influence - other.influence)

    def interval(self, confidence: float) -> tuple[float, float]:
        """Student's interval of the given level; of a single user NaN, since nobody says how users differ."""
        n_users = len(self.influence)
        if n_users < 2:
            return float("nan"), float("nan")
        error = float(np.std(self.influence, ddof=1)) / np.sqrt(n_users)
        margin = float(stdtrit(n_users - 1, (1 + confidence) / 2) * error)
        return self.value - margin, self.value + margin


def resample(n_users: int, samples: int, rng: np.random.Generator) -> Resampling:
    """Draws the resamples: `(S, U)`, every row summing to U."""
    return rng.multinomial(n_users, np.full(n_users, 1 / n_users), size=samples).astype(np.float32)


def resample_seeds(n_seeds: int, samples: int, rng: np.random.Generator) -> Resampling:
    """Draws training seeds: `(S, R)`, every row summing to R - 1 (to 1 where there is but one seed).

    One fewer than there are: the variance of the mean of R drawn ones is (R - 1) / R of what it should be (Rao & Wu
    1988), and there are five seeds, not a hundred. Percentile intervals of so few stay on the narrow side even so: in
    simulations, 95 % intervals over 5 seeds and 142 users held the truth 95 % of the time where users differ more than
    seeds do, as the means of users' returns do here, and 87 % where nearly all differences are between seeds.
    """
    draws = max(n_seeds - 1, 1)
    return rng.multinomial(draws, np.full(n_seeds, 1 / n_seeds), size=samples).astype(np.float32)


def mean(values: NDArray[np.floating[Any]], weights: Resampling) -> Estimate:
    """Mean over users.

    Args:
        values: `(U,)`, one a user.
        weights: from `resample`.
    """
    return means(values[:, None], weights)[0]


def means(values: NDArray[np.floating[Any]], weights: Resampling) -> list[Estimate]:
    """Means over users of M figures at once.

    Args:
        values: `(U, M)`.
        weights: from `resample`.
    """
    values = values.astype(np.float64)
    replicates = weights @ values / len(values)
    return [Estimate(float(value), each) for value, each in zip(values.mean(axis=0), replicates.T, strict=True)]


def ratio(sums: NDArray[np.floating[Any]], counts: NDArray[np.floating[Any]]) -> Linearised:
    """A mean over what users have more or less of: the sum over users of `sums` by that of `counts`, `(U,)` each."""
    value = float(sums.sum() / counts.sum())
    return Linearised(value, (sums - value * counts) / counts.mean())


def across_seeds(by_seed: Sequence[Estimate], seeds: Resampling) -> Estimate:
    """The mean over training seeds of a figure.

    Args:
        by_seed: R estimates, all of them from the same resamples of users; or one, of a policy that neither learns nor
            draws and is the same with every seed.
        seeds: from `resample_seeds`, as many as there are resamples of users.
    """
    if len(by_seed) == 1:
        return by_seed[0]
    replicates = np.column_stack([estimate.replicates for estimate in by_seed])  # (S, R)
    value = float(np.mean([estimate.value for estimate in by_seed]))
    return Estimate(value, (seeds * replicates).sum(axis=1) / seeds.sum(axis=1))


def share_of_gap(policy: Estimate, low: Estimate, high: Estimate) -> Estimate:
    """`(policy - low) / (high - low)`, on every resample: what a policy closes of the gap between two others.

    Not finite where the two earn the same.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.float64(policy.value - low.value) / np.float64(high.value - low.value)
        return Estimate(float(value), (policy.replicates - low.replicates) / (high.replicates - low.replicates))


def coverage(shown: NDArray[np.bool_], weights: Resampling) -> Estimate:
    """Share of the catalogue shown to at least one of the U users.

    Resampling it outright misleads: a resample holds only about 63 % of the users, so that its coverage is too low, and
    its spread is too narrow (in simulations, intervals of 90 % held the truth 70-86 % of the time). Here a resample
    counts, for every user that it lacks or repeats, the movies that this user *alone* was shown, which is what coverage
    would lose without the user: `coverage + Σ_u (w_u - 1) · alone_u / N`. The variance of that is the jackknife's,
    which is on the wide side (Efron & Stein 1981), and differences stay paired.

    Args:
        shown: `(U, N)`, whether a movie was shown to a user.
        weights: from `resample`.
    """
    users = shown.sum(axis=0)
    value = float((users > 0).mean())
    alone = shown[:, users == 1].sum(axis=1) / shown.shape[1]
    return Estimate(value, np.clip(value + weights @ alone - alone.sum(), 0, 1))


def shares(counts: NDArray[np.integer[Any]], weights: Resampling) -> list[Estimate]:
    """Shares of G kinds in all that the users were shown: a ratio of sums, so that a user weighs as much as was shown.

    Args:
        counts: `(U, G)`.
        weights: from `resample`.

    Returns:
        G estimates, whose values sum to 1 (all 0 where nothing was counted).
    """
    totals = np.vstack([counts.sum(axis=0), weights @ counts.astype(np.float64)])
    parts = totals / np.maximum(totals.sum(axis=1, keepdims=True), 1)
    return [Estimate(float(part[0]), part[1:]) for part in parts.T]
