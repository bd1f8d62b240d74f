"""Makes the runs of a grid that are missing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from rlrec.errors import TrainingError
from rlrec.experiments.grid import Grid, Worlds
from rlrec.experiments.runs import (
    BASELINE_CODE,
    LEARNER_CODE,
    Run,
    Runs,
    Tell,
    baseline_settings,
    key_of,
    learner_settings,
    origin_of,
    play_test_users,
    train_and_play,
)
from rlrec.experiments.workers import Died, Report, Workers
from rlrec.experiments.worlds import Baselines
from rlrec.policies.baselines.bandit import BeliefBandit
from rlrec.policies.policy import Policy
from rlrec.settings.beliefs import Beliefs
from rlrec.settings.config import Config
from rlrec.worlds.world import World

log = logging.getLogger(__name__)

Results = dict[str, dict[str, list[Run]]]
"""By scenario, then by policy, learners first: a run for each seed, or one where a policy neither learns nor draws."""
Trainer = Callable[[Config, World, Tell], Run]
"""Trains with the settings, plays the test users, and tells how far it is; see `runs.train_and_play`."""
Believer = Callable[[Config, World], Beliefs]
"""Estimates what users of a world are taken for in the settings' scenario; see `beliefs.Believers`."""
OnRun = Callable[[float, float, str], None]
"""Called with the number of runs done, a share of one included, the number of all, and what is made now."""


@dataclass(frozen=True)
class _Step:
    scenario: str
    policy: str
    config: Config
    key: str
    world: World
    baseline: Policy | None


def fill(
    grid: Grid,
    base: Config,
    worlds: Worlds,
    baselines: Baselines,
    runs: Runs,
    *,
    trainer: Trainer = train_and_play,
    believer: Believer | None = None,
    progress: OnRun | None = None,
) -> Results:
    """All runs of a grid; those that were not finished are made now.

    All policies of a scenario play the same users, and the i-th run of any policy has the i-th seed.

    Args:
        grid: its scenarios must be ones that their worlds can play.
        base: settings of `params.yaml`.
        worlds: by name; of a scenario's, training users are learned from, validation users choose a checkpoint, and
            test users judge.
        baselines: of each world.
        runs: where finished runs are kept.
        trainer: makes a learner's run.
        believer: gives beliefs to learners and bandits whose settings have none; the defaults where absent.
        progress: told before, in and after each run.

    Raises:
        WorldError: the world cannot play a scenario.
        TrainingError: a training failed.
        DataError: a finished run is damaged.
    """
    steps = list(_steps(grid, base, worlds, baselines, believer))
    found: Results = {}
    for number, step in enumerate(steps):
        what = f"{grid.scenarios[step.scenario].title}, {step.policy}, seed {step.config.seed}"
        tell = partial(_tell, progress, number, len(steps), what)
        tell(0.0)
        run = runs.get(step.key, partial(_make, step, trainer, tell, what))
        found.setdefault(step.scenario, {}).setdefault(step.policy, []).append(run)
        tell(1.0)
    return found


def trains_in(workers: Workers) -> Trainer:
    """Trains in processes that are renewed: TensorFlow crashes after a hundred trainings in one, a matrix has more."""

    def trainer(config: Config, world: World, tell: Tell) -> Run:
        def told(_: int, share: float) -> bool:
            tell(share)
            return True

        try:
            run: Run = workers.call(_train, config, world, report=told)
        except Died as error:
            raise TrainingError(f"a training ended before its time: {error}. What was finished is kept") from error
        return run

    return trainer


def _train(config: Config, world: World, report: Report) -> Run:
    def tell(share: float) -> None:
        report(0, share)

    return train_and_play(config, world, tell)


def _steps(
    grid: Grid, base: Config, worlds: Worlds, baselines: Baselines, believer: Believer | None
) -> Iterator[_Step]:
    named = {entry.world for entry in grid.scenarios.values()}
    learning, playing = (
        {name: origin_of(worlds[name], code) for name in named} for code in (LEARNER_CODE, BASELINE_CODE)
    )
    for scenario, entry in grid.scenarios.items():
        world = worlds[entry.world]
        for learner in grid.learners_in(scenario):
            for seed in range(grid.seeds):
                config = grid.config(base, scenario, learner, seed)
                if believer and config.scenario.belief is None:
                    config = _believing(config, believer(_as_met(config), world))
                key = key_of(learner_settings(config), learning[entry.world])
                yield _Step(scenario, learner, config, key, world, None)
        met = grid.config(base, scenario)
        beliefs = {met.scenario.features: believer(met, world)} if believer else {}
        for name, policy in baselines[entry.world].items():
            if isinstance(policy, BeliefBandit) and beliefs:
                policy = policy.believing(beliefs)
            for seed in range(grid.seeds if policy.draws else 1):
                config = grid.config(base, scenario, seed=seed)
                key = key_of(baseline_settings(name, config, policy), playing[entry.world])
                yield _Step(scenario, name, config, key, world, policy)


def _as_met(config: Config) -> Config:
    """The settings with the scenario as the only learner meets it."""
    return config.model_copy(update={"scenario": config.job(config.evaluate.reference).scenario})


def _believing(config: Config, beliefs: Beliefs) -> Config:
    belief = {"belief": beliefs.of(beliefs.best)}
    return config.model_copy(update={"scenario": config.scenario.model_copy(update=belief)})


def _make(step: _Step, trainer: Trainer, tell: Tell, what: str) -> Run:
    if step.baseline is None:
        run = trainer(step.config, step.world, tell)
    else:
        run = play_test_users(step.baseline, step.world, step.config)
    seconds = f" after {run.facts['train_seconds']:.0f} s of training" if "train_seconds" in run.facts else ""
    log.info("%s: return %.2f%s", what, float(np.mean(run.users.metrics["return"])), seconds)
    return run


def _tell(progress: OnRun | None, number: int, runs: int, what: str, share: float) -> None:
    if progress is not None:
        progress(number + share, runs, f"{number + 1} of {runs}: {what}")
