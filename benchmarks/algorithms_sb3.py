"""Trains an algorithm of stable-baselines3 or sb3-contrib: the worker of `benchmarks.algorithms` for the peer.

It runs in an environment of its own, which has torch and the peers, and of rlrec's dependencies only those of the
simulator.
"""

import time
from pathlib import Path
from typing import Any

import numpy as np
import sb3_contrib  # type: ignore[import-not-found]
import stable_baselines3  # type: ignore[import-not-found]
from stable_baselines3.common.callbacks import BaseCallback  # type: ignore[import-not-found]

from benchmarks.jobs import arguments_of
from benchmarks.workers import worker_main
from rlrec.environments.gym.sb3 import VecSessions
from rlrec.policies.playing import play
from rlrec.policies.predicting import Predicting
from rlrec.settings.config import ScenarioConfig
from rlrec.worlds.world import World


class Moment(BaseCallback):  # type: ignore[misc]
    """Keeps the weights of a moment of the training."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._began, self._seconds = time.perf_counter(), seconds
        self.weights: dict[str, Any] | None = None

    def _on_step(self) -> bool:
        if self.weights is None and time.perf_counter() - self._began >= self._seconds:
            self.weights = {name: tensor.clone() for name, tensor in self.model.policy.state_dict().items()}
        return True


def measure(settings: dict[str, Any]) -> dict[str, Any]:
    """Trains, and plays test users with the last weights and with those of a moment.

    Args:
        settings: `world` (a path), `scenario`, `judged_with` (the seed of test users' sessions), `peer` (a class),
            `arguments` of it with `n_envs` among them, `steps`, `seed`, and `moment`, in seconds.

    Returns:
        `returns` and `returns_then`, one a test user each; `seconds` of training and `steps_per_second`.
    """
    world, scenario = World.load(Path(settings["world"])), ScenarioConfig(**settings["scenario"])
    arguments = dict(settings["arguments"])
    kind = getattr(sb3_contrib if hasattr(sb3_contrib, settings["peer"]) else stable_baselines3, settings["peer"])
    invalid = "refuse" if settings["peer"].startswith("Maskable") else "replace"
    envs = VecSessions(arguments.pop("n_envs"), world=world, invalid=invalid, **arguments_of(scenario))
    model = kind("MlpPolicy", envs, seed=settings["seed"], device="cpu", **arguments)
    moment, began = Moment(settings["moment"]), time.perf_counter()
    model.learn(settings["steps"], callback=moment)
    seconds = time.perf_counter() - began

    def returns() -> list[float]:
        policy = Predicting(model, settings["peer"])
        played = play(policy, world, world.users_in("test"), scenario, settings["judged_with"])
        return [float(one) for one in played.rewards.sum(axis=1, dtype=np.float64)]

    found = {"returns": returns(), "seconds": seconds, "steps_per_second": model.num_timesteps / seconds}
    if moment.weights is not None:
        model.policy.load_state_dict(moment.weights)
    return found | {"returns_then": returns()}


if __name__ == "__main__":
    worker_main(measure)
