"""Regret: what a policy has earned less, up to each step, than one that knows the user's taste."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rlrec.evaluation.results import CURVES
from rlrec.statistics.intervals import Resampling, across_seeds, means

Reals = NDArray[np.floating[Any]]


def cumulative_regret(rewards: Reals, best: Reals) -> NDArray[np.float64]:
    """`Σ_{s <= t} (best_s - reward_s)` of each session (Lai & Robbins 1985, with a known best in place of the mean).

    Args:
        rewards: `(U, T)` of the policy.
        best: `(U, T)` of the same users with the one that knows. The greedy oracle is no optimum where tastes move:
            there a policy that plans can have a negative regret.

    Returns:
        `(U, T)`, by step 1 to T.

    >>> cumulative_regret(np.array([[0.5, 1.0, 1.0]]), np.array([[1.0, 1.0, 0.75]]))
    array([[0.5 , 0.5 , 0.25]])
    """
    return np.cumsum(np.subtract(best, rewards, dtype=np.float64), axis=1)


def regret_curves(
    rewards: Mapping[str, Sequence[Reals]], bound: str, users: Resampling, seeds: Resampling, confidence: float
) -> pd.DataFrame:
    """Mean regret over users against the bound, by step.

    Args:
        rewards: by policy, `(U, T)` rewards of each of its runs: R where it was trained or draws, or one.
        bound: name of the policy that knows, which has one run.
        users: from `statistics.resample`.
        seeds: from `statistics.resample_seeds`, of R seeds; not read where all policies have one run.
        confidence: level of the intervals.

    Returns:
        The columns `results.CURVES`, a row for each policy but the bound and each step from 1 to T. `regret` is in
        units of return: of at most T, fives throughout.
    """
    (best,) = rewards[bound]
    rows = []
    for policy, runs in rewards.items():
        if policy == bound:
            continue
        by_run = [means(cumulative_regret(run, best), users) for run in runs]
        for step, found in enumerate(zip(*by_run, strict=True), start=1):
            estimate = across_seeds(found, seeds)
            rows.append((policy, step, estimate.value, *estimate.interval(confidence)))
    return pd.DataFrame(rows, columns=list(CURVES))
