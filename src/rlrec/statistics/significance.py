"""Whether a difference between two policies may be chance, and how large it is.

A p-value says the first only: with users enough, any difference is significant. So an effect size stands beside it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rlrec.statistics.intervals import ENOUGH_USERS, Estimate

Reals = NDArray[np.floating[Any]]

_MOST = 1e6
"""A difference of more standard deviations than these: all users differ by the same, but for rounding."""


def p_value(difference: Estimate) -> float:
    """Two-sided bootstrap p-value of a paired difference: how deep 0 lies in its stretched replicates d*.

    `p = min(1, 2 · r / (S + 1))` over S resamples, r being the rank of 0 counted from the nearer end, interpolated
    between the replicates on both sides of it. It inverts `Estimate.interval`: p < 1 - confidence exactly where the
    interval is clear of 0 (Efron & Tibshirani 1993, chapters 13 and 15), given 2 / (1 - confidence) resamples or more.
    The sample itself counts among the resamples, so that r is at least 1: S of them cannot show that a probability is 0
    (Davison & Hinkley 1997, equation 4.11; Phipson & Smyth 2010). So the smallest p-value is 2 / (S + 1), and a family
    of m comparisons, corrected by `holm`, needs S > 2 m / α for a significant one.

    Returns:
        NaN of a single user, and where a replicate is not finite.

    >>> replicates = np.array([0.3, 0.6, 0.4, 0.7, -0.1, 0.5, 0.6, 0.2, 0.9])
    >>> [round(p_value(Estimate(0.5, replicates, n_users)), 2) for n_users in (1, 20, 140)]
    [nan, 0.29, 0.27]
    """
    d = difference.stretched()
    if np.isnan(d).any():
        return float("nan")
    return min(1.0, 2 * min(_rank_of_zero(d), _rank_of_zero(-d[::-1])) / (len(d) + 1))


def _rank_of_zero(ascending: NDArray[np.float64]) -> float:
    """The greatest rank, from 1 to S, at which what is interpolated between S numbers is not above 0."""
    below = int(np.searchsorted(ascending, 0, side="right"))
    if below in (0, len(ascending)):
        return float(max(below, 1))
    lower, upper = ascending[below - 1 : below + 1]
    return float(below - lower / (upper - lower))


def holm(p_values: Reals) -> NDArray[np.float64]:
    """Holm's step-down correction over a family of m comparisons (Holm 1979).

    `p̃_(i) = max_{j <= i} min(1, (m - j + 1) · p_(j))` in ascending order of p: the probability of one or more false
    alarms among all m is at most α when those with p̃ <= α are called significant, whatever their dependence.

    Args:
        p_values: `(m,)`; NaN is a comparison that was not made, does not count and stays.

    Returns:
        `(m,)`, each in the place of its p-value.

    >>> holm(np.array([0.01, 0.04, 0.03, 0.005])).round(3).tolist()
    [0.03, 0.06, 0.06, 0.02]
    """
    p = np.asarray(p_values, np.float64)
    made = np.count_nonzero(~np.isnan(p))
    order = np.argsort(p, kind="stable")[:made]  # NaN comes last
    corrected = np.full(len(p), np.nan)
    corrected[order] = np.minimum(np.maximum.accumulate((made - np.arange(made)) * p[order]), 1)
    return corrected


def standardised_difference(differences: Reals) -> float:
    """Cohen's d_z: mean over standard deviation of the users' differences (Cohen 1988; Lakens 2013).

    In units of how much users differ in their difference: 0.2 is called small, 0.8 large. 0 where nobody's sessions
    differ. NaN where all differ by the same and of a single user: there is no such unit.

    Args:
        differences: `(U,)`, policy minus reference; where seeds were trained, the mean over them.

    >>> round(standardised_difference(np.array([1.0, 2.0, 3.0])), 3)
    2.0
    """
    if not np.any(differences):
        return 0.0
    size = float(np.mean(differences))
    spread = float(np.std(differences, ddof=1)) if len(differences) > 1 else 0.0
    return size / spread if spread * _MOST > abs(size) else float("nan")


def share_gaining(differences: Reals) -> float:
    """Share of users who do better with the policy than with the reference, ties counted half.

    The common-language effect size of a paired comparison (McGraw & Wong 1992): 0.5 where neither is better.

    Args:
        differences: `(U,)`, see `standardised_difference`.

    >>> share_gaining(np.array([2.0, 0.0, -1.0, 3.0]))
    0.625
    """
    return float(np.mean((np.sign(differences) + 1) / 2))


def contrast(difference: Estimate, by_user: Reals | None, confidence: float, reference: str) -> dict[str, Any]:
    """A policy beside the reference, as columns of a table.

    Args:
        difference: policy minus reference, paired.
        by_user: `(U,)` differences; None for a figure that only all users together have.
        confidence: level of the interval.
        reference: its name.

    Returns:
        `reference`, `diff`, `diff_ci_low`, `diff_ci_high`, `p`, `d_z` and `share_gaining`; the last two are NaN without
        `by_user`, and `p` of fewer users than `ENOUGH_USERS`, so that nobody takes it for a verdict.
    """
    low, high = difference.interval(confidence)
    return {
        "reference": reference,
        "diff": difference.value,
        "diff_ci_low": low,
        "diff_ci_high": high,
        "p": p_value(difference) if difference.n_users >= ENOUGH_USERS else float("nan"),
        "d_z": float("nan") if by_user is None else standardised_difference(by_user),
        "share_gaining": float("nan") if by_user is None else share_gaining(by_user),
    }


def with_holm(table: pd.DataFrame) -> pd.DataFrame:
    """The table with a column `p_holm` after `p`.

    All comparisons of one metric are a family: every policy but the reference, in all settings that the table has. The
    reference's own rows keep p = 1.

    Args:
        table: with the columns `policy`, `metric`, `reference` and `p`.
    """
    corrected = table["p"].to_numpy(np.float64, copy=True)
    for metric in table["metric"].unique():
        family = ((table["metric"] == metric) & (table["policy"] != table["reference"])).to_numpy()
        corrected[family] = holm(corrected[family])
    table = table.copy()
    table.insert(list(table).index("p") + 1, "p_holm", corrected)
    return table
