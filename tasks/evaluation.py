"""Tasks of the stages `evaluate` and `compare`."""

import logging

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from rlrec.a3c.policy import load_policy
from rlrec.baselines import BASELINES, Known
from rlrec.config import Config
from rlrec.data.genres import GENRES
from rlrec.data.tables import load_tables
from rlrec.evaluation.compare import comparison_table, measure_all, regret_table
from rlrec.evaluation.evaluate import evaluate
from rlrec.evaluation.examples import example_sessions
from rlrec.files import write_atomically
from rlrec.reporting.figures import comparison_figure, save
from rlrec.simulator.world import World
from tasks.artifacts import publish_figure, publish_table, to_json
from tasks.paths import (
    COMPARISON,
    COMPARISON_FIGURE,
    EVALUATE_METRICS,
    EVALUATION,
    MODEL,
    REGRET,
    SESSIONS,
    TABLES,
    WORLD,
)
from tasks.progress import progress_bar

log = logging.getLogger(__name__)


@task(name="evaluate on test users", cache_policy=NO_CACHE)
def evaluate_policy(config: Config) -> None:
    """Plays the trained policy on test users, and tells a few of the sessions step by step."""
    world, policy = World.load(WORLD), load_policy(MODEL)
    with progress_bar("evaluating") as advance:
        report = evaluate(policy, world, config, genre_names=GENRES, progress=advance)
        sessions = example_sessions(policy, world, config, genre_names=GENRES)
    write_atomically(EVALUATION, to_json(report))
    write_atomically(SESSIONS, to_json(sessions))
    headline = {
        f"{metric}@{k}": slate["metrics"][metric]["mean"]
        for k, slate in report["slates"].items()
        for metric in ("return", "ctr", "ndcg")
    }
    write_atomically(EVALUATE_METRICS, to_json(headline))
    rows = [
        {"K": k, "metric": name, **interval}
        for k, slate in report["slates"].items()
        for name, interval in slate["metrics"].items()
    ]
    publish_table("evaluation", f"{policy.name} on {report['n_users']} test users", rows)


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
