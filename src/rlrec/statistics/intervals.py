"""Percentile bootstrap over users, the same resamples for every policy and metric so that differences are paired.

A resample draws U users with replacement (Efron 1979). Sessions of one user are not independent, so a user is kept
whole: average the user's sessions first.

Plain percentile intervals of few users are too narrow: of three they hold the truth 76 % of the time that they say
95 %, since no resample leaves the range of what was seen. So replicates are stretched as Student's distribution is
wider than the normal, see `Estimate.stretched`; of 142 users by 1 %.

A policy that was trained with R seeds is judged on the same users with each. A resample then draws seeds and, once for
all of them, users (the pigeonhole bootstrap, Owen 2007, arXiv 0712.1111): users drawn anew for every seed would be
taken for different people and the interval be too narrow.

What is measured before policies are judged, the errors of a world on all users and the returns of every checkpoint, has
intervals without resamples, see `Linearised`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

Resampling = NDArray[np.float32]
"""`(S, U)`: how often each of U users is in each of S resamples."""

CONFIDENCE = 0.95
"""Level of the intervals that the stages `world` and `train` write. Not `evaluate.confidence`: a change of that one is
no reason to fit and to train again."""


ENOUGH_USERS = 20
"""Of fewer no verdict is given. Where users are normal, false alarms are as rare as stated with three users and more,
which tests hold; where they are skewed, there are more of them the fewer users there are."""


@dataclass(frozen=True, eq=False)
class Estimate:
    """A figure and what it would have been with other users.

    Attributes:
        value: over the users as they are.
        replicates: `(S,)` float64, over each resample.
        n_users: U, how many users there are.
        bounds: least and greatest value that the figure can have at all; its interval ends there.
    """

    value: float
    replicates: NDArray[np.float64]
    n_users: int
    bounds: tuple[float, float] = (-np.inf, np.inf)

    def __sub__(self, other: Estimate) -> Estimate:
        """The paired difference.

        Raises:
            ValueError: they are of different numbers of users, so not from the same resamples.
        """
        if self.n_users != other.n_users:
            raise ValueError(f"figures of {self.n_users} and of {other.n_users} users have no paired difference")
        return Estimate(self.value - other.value, self.replicates - other.replicates, self.n_users)

    def within(self, low: float, high: float) -> Estimate:
        """The same of a figure that can only lie between these."""
        return replace(self, bounds=(low, high))

    def stretched(self) -> NDArray[np.float64]:
        """`(S,)` float64, ascending: the replicates at distances from the value that are right for so few users.

        The i-th of S replicates in order is moved to `value + k_i · (replicate - value)`, where `k_i = sqrt(U / (U-1))
        · t_i / z_i`, the quantiles at i / (S+1) of Student's distribution with U-1 degrees of freedom and of the
        normal: the deviation of replicates is too small by the root, and it is estimated itself. These are the two
        corrections of the expanded percentile interval (Hesterberg 2015, arXiv 1411.5279, section 4.2), which goes
        further out among the replicates instead, but cannot leave the range of what was seen.

        How replicates are shaped says nothing of fewer than `ENOUGH_USERS` users, of whom there are too few different
        resamples. Then they are put where Student's t has them: `value + t_i · sqrt(U / (U-1)) · deviation`.

        NaN of a single user, since nobody says how users differ, and where a replicate is not finite.
        """
        if self.n_users < 2 or not np.isfinite(self.replicates).all():
            return np.full(len(self.replicates), np.nan)
        student, stretch = _scales(self.n_users, len(self.replicates))
        if self.n_users < ENOUGH_USERS:
            return self.value + student * float(np.std(self.replicates))
        return np.sort(self.value + stretch * (np.sort(self.replicates) - self.value))

    def interval(self, confidence: float) -> tuple[float, float]:
        """Percentile interval of the given level, of the stretched replicates; of a single user NaN."""
        found = self.stretched()
        tail = (1 - confidence) / 2
        places = np.array([tail, 1 - tail]) * (len(found) + 1)
        low, high = np.clip(np.interp(places, np.arange(1, len(found) + 1), found), *self.bounds)
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
        influence: `(U,)` float64, about U times the derivative by the weight of a user.
        is_size: whether it is the size of something, above 0 and without an upper end, as errors are: the interval is
            then taken of its logarithm, and holds nothing below 0.
    """

    value: float
    influence: NDArray[np.float64]
    is_size: bool = False

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
        if self.is_size and self.value > 0:
            factor = float(np.exp(margin / self.value))
            return self.value / factor, self.value * factor
        return self.value - margin, self.value + margin


@lru_cache(maxsize=32)
def _scales(n_users: int, samples: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`(S,)` each, of replicates in order: `sqrt(U / (U-1)) · t_i`, and that by z_i, see `Estimate.stretched`."""
    depths = np.arange(1, samples + 1) / (samples + 1)
    student = np.sqrt(n_users / (n_users - 1)) * stdtrit(n_users - 1, depths)
    normal = ndtri(depths)
    return student, np.divide(student, normal, out=np.ones(samples), where=normal != 0)  # the median stays in place


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
    return [
        Estimate(float(value), each, len(values)) for value, each in zip(values.mean(axis=0), replicates.T, strict=True)
    ]


def ratio(sums: NDArray[np.floating[Any]], counts: NDArray[np.floating[Any]]) -> Linearised:
    """A mean over what users have more or less of: the sum over users of `sums` by that of `counts`, `(U,)` each.

    A user's influence is what the figure loses without the user, U - 1 times (the jackknife, Miller 1974). By the
    derivative alone one of few users who has most of what is counted hides how far he or she moves the figure.
    """
    value, others = float(sums.sum() / counts.sum()), counts.sum() - counts
    moved = np.divide(sums - value * counts, others, out=np.zeros(len(sums)), where=others > 0)
    return Linearised(value, (len(sums) - 1) * moved)


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
    return replace(by_seed[0], value=value, replicates=(seeds * replicates).sum(axis=1) / seeds.sum(axis=1))


def share_of_gap(policy: Estimate, low: Estimate, high: Estimate) -> Estimate:
    """`(policy - low) / (high - low)`, on every resample: what a policy closes of the gap between two others.

    Not finite where the two earn the same.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.float64(policy.value - low.value) / np.float64(high.value - low.value)
        replicates = (policy.replicates - low.replicates) / (high.replicates - low.replicates)
        return Estimate(float(value), replicates, policy.n_users)


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
    return Estimate(value, np.clip(value + weights @ alone - alone.sum(), 0, 1), len(shown), (0, 1))


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
    return [Estimate(float(part[0]), part[1:], len(counts), (0, 1)) for part in parts.T]
