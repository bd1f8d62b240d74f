"""The tasks of the stage `compare`: in the simulator, and on real ratings."""

import logging

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from rlrec.data.dataset.tables import load_tables
from rlrec.evaluation.compare import comparison_table, measure_all, regret_table
from rlrec.evaluation.offline import compare_offline
from rlrec.policies.baselines import BASELINES, OFFLINE_BASELINES, Known
from rlrec.policies.saved import load_policy
from rlrec.reporting.figures import comparison_figure, save
from rlrec.settings.config import Config
from rlrec.storage.files import write_atomically
from rlrec.worlds.world import World
from tasks.artifacts import publish_figure, publish_table
from tasks.paths import (
    COMPARISON,
    COMPARISON_FIGURE,
    MODEL,
    OFFLINE,
    REGRET,
    TABLES,
    WORLD,
)
from tasks.progress import progress_bar

log = logging.getLogger(__name__)

SIMULATED = frozenset({"oracle"})
"""Policies that there are in the simulator only: nobody can look into a real person's taste."""


@task(name="compare with baselines", cache_policy=NO_CACHE)
def compare_policies(config: Config) -> None:
    """Plays all baselines and the trained policy on the same users and sessions."""
    world, policy = World.load(WORLD), load_policy(MODEL)
    known = Known.of(world, load_tables(TABLES), config.seed)
    policies = {policy.name: policy, **{name: make(known) for name, make in BASELINES.items()}}
    with progress_bar("comparing") as advance:
        measured = measure_all(policies, world, config, progress=advance)
    table = comparison_table(measured, config, reference=policy.name)
    write_atomically(COMPARISON, table.to_csv(index=False).encode())
    write_atomically(REGRET, regret_table(measured, world, config).to_csv(index=False).encode())
    save(comparison_figure(table), COMPARISON_FIGURE)
    publish_table("comparison", f"Beside the baselines, paired with {policy.name}", table.to_dict("records"))
    publish_figure("comparison-figure", "Beside the baselines", COMPARISON_FIGURE)
    for line in _headlines(table):
        log.info(line)


def _headlines(table: pd.DataFrame) -> list[str]:
    first = table["slate_size"].iloc[0]
    returns = table[(table["metric"] == "return") & (table["slate_size"] == first)]
    return [
        f"{row.policy:>16}: return {row.mean:.2f} [{row.ci_low:.2f}, {row.ci_high:.2f}] at K = {first}"
        for row in returns.itertuples()
    ]


@task(name="compare on real ratings", cache_policy=NO_CACHE)
def compare_offline_policies(config: Config) -> None:
    """Has all baselines and the trained policy foresee the last ratings of test users."""
    world, policy, tables = World.load(WORLD), load_policy(MODEL), load_tables(TABLES)
    known = Known.of(world, tables, config.seed)
    baselines = {name: make(known) for name, make in OFFLINE_BASELINES.items() if name not in SIMULATED}
    with progress_bar("comparing on real ratings") as advance:
        table = compare_offline(
            {policy.name: policy, **baselines}, world, tables, config, reference=policy.name, progress=advance
        )
    write_atomically(OFFLINE, table.to_csv(index=False).encode())
    publish_table("offline", f"On real ratings, paired with {policy.name}", table.to_dict("records"))
    shown = table[(table["protocol"] == "catalogue") & (table["metric"] == "ndcg@10")]
    for row in shown.itertuples():
        log.info("%16s: NDCG@10 %.3f [%.3f, %.3f] on real ratings", row.policy, row.mean, row.ci_low, row.ci_high)
