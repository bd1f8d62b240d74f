"""Whether a difference between two policies may be chance, and how large it is.

A p-value says the first only: with users enough, any difference is significant. So an effect size stands beside it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rlrec.statistics.intervals import Estimate

Reals = NDArray[np.floating[Any]]


def p_value(difference: Estimate) -> float:
    """Two-sided bootstrap p-value of a paired difference: how deep 0 lies in its replicates d*.

    `p = min(1, 2 · (1 + min(#{d* <= 0}, #{d* >= 0})) / (S + 1))` over S resamples. It inverts the percentile interval:
    p < 1 - confidence exactly where the interval is clear of 0, up to the interpolation of quantiles (Efron &
    Tibshirani 1993, chapters 13 and 15). The ones count the sample itself among the resamples: S of them cannot show
    that a probability is 0 (Davison & Hinkley 1997, equation 4.11; Phipson & Smyth 2010). So the smallest p-value is
    2 / (S + 1), and a family of m comparisons, corrected by `holm`, needs S > 2 m / α for a significant one.

    >>> p_value(Estimate(0.5, np.array([0.3, 0.6, 0.4, 0.7, -0.1, 0.5, 0.6, 0.2, 0.9])))
    0.4
    """
    d = difference.replicates
    extreme = int(min(np.count_nonzero(d <= 0), np.count_nonzero(d >= 0)))
    return min(1.0, 2 * (1 + extreme) / (len(d) + 1))


def holm(p_values: Reals) -> NDArray[np.float64]:
    """Holm's step-down correction over a family of m comparisons (Holm 1979).

    `p̃_(i) = max_{j <= i} min(1, (m - j + 1) · p_(j))` in ascending order of p: the probability of one or more false
    alarms among all m is at most α when those with p̃ <= α are called significant, whatever their dependence.

    Args:
        p_values: `(m,)`.

    Returns:
        `(m,)`, each in the place of its p-value.

    >>> holm(np.array([0.01, 0.04, 0.03, 0.005])).round(3).tolist()
    [0.03, 0.06, 0.06, 0.02]
    """
    p = np.asarray(p_values, np.float64)
    order = np.argsort(p, kind="stable")
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order]), 1)
    return corrected


def standardised_difference(differences: Reals) -> float:
    """Cohen's d_z: mean over standard deviation of the users' differences (Cohen 1988; Lakens 2013).

    In units of how much users differ in their difference: 0.2 is called small, 0.8 large. 0 where nobody's sessions
    differ, infinite where all differ by the same.

    Args:
        differences: `(U,)`, policy minus reference; where seeds were trained, the mean over them.

    >>> round(standardised_difference(np.array([1.0, 2.0, 3.0])), 3)
    2.0
    """
    if not np.any(differences):
        return 0.0
    spread = float(np.std(differences, ddof=1)) if len(differences) > 1 else 0.0
    return float(np.mean(differences)) / spread if spread else float(np.copysign(np.inf, np.mean(differences)))


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
        `by_user`.
    """
    low, high = difference.interval(confidence)
    return {
        "reference": reference,
        "diff": difference.value,
        "diff_ci_low": low,
        "diff_ci_high": high,
        "p": p_value(difference),
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
