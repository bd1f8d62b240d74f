"""Compares policies on the same users, the same sessions' seeds and the same resamples."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from rlrec.config import Config
from rlrec.evaluation.evaluate import measure, part_of, prepare
from rlrec.evaluation.online import Progress
from rlrec.evaluation.policy import Policy
from rlrec.simulator.world import World


def compare(
    policies: Mapping[str, Policy],
    world: World,
    config: Config,
    reference: str = "a3c",
    progress: Progress | None = None,
) -> pd.DataFrame:
    """The comparison table.

    Args:
        policies: by the name they have in the table, in its order.
        world: its `test` pool is played.
        config: as for `evaluate`.
        reference: the policy that the others are compared with.
        progress: told after every step.

    Returns:
        One row for each policy, slate size and metric, with the columns `policy`, `slate_size`, `metric`, `mean`,
        `ci_low`, `ci_high` and the difference *policy minus reference*, paired by user: `diff_from_<reference>`,
        `diff_ci_low`, `diff_ci_high`. The reference's own differences are 0. An interval of the difference below 0
        says that the reference is better (where more is better).

    Raises:
        WorldError: the world has no test users, or too few movies for one of the slate sizes.
        ValueError: the reference is not among the policies.
    """
    if reference not in policies:
        raise ValueError(f"the reference {reference!r} is not among the policies {', '.join(policies)}")
    sizes, weights = prepare(world, config)
    confidence = config.evaluate.confidence
    rows = []
    for place, k in enumerate(sizes):
        measured = {}
        for number, (name, policy) in enumerate(policies.items()):
            told = part_of(progress, place * len(policies) + number, len(sizes) * len(policies), f"K={k}")
            measured[name] = measure(policy, world, config, k, weights, progress=told).metrics
        for name in policies:
            for metric, estimate in measured[name].items():
                difference = (estimate - measured[reference][metric]).summary(confidence)
                rows.append(
                    {
                        "policy": name,
                        "slate_size": k,
                        "metric": metric,
                        **estimate.summary(confidence),
                        f"diff_from_{reference}": difference["mean"],
                        "diff_ci_low": difference["ci_low"],
                        "diff_ci_high": difference["ci_high"],
                    }
                )
    return pd.DataFrame(rows)
