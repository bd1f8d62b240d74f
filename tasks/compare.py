"""The tasks of the stage `compare`: in the simulator, on real ratings, and from a cold start."""

import logging
from collections.abc import Mapping
from functools import partial

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from rlrec.data.dataset.split import known_at_cut
from rlrec.data.dataset.tables import load_tables
from rlrec.evaluation import results
from rlrec.evaluation.compare import comparison_table, measure_all, regret_table
from rlrec.evaluation.interactive import compare_interactive, stands
from rlrec.evaluation.offline import compare_offline
from rlrec.policies.baselines import BASELINES, INTERACTIVE_BASELINES, OFFLINE_BASELINES, Known
from rlrec.policies.baselines.answering import AnswerBandit
from rlrec.policies.baselines.registry import Maker, without
from rlrec.policies.policy import Policy
from rlrec.settings.beliefs import Estimated
from rlrec.settings.config import Config
from rlrec.storage.csv_files import to_csv
from rlrec.storage.files import write_atomically, write_together
from rlrec.storage.json_files import read_json, to_json
from rlrec.worlds.world import World
from tasks.artifacts import publish_table
from tasks.evaluate import trained_policies
from tasks.paths import BELIEFS, COMPARISON, INTERACTIVE, OFFLINE, POLICIES, REGRET, TABLES, WORLD
from tasks.progress import progress_bar

log = logging.getLogger(__name__)


@task(name="compare with baselines", cache_policy=NO_CACHE)
def compare_policies(config: Config) -> None:
    """Plays all baselines and the trained policies on the same users and sessions."""
    world, reference = World.load(WORLD), config.evaluate.reference
    known, trained = _known(config, world), trained_policies(config)
    policies = {
        **trained,
        **{name: make(known) for name, make in without(BASELINES, config.evaluate.leave_out).items()},
    }
    told = results.Policies.of({**kinds(INTERACTIVE_BASELINES), **kinds(OFFLINE_BASELINES), **policies}, reference)
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
    world, tables, reference = World.load(WORLD), load_tables(TABLES), config.evaluate.for_people
    known, trained = _known(config, world), trained_policies(config)
    baselines = {name: make(known) for name, make in without(OFFLINE_BASELINES, config.evaluate.leave_out).items()}
    # Nobody can look into a real person's taste at every step.
    policies = {name: policy for name, policy in {**trained, **baselines}.items() if not policy.note.bound}
    with progress_bar("comparing on real ratings") as advance:
        table = compare_offline(policies, world, tables, config, reference, progress=advance)
    write_atomically(OFFLINE, to_csv(table, results.OFFLINE))
    publish_table("offline", f"On real ratings, paired with {trained[reference].label}", table.to_dict("records"))
    _tell(table[(table["protocol"] == "catalogue") & (table["metric"] == "ndcg@10")], "NDCG@10", "on real ratings")


@task(name="compare from a cold start", cache_policy=NO_CACHE)
def compare_interactive_policies(config: Config) -> None:
    """Has all baselines and the trained policies find what test users liked, of whom nothing is known at first."""
    world, tables = World.load(WORLD), load_tables(TABLES)
    known, trained = _known(config, world), trained_policies(config)
    policies = {
        **trained,
        **{name: make(known) for name, make in without(INTERACTIVE_BASELINES, config.evaluate.leave_out).items()},
    }
    # Where all learners know the world's vectors, none of them may stand here.
    learner = config.for_cold_starts
    reference = learner if stands(trained[learner]) else AnswerBandit.name
    with progress_bar("comparing from a cold start") as advance:
        table = compare_interactive(policies, world, tables, config, reference, progress=advance)
    write_atomically(INTERACTIVE, to_csv(table, results.INTERACTIVE))
    label = policies[reference].note.label
    publish_table("cold-start", f"From a cold start, paired with {label}", table.to_dict("records"))
    _tell(table[table["metric"] == "liked@40"], "liked of 40", "from a cold start")


def kinds(baselines: Mapping[str, Maker]) -> dict[str, type[Policy]]:
    """The classes of baselines, by name: what they say of themselves needs none to be made."""
    return {name: make.func if isinstance(make, partial) else make for name, make in baselines.items()}  # type: ignore[misc]


def _known(config: Config, world: World) -> Known:
    tables = known_at_cut(load_tables(TABLES), config.world.history, config.world.split)
    return Known.of(world, tables, config.seed, read_json(BELIEFS, Estimated).features)


def _tell(rows: pd.DataFrame, figure: str, where: str) -> None:
    for row in rows.itertuples():
        log.info("%16s: %s %.3f [%.3f, %.3f] %s", row.policy, figure, row.mean, row.ci_low, row.ci_high, where)


def _headlines(table: pd.DataFrame) -> list[str]:
    first = table["slate_size"].iloc[0]
    returns = table[(table["metric"] == "return") & (table["slate_size"] == first)]
    return [
        f"{row.policy:>16}: return {row.mean:.2f} [{row.ci_low:.2f}, {row.ci_high:.2f}] at K = {first}"
        for row in returns.itertuples()
    ]
