"""The tables of a filled grid: estimates over seeds and users, and every policy beside the reference."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rlrec.evaluation.evaluate import RESAMPLES
from rlrec.evaluation.regret import regret_curves
from rlrec.evaluation.results import Policies, PolicyNote
from rlrec.experiments.fill import Results
from rlrec.experiments.grid import Grid
from rlrec.experiments.runs import Run
from rlrec.policies.policy import Policy
from rlrec.settings.config import Config
from rlrec.statistics.intervals import Estimate, Resampling, across_seeds, resample, resample_seeds, share_of_gap
from rlrec.statistics.significance import contrast, with_holm

_SEEDS = "bootstrap of seeds"
_FOR_EVERYBODY = "best_average"
_OF_A_TRAINING = ("train_seconds", "steps_per_second", "validation_return", "gain", "gain_error")


@dataclass(frozen=True, eq=False)
class Resamples:
    """S resamples, the same for all policies and metrics, and for all scenarios of a world.

    Attributes:
        users: `(S, U)`, by the number of users, U.
        seeds: `(S, R)`, of training seeds.
    """

    users: Mapping[int, Resampling]
    seeds: Resampling


def draw_resamples(grid: Grid, base: Config, n_users: Iterable[int]) -> Resamples:
    """The grid's resamples for worlds with these numbers of test users."""
    samples = grid.bootstrap_samples
    return Resamples(
        users={number: resample(number, samples, base.rng(RESAMPLES)) for number in set(n_users)},
        seeds=resample_seeds(grid.seeds, samples, base.rng(_SEEDS)),
    )


def matrix_table(results: Results, grid: Grid, resamples: Resamples, confidence: float, bound: str) -> pd.DataFrame:
    """Every policy's figures in every scenario, and its differences from the reference.

    Args:
        results: from `fill`.
        grid: what was filled.
        resamples: from `draw_resamples`.
        confidence: level of the intervals.
        bound: name of the policy that knows what no recommender can.

    Returns:
        One row for each scenario, policy and metric, with the columns `scenario`, `policy`, `slate_size`, `runs` (seeds
        it was trained or played with), `metric`, `mean`, `ci_low`, `ci_high` and, of the difference *policy minus
        reference*, paired by user: `reference`, `diff`, `diff_ci_low`, `diff_ci_high`, `p`, `p_holm`, `d_z` and
        `share_gaining`, see `rlrec.statistics.significance`. A family of comparisons is one metric in all scenarios.
        Intervals are over users and, of what learns or draws, over seeds too. Effect sizes are of the users' means over
        seeds; `coverage`, which no user has alone, has none. One metric more than of single runs is `gap_closed`: how
        far the return gets from that of the best order for everybody (`best_average`) to that of the bound, of 0 to 1.
    """
    rows = []
    for scenario, policies in results.items():
        estimates = {name: _over_seeds(runs, resamples) for name, runs in policies.items()}
        _add_gaps(estimates, bound)
        by_user = {name: _mean_by_user(runs) for name, runs in policies.items()}
        for name, runs in policies.items():
            for metric, estimate in estimates[name].items():
                differences = None
                if metric in by_user[name]:  # of a single user there is no coverage, and no share of a gap
                    differences = by_user[name][metric] - by_user[grid.reference][metric]
                difference = estimate - estimates[grid.reference][metric]
                rows.append(
                    {
                        "scenario": scenario,
                        "policy": name,
                        "slate_size": runs[0].facts["settings"]["scenario"]["slate_size"],
                        "runs": len(runs),
                        "metric": metric,
                        **estimate.summary(confidence),
                        **contrast(difference, differences, confidence, grid.reference),
                    }
                )
    return with_holm(pd.DataFrame(rows))


def notes_of(results: Results, baselines: Mapping[str, Policy], reference: str) -> Policies:
    """What is said of all policies of a filled grid; of learners, what their trained policies said."""
    notes = {name: PolicyNote.of(policy) for name, policy in baselines.items()}
    for policies in results.values():
        for name, runs in policies.items():
            if "note" in runs[0].facts:
                notes[name] = PolicyNote(**runs[0].facts["note"])
    return Policies(reference, notes)


def regret_table(results: Results, resamples: Resamples, bound: str, confidence: float) -> pd.DataFrame:
    """Regret by step against a policy that knows what no recommender can, in every scenario.

    Args:
        results: from `fill`.
        resamples: from `draw_resamples`.
        bound: name of the policy whose note says so.
        confidence: level of the intervals.

    Returns:
        `scenario` and the columns of `rlrec.evaluation.regret.regret_curves`.
    """
    tables = []
    for scenario, policies in results.items():
        rewards = {name: [run.users.rewards for run in runs] for name, runs in policies.items()}
        users = resamples.users[len(rewards[bound][0])]
        table = regret_curves(rewards, bound, users, resamples.seeds, confidence)
        table.insert(0, "scenario", scenario)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def runs_table(results: Results) -> pd.DataFrame:
    """One row a run: `scenario`, `policy`, `seed`, its mean `return`, and what is known of its training."""
    rows = []
    for scenario, policies in results.items():
        for policy, runs in policies.items():
            for run in runs:
                settings = run.facts["settings"]
                rows.append(
                    {
                        "scenario": scenario,
                        "policy": policy,
                        "seed": settings["seed"],
                        "return": float(np.mean(run.users.metrics["return"])),
                        "steps": settings.get("training", {}).get("steps"),
                        **{name: run.facts.get(name) for name in _OF_A_TRAINING},
                    }
                )
    return pd.DataFrame(rows)


def _add_gaps(estimates: Mapping[str, dict[str, Estimate]], bound: str) -> None:
    """Adds `gap_closed`, unless there is no gap: JSON and Holm know no infinity."""
    if not {_FOR_EVERYBODY, bound} <= estimates.keys():
        return
    low, high = (estimates[name]["return"] for name in (_FOR_EVERYBODY, bound))
    shares = {name: share_of_gap(found["return"], low, high) for name, found in estimates.items()}
    if all(np.isfinite([share.value, *share.replicates]).all() for share in shares.values()):
        for name, share in shares.items():
            estimates[name]["gap_closed"] = share


def _over_seeds(runs: Sequence[Run], resamples: Resamples) -> dict[str, Estimate]:
    users = resamples.users[len(runs[0].users.rewards)]
    by_run = [run.users.estimates(users) for run in runs]
    return {metric: across_seeds([found[metric] for found in by_run], resamples.seeds) for metric in by_run[0]}


def _mean_by_user(runs: Sequence[Run]) -> dict[str, NDArray[np.float64]]:
    return {metric: np.mean([run.users.metrics[metric] for run in runs], axis=0) for metric in runs[0].users.metrics}
