"""A small grid for tests, and a trainer that only pretends."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from worlds import known, small_world

from rlrec.environments.views import View
from rlrec.experiments.fill import Results, fill
from rlrec.experiments.grid import Grid
from rlrec.experiments.runs import Run, Runs, Tell, learner_settings, play_test_users
from rlrec.policies.baselines import BASELINES
from rlrec.policies.policy import InformedPolicy, Scores
from rlrec.settings.config import Config
from rlrec.worlds.world import World

WORLD = small_world(4, n_users=140)  # enough test users for verdicts
LEARNER = {"algorithm": "a3c", "rollout": 5}
BASE = Config.model_validate({"seed": 3, "scenario": {"episode_length": 5}, "learners": {"a3c": LEARNER}})
GRID = Grid.model_validate(
    {
        "seeds": 3,
        "bootstrap_samples": 400,
        "scenarios": {
            "calm": {"title": "calm users", "scenario": {"delta": 0.0}},
            "slates": {"title": "slates of two", "scenario": {"slate_size": 2, "delta": 0.5}},
        },
        "reference": "a3c",
        "learner": {"rollout": 5},
        "learners": {
            "a3c": {},
            "a2c": {"learner": {"algorithm": "a2c"}},
            "blind": {"learner": {"algorithm": "a3c", "label": "A3C, blind"}, "only": ["calm"]},
        },
    }
)
BASELINE_NAMES = ("random", "best_average", "oracle")


class Clouded(InformedPolicy):
    """The oracle, its sight clouded as the seed says."""

    name = "clouded"

    def __init__(self, world: World, seed: int) -> None:
        self._noise = np.random.default_rng(seed).normal(0, 0.5, world.n_movies)

    def scores(self, view: View) -> Scores:
        told = self.informed(view)
        scores: Scores = told.taste @ told.movie_vectors.T + self._noise
        return scores


@dataclass
class Pretender:
    """Trains nothing, and keeps what it was asked for; at a given number it is interrupted."""

    interrupted_at: int | None = None
    asked: list[Config] = field(default_factory=list)

    def __call__(self, config: Config, world: World, tell: Tell) -> Run:
        if len(self.asked) == self.interrupted_at:
            raise KeyboardInterrupt
        self.asked.append(config)
        tell(0.5)
        job = config.job(config.evaluate.reference)
        run = play_test_users(Clouded(world, config.seed + 100 * job.learner.synchronous), world, config)
        note = {
            "label": job.learner.label or job.name,
            "knows": "",
            "kind": "learner",
            "algorithm": job.learner.algorithm,
        }
        facts = {"note": note, "train_seconds": 1.5, "validation_return": 4.0, "steps_per_second": 1000.0}
        facts |= {"gain": 0.5, "gain_error": 0.25}
        return Run(run.users, {"settings": learner_settings(config), **facts})


def fill_grid(folder: Path, trainer: Callable[[Config, World, Tell], Run], **more: Any) -> Results:
    """Fills the grid, finished runs being kept in the folder."""
    baselines = {name: BASELINES[name](known(WORLD)) for name in BASELINE_NAMES}
    return fill(GRID, BASE, {"fitted": WORLD}, {"fitted": baselines}, Runs(folder), trainer=trainer, **more)
