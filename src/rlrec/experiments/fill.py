"""Makes the runs of a grid that are missing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from rlrec.experiments.grid import Grid
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
from rlrec.policies.policy import Policy
from rlrec.settings.config import Config
from rlrec.worlds.world import World

log = logging.getLogger(__name__)

Results = dict[str, dict[str, list[Run]]]
"""By scenario, then by policy, learners first: a run for each seed, or one where a policy neither learns nor draws."""
Trainer = Callable[[Config, World, Tell], Run]
"""Trains with the settings, plays the test users, and tells how far it is; see `runs.train_and_play`."""
Progress = Callable[[float, float, str], None]
"""Called with the number of runs done, a share of one included, the number of all, and what is made now."""


@dataclass(frozen=True)
class _Step:
    scenario: str
    policy: str
    config: Config
    key: str
    baseline: Policy | None


def fill(
    grid: Grid,
    base: Config,
    world: World,
    baselines: Mapping[str, Policy],
    runs: Runs,
    *,
    trainer: Trainer = train_and_play,
    progress: Progress | None = None,
) -> Results:
    """All runs of a grid; those that were not finished are made now.

    All policies play the same users, and the i-th run of any policy has the i-th seed.

    Args:
        grid: its scenarios must be ones that the world can play.
        base: settings of `params.yaml`.
        world: its training users are learned from, its validation users choose a checkpoint, its test users judge.
        baselines: by name.
        runs: where finished runs are kept.
        trainer: makes a learner's run.
        progress: told before, in and after each run.

    Raises:
        WorldError: the world cannot play a scenario.
        TrainingError: a training failed.
        DataError: a finished run is damaged.
    """
    steps = list(_steps(grid, base, world, baselines))
    found: Results = {}
    for number, step in enumerate(steps):
        what = f"{grid.scenarios[step.scenario].title}, {step.policy}, seed {step.config.seed}"
        tell = partial(_tell, progress, number, len(steps), what)
        tell(0.0)
        run = runs.get(step.key, partial(_make, step, world, trainer, tell, what))
        found.setdefault(step.scenario, {}).setdefault(step.policy, []).append(run)
        tell(1.0)
    return found


def _steps(grid: Grid, base: Config, world: World, baselines: Mapping[str, Policy]) -> Iterator[_Step]:
    learning, playing = origin_of(world, LEARNER_CODE), origin_of(world, BASELINE_CODE)
    for scenario in grid.scenarios:
        for learner in grid.learners_in(scenario):
            for seed in range(grid.seeds):
                config = grid.config(base, scenario, learner, seed)
                yield _Step(scenario, learner, config, key_of(learner_settings(config), learning), None)
        for name, policy in baselines.items():
            for seed in range(grid.seeds if policy.draws else 1):
                config = grid.config(base, scenario, seed=seed)
                yield _Step(scenario, name, config, key_of(baseline_settings(name, config), playing), policy)


def _make(step: _Step, world: World, trainer: Trainer, tell: Tell, what: str) -> Run:
    if step.baseline is None:
        run = trainer(step.config, world, tell)
    else:
        run = play_test_users(step.baseline, world, step.config)
    seconds = f" after {run.facts['train_seconds']:.0f} s of training" if "train_seconds" in run.facts else ""
    log.info("%s: return %.2f%s", what, float(np.mean(run.users.metrics["return"])), seconds)
    return run


def _tell(progress: Progress | None, number: int, runs: int, what: str, share: float) -> None:
    if progress is not None:
        progress(number + share, runs, f"{number + 1} of {runs}: {what}")
