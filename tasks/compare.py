"""The tasks of the stage `compare`: in the simulator, and on real ratings."""

import logging

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from rlrec.data.dataset.tables import load_tables
from rlrec.evaluation import results
from rlrec.evaluation.compare import comparison_table, measure_all, regret_table
from rlrec.evaluation.offline import compare_offline
from rlrec.policies.baselines import BASELINES, OFFLINE_BASELINES, Known
from rlrec.settings.beliefs import Estimated
from rlrec.settings.config import Config
from rlrec.storage.csv_files import to_csv
from rlrec.storage.files import write_atomically, write_together
from rlrec.storage.json_files import read_json, to_json
from rlrec.worlds.world import World
from tasks.artifacts import publish_table
from tasks.evaluate import trained_policies
from tasks.paths import BELIEFS, COMPARISON, OFFLINE, POLICIES, REGRET, TABLES, WORLD
from tasks.progress import progress_bar

log = logging.getLogger(__name__)


@task(name="compare with baselines", cache_policy=NO_CACHE)
def compare_policies(config: Config) -> None:
    """Plays all baselines and the trained policies on the same users and sessions."""
    world, reference = World.load(WORLD), config.evaluate.reference
    known = Known.of(world, load_tables(TABLES), config.seed, read_json(BELIEFS, Estimated).features)
    policies = {**trained_policies(config), **{name: make(known) for name, make in BASELINES.items()}}
    told = results.Policies.of(policies, reference)
    with progress_bar("comparing") as advance:
        measured = measure_all(policies, world, config, progress=advance)
    table, regret = comparison_table(measured, config, reference), regret_table(measured, world, config, told.bound())
    write_together(
        {
            COMPARISON: to_csv(table, results.COMPARISON),
            REGRET: to_csv(regret, results.REGRET),
            POLICIES: to_json(told),
        }
    )
    label = told.policies[reference].label
    publish_table("comparison", f"Beside the baselines, paired with {label}", table.to_dict("records"))
    for line in _headlines(table):
        log.info(line)


@task(name="compare on real ratings", cache_policy=NO_CACHE)
def compare_offline_policies(config: Config) -> None:
    """Has all baselines and the trained policies foresee the last ratings of test users."""
    world, tables, reference = World.load(WORLD), load_tables(TABLES), config.evaluate.reference
    known = Known.of(world, tables, config.seed, read_json(BELIEFS, Estimated).features)
    baselines = {name: make(known) for name, make in OFFLINE_BASELINES.items()}
    trained = trained_policies(config)
    # Nobody can look into a real person's taste at every step.
    policies = {name: policy for name, policy in {**trained, **baselines}.items() if not policy.note.bound}
    with progress_bar("comparing on real ratings") as advance:
        table = compare_offline(policies, world, tables, config, reference, progress=advance)
    write_atomically(OFFLINE, to_csv(table, results.OFFLINE))
    publish_table("offline", f"On real ratings, paired with {trained[reference].label}", table.to_dict("records"))
    shown = table[(table["protocol"] == "catalogue") & (table["metric"] == "ndcg@10")]
    for row in shown.itertuples():
        log.info("%16s: NDCG@10 %.3f [%.3f, %.3f] on real ratings", row.policy, row.mean, row.ci_low, row.ci_high)


def _headlines(table: pd.DataFrame) -> list[str]:
    first = table["slate_size"].iloc[0]
    returns = table[(table["metric"] == "return") & (table["slate_size"] == first)]
    return [
        f"{row.policy:>16}: return {row.mean:.2f} [{row.ci_low:.2f}, {row.ci_high:.2f}] at K = {first}"
        for row in returns.itertuples()
    ]
