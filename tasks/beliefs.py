"""The task of the stage `beliefs`, and what other stages take of it."""

import logging
from dataclasses import asdict, fields

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from rlrec.policies.estimation import Trial, estimate
from rlrec.settings.beliefs import Beliefs, Estimated
from rlrec.settings.config import Config, Job, ScenarioConfig
from rlrec.settings.demands import check_movies
from rlrec.storage.files import write_together
from rlrec.storage.json_files import read_json, to_json
from rlrec.worlds.world import World
from tasks.artifacts import publish_table
from tasks.paths import BELIEF_TRIALS, BELIEFS, WORLD
from tasks.progress import progress_bar

log = logging.getLogger(__name__)


@task(name="estimate beliefs", cache_policy=NO_CACHE)
def estimate_beliefs(config: Config) -> None:
    """Estimates the beliefs of the scenario."""
    world = World.load(WORLD)
    check_movies(world.n_movies, config)
    found, trials = _estimate(world, config.scenario, config.seed)
    table = pd.DataFrame([asdict(trial) for trial in trials], columns=[field.name for field in fields(Trial)])
    estimated = Estimated(features={config.scenario.features: found})
    write_together({BELIEFS: to_json(estimated), BELIEF_TRIALS: table.to_csv(index=False).encode()})
    publish_table("beliefs", "What bandits and agents believe of users", table[table["chosen"]].to_dict("records"))


def job_of(config: Config, learner: str) -> Job:
    """The training of a learner, with what it believes of users.

    A learner that knows something else of movies than the scenario says has beliefs of its own: they are estimated now.

    Raises:
        DataError: the stage `beliefs` has not made its file, or it is broken.
        ConfigError: the settings, also those of stages after the training, want more movies than there are.
        WorldError: there is no world.
    """
    world = World.load(WORLD)
    check_movies(world.n_movies, config)
    if config.job(learner).learner.learns_from == "logged":  # real people, who are not simulated by anything
        return config.job(learner)
    job = config.job(learner, read_json(BELIEFS, Estimated).features)
    if job.scenario.belief is not None:
        return job
    found, _ = _estimate(world, job.scenario, config.seed)
    return config.job(learner, {job.scenario.features: found})


def _estimate(world: World, scenario: ScenarioConfig, seed: int) -> tuple[Beliefs, list[Trial]]:
    tried = 0
    with progress_bar("estimating beliefs") as advance:

        def tell(what: str) -> None:
            nonlocal tried
            tried += 1
            advance(tried, None, what)

        found, trials = estimate(world, scenario, seed, tell)
    belief = found.of(found.best)
    log.info("of %d tried with the features %s, agents have: %s, %s", tried, scenario.features, found.best, belief)
    return found, trials
