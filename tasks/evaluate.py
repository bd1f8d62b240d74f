"""Tasks of the stages `evaluate` and `compare`."""

import logging

from prefect import task
from prefect.cache_policies import NO_CACHE

from rlrec.data.dataset.genres import GENRES
from rlrec.evaluation.evaluate import evaluate
from rlrec.evaluation.examples import example_sessions
from rlrec.policies.saved import load_policy
from rlrec.settings.config import Config
from rlrec.storage.files import write_atomically
from rlrec.worlds.world import World
from tasks.artifacts import publish_table, to_json
from tasks.paths import (
    EVALUATE_METRICS,
    EVALUATION,
    MODEL,
    SESSIONS,
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
