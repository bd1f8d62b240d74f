"""The offline comparison, a task of the stage `compare`."""

import logging

from prefect import task
from prefect.cache_policies import NO_CACHE

from rlrec.a3c.policy import load_policy
from rlrec.baselines import OFFLINE_BASELINES, Known
from rlrec.config import Config
from rlrec.data.tables import load_tables
from rlrec.evaluation.offline import compare_offline
from rlrec.files import write_atomically
from rlrec.simulator.world import World
from tasks.artifacts import publish_table
from tasks.paths import MODEL, OFFLINE, TABLES, WORLD
from tasks.progress import progress_bar

log = logging.getLogger(__name__)

SIMULATED = frozenset({"oracle"})
"""Policies that there are in the simulator only: nobody can look into a real person's taste."""


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
