"""Intervals over users and training seeds at once."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlrec.evaluation.statistics import Estimate, Weights, mean, resample


def draw(n_seeds: int, n_users: int, samples: int, rng: np.random.Generator) -> tuple[Weights, Weights]:
    """Resamples of seeds `(S, n_seeds)` and of users `(S, n_users)`.

    All seeds are judged on the same users, so a resample draws seeds and, once for all of them, users (the pigeonhole
    bootstrap, Owen 2007, arXiv 0712.1111). Users drawn anew for every seed would be taken for different people and the
    interval be too narrow.
    """
    return resample(n_seeds, samples, rng), resample(n_users, samples, rng)


def over_seeds(returns: NDArray[np.floating[Any]], seeds: Weights, users: Weights) -> Estimate:
    """Mean of `(n_seeds, n_users)` returns of a policy trained with several seeds."""
    values = returns.astype(np.float64)
    n_seeds, n_users = values.shape
    by_seed = users @ values.T / n_users  # (S, n_seeds)
    return Estimate(float(values.mean()), (seeds * by_seed).sum(axis=1) / n_seeds)


def over_users(returns: NDArray[np.floating[Any]], users: Weights) -> Estimate:
    """Mean of `(n_users,)` returns of a policy that is not trained."""
    return mean(returns, users)


def share_of_gap(policy: Estimate, low: Estimate, high: Estimate) -> Estimate:
    """`(policy - low) / (high - low)`, on every resample: what is closed of the gap between two others.

    Not finite where the two earn the same.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.float64(policy.value - low.value) / np.float64(high.value - low.value)
        return Estimate(float(value), (policy.replicates - low.replicates) / (high.replicates - low.replicates))
