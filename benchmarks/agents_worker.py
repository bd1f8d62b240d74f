"""Trains one example of docs/agents-of-your-own.md, and judges it: the worker of `benchmarks.agents`.

It runs in an environment of its own, in a folder with the examples and the world, as somebody would who copied them.
"""

import importlib
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.snapshots import mean_return
from benchmarks.workers import worker_main
from rlrec.environments.views import View
from rlrec.policies.policy import Policy, Scores
from rlrec.policies.predicting import Predicting
from rlrec.settings.config import ScenarioConfig
from rlrec.worlds.world import World


class Chance(Policy):
    """Any movie that may be shown."""

    name = "random"

    def begin(self, view: View, rng: np.random.Generator) -> None:
        """Draws from `rng`."""
        self._rng = rng

    def scores(self, view: View) -> Scores:
        """`(B, N)`, random."""
        return self._rng.random(view.available.shape)


def measure(settings: dict[str, Any]) -> dict[str, Any]:
    """Calls the example with a number of steps; plays validation users with what it gives, and by chance.

    Args:
        settings: `module`, `factory`, `steps`, `slate_size`.

    Returns:
        `return` and `random`, on validation users; `seconds` of the wall clock that the example took.
    """
    sys.path.insert(0, str(Path.cwd()))
    world, scenario = World.load("data/world/world.npz"), ScenarioConfig(slate_size=settings["slate_size"], delta=1.0)
    began = time.perf_counter()
    agent = getattr(importlib.import_module(settings["module"]), settings["factory"])(settings["steps"])
    seconds = time.perf_counter() - began
    earned = [
        mean_return(policy, world, "validation", scenario, 0) for policy in (Predicting(agent, "agent"), Chance())
    ]
    return {"return": earned[0], "random": earned[1], "seconds": seconds}


if __name__ == "__main__":
    worker_main(measure)
