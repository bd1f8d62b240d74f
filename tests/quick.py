"""An agent that takes no time and compiles nothing, for tests of what is done with agents."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlrec.agents.agent import Agent, Step
from rlrec.environments.views import View
from rlrec.policies.policy import Note, Policy
from rlrec.settings.config import Job
from rlrec.worlds.world import World

Floats = NDArray[np.float32]


class Listed(Policy):
    """Shows all users the same movies, in the order of their weights."""

    name = "listed"
    note = Note("Listed", "Nothing.", "learner")

    def __init__(self, weights: Floats) -> None:
        self.weights = weights

    def scores(self, view: View) -> Floats:
        return np.broadcast_to(self.weights, view.available.shape)


class Quick(Agent):
    """Has a weight for each movie and raises that of the first at every step."""

    label = "Quick"
    figures = ("mean_return",)

    def __init__(self, world: World, job: Job) -> None:
        self.steps = job.learner.rollout_steps
        self._movies = world.n_movies

    def initial(self) -> Callable[[], Floats]:
        return partial(np.zeros, self._movies, np.float32)

    def start(self, seed: NDArray[np.int32]) -> None:
        pass

    def step(self, weights: Any, carry: None, seed: NDArray[np.int32]) -> Step:
        time.sleep(0.001)  # as long as others need to have their turn
        return Step(None, -np.eye(1, self._movies, dtype=np.float32)[0], {"mean_return": 1.0})

    def policy(self, weights: Floats) -> Policy:
        return Listed(weights)
