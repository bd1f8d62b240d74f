"""The task of the stage `beliefs`."""

import logging
from dataclasses import asdict, fields

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from rlrec.policies.estimation import Trial, estimate
from rlrec.settings.beliefs import Beliefs, Estimated
from rlrec.settings.config import Config
from rlrec.settings.sections import Features
from rlrec.storage.files import write_together
from rlrec.storage.json_files import to_json
from rlrec.worlds.world import World
from tasks.artifacts import publish_table
from tasks.paths import BELIEF_TRIALS, BELIEFS, WORLD
from tasks.progress import progress_bar

log = logging.getLogger(__name__)


@task(name="estimate beliefs", cache_policy=NO_CACHE)
def estimate_beliefs(config: Config) -> None:
    """Estimates the beliefs of the scenario for each kind of features that it or a learner has."""
    world, found, trials = World.load(WORLD), dict[Features, Beliefs](), list[Trial]()
    with progress_bar("estimating beliefs") as advance:
        for features in features_of(config):
            scenario = config.scenario.model_copy(update={"features": features})

            def tell(what: str) -> None:
                advance(len(trials), None, what)  # noqa: B023 (called before the next is begun)

            found[features], tried = estimate(world, scenario, config.seed, tell)
            trials += tried
    names = [field.name for field in fields(Trial)]
    table = pd.DataFrame([asdict(trial) for trial in trials], columns=names)
    estimated = Estimated(features=found)
    write_together({BELIEFS: to_json(estimated), BELIEF_TRIALS: table.to_csv(index=False).encode()})
    publish_table("beliefs", "What bandits and agents believe of users", table[table["chosen"]].to_dict("records"))
    for features, beliefs in found.items():
        log.info("%s: agents believe %s, %s", features, beliefs.best, beliefs.of(beliefs.best))


def features_of(config: Config) -> list[Features]:
    """Kinds of features that the scenario or a learner has, that of the scenario first."""
    named = [config.scenario.features, *(learner.features for learner in config.learners.values())]
    return list(dict.fromkeys(features for features in named if features))
