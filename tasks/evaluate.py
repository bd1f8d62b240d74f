"""The task of the stage `evaluate`."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from rlrec.evaluation.evaluate import evaluate
from rlrec.evaluation.examples import example_sessions
from rlrec.policies.saved import load_policy
from rlrec.policies.scored import NetworkPolicy
from rlrec.settings.config import Config
from rlrec.storage.files import write_together
from rlrec.storage.json_files import to_json
from rlrec.worlds.world import World
from tasks.artifacts import publish_table
from tasks.paths import EVALUATE_METRICS, EVALUATION, SESSIONS, WORLD, LearnerPaths
from tasks.progress import progress_bar

HEADLINES = ("return", "ctr", "ndcg")


def trained_policies(config: Config) -> dict[str, NetworkPolicy]:
    """The policies of all learners, by name.

    Raises:
        ModelError: one is missing or broken.
    """
    return {name: load_policy(LearnerPaths(name).model) for name in config.learners}


@task(name="evaluate on test users", cache_policy=NO_CACHE)
def evaluate_policies(config: Config) -> None:
    """Plays the trained policies on test users, and tells a few of the reference's sessions step by step."""
    world, policies = World.load(WORLD), trained_policies(config)
    with progress_bar("evaluating") as advance:
        report = evaluate(policies, world, config, progress=advance)
        sessions = example_sessions(policies[config.evaluate.reference], world, config)
    headlines = {
        name: {f"{metric}@{k}": slate.metrics[metric].mean for k, slate in slates.items() for metric in HEADLINES}
        for name, slates in report.learners.items()
    }
    write_together({EVALUATION: to_json(report), SESSIONS: to_json(sessions), EVALUATE_METRICS: to_json(headlines)})
    rows = [
        {"learner": policies[name].label, "K": k, "metric": metric, **vars(interval)}
        for name, slates in report.learners.items()
        for k, slate in slates.items()
        for metric, interval in slate.metrics.items()
    ]
    publish_table("evaluation", f"On {report.n_users} test users", rows)
