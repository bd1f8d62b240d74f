"""Compares policies on the same users, the same sessions' seeds and the same resamples."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from rlrec.evaluation.evaluate import Measured, measure, part_of, prepare
from rlrec.evaluation.regret import regret_curves
from rlrec.policies.playing import OnStep
from rlrec.policies.policy import Policy
from rlrec.settings.config import Config
from rlrec.statistics.significance import contrast, with_holm
from rlrec.worlds.world import World

Measurements = dict[int, dict[str, Measured]]
"""By slate size, then by policy."""


def compare(
    policies: Mapping[str, Policy],
    world: World,
    config: Config,
    reference: str,
    progress: OnStep | None = None,
) -> pd.DataFrame:
    """The comparison table: `comparison_table` of what `measure_all` gives."""
    _check_reference(policies, reference)
    return comparison_table(measure_all(policies, world, config, progress), config, reference)


def measure_all(
    policies: Mapping[str, Policy], world: World, config: Config, progress: OnStep | None = None
) -> Measurements:
    """Plays every policy once at every slate size.

    Args:
        policies: by the name they have in the tables, in their order.
        world: its `test` pool is played.
        config: as for `evaluate`.
        progress: told after every step.

    Raises:
        WorldError: the world has no test users, or too few movies for one of the slate sizes.
    """
    sizes, weights = prepare(world, config)
    plays = [(k, name) for k in sizes for name in policies]
    found: Measurements = {k: {} for k in sizes}
    for number, (k, name) in enumerate(plays):
        told = part_of(progress, number, len(plays), f"K={k}")
        found[k][name] = measure(policies[name], world, config, k, weights, progress=told)
    return found


def comparison_table(measured: Measurements, config: Config, reference: str) -> pd.DataFrame:
    """Every policy's figures, and its differences from the reference.

    Args:
        measured: from `measure_all`.
        config: its `evaluate.confidence` is the intervals' level.
        reference: the policy that the others are compared with.

    Returns:
        One row for each policy, slate size and metric, with the columns `results.COMPARISON`: `policy`, `slate_size`,
        `metric`, `mean`, `ci_low`, `ci_high`, the name `reference` and, of the difference *policy minus reference*,
        paired by user: `diff`, `diff_ci_low`, `diff_ci_high`, the p-value `p`, `p_holm`, corrected over all policies
        and slate sizes of the metric, and the effect sizes `d_z` and `share_gaining`; see `significance`. The reference
        does not differ from itself. An interval of the difference below 0 says that the reference is better (where more
        is better). Coverage, which no user has alone, has no effect size.

    Raises:
        ValueError: the reference is not among the policies.
    """
    confidence = config.evaluate.confidence
    rows = []
    for k, of_policy in measured.items():
        _check_reference(of_policy, reference)
        compared = of_policy[reference]
        for name, found in of_policy.items():
            for metric, estimate in found.metrics.items():
                users, others = found.users.metrics.get(metric), compared.users.metrics.get(metric)
                by_user = None if users is None or others is None else users - others
                rows.append(
                    {
                        "policy": name,
                        "slate_size": k,
                        "metric": metric,
                        **estimate.summary(confidence),
                        **contrast(estimate - compared.metrics[metric], by_user, confidence, reference),
                    }
                )
    return with_holm(pd.DataFrame(rows))


def regret_table(measured: Measurements, world: World, config: Config, bound: str) -> pd.DataFrame:
    """Regret by step against a policy that knows what no recommender can.

    Args:
        measured: from `measure_all`, the bound among the policies.
        world: as there.
        config: as there; the intervals come from the same resamples.
        bound: name of the policy whose note says so.

    Returns:
        The columns `results.REGRET`: `slate_size` and those of `regret.regret_curves`.
    """
    _, users = prepare(world, config)
    one_seed = np.ones((len(users), 1), np.float32)
    tables = []
    for k, of_policy in measured.items():
        rewards = {name: [found.users.rewards] for name, found in of_policy.items()}
        table = regret_curves(rewards, bound, users, one_seed, config.evaluate.confidence)
        table.insert(0, "slate_size", k)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _check_reference(policies: Mapping[str, object], reference: str) -> None:
    if reference not in policies:
        raise ValueError(f"the reference {reference!r} is not among the policies {', '.join(policies)}")
