"""Trains stable-baselines3's A2C for a fixed wall time: the worker of `benchmarks.peers` for the peer.

It runs in an environment of its own, which has torch and stable-baselines3 and of rlrec's dependencies only those of
the simulator. The peer gets the batched environment (`gymnasium.make_vec`), behind stable-baselines3's own interface:
one environment per session, as `DummyVecEnv` has it, is several times slower, which the tuning shows.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from stable_baselines3 import A2C  # type: ignore[import-not-found]
from stable_baselines3.common.callbacks import BaseCallback  # type: ignore[import-not-found]
from stable_baselines3.common.vec_env import DummyVecEnv  # type: ignore[import-not-found]

from benchmarks.jobs import arguments_of
from benchmarks.snapshots import Snapshots, mean_return
from benchmarks.workers import worker_main
from rlrec.environments.gym.registration import ENV_ID
from rlrec.environments.gym.sb3 import VecSessions
from rlrec.environments.views import View
from rlrec.policies.policy import Policy, Scores
from rlrec.settings.config import ScenarioConfig
from rlrec.worlds.world import World


class Predicted(Policy):
    """A trained model as a recommender: its deterministic prediction, for all users at once."""

    name = "stable-baselines3 A2C"

    def __init__(self, model: Any) -> None:
        self._model = model

    def scores(self, view: View) -> Scores:
        """`(B, N)`, 1 for the predicted movie."""
        movies, _ = self._model.predict(view.observe(), deterministic=True)
        scores = np.zeros(view.available.shape, np.float32)
        scores[np.arange(len(movies)), movies] = 1
        return scores


class Clock(BaseCallback):  # type: ignore[misc]
    """Ends training when its wall time is over; keeps snapshots."""

    def __init__(self, snapshots: Snapshots, budget: float, *, keep: bool) -> None:
        super().__init__()
        self._snapshots, self._budget, self._keep = snapshots, budget, keep

    def _on_rollout_start(self) -> None:
        if self._keep:
            self._snapshots.offer(self.num_timesteps, self._copy)

    def _on_step(self) -> bool:
        return self._snapshots.elapsed < self._budget

    def _copy(self) -> dict[str, Any]:
        return {name: tensor.clone() for name, tensor in self.model.policy.state_dict().items()}


def measure(settings: dict[str, Any]) -> dict[str, Any]:
    """Tries numbers of environments for speed, or trains with one of them for the budget.

    Args:
        settings: `world` (a path), `scenario`, `seed`, `budget` and `interval` in seconds, `arguments` of A2C that are
            not its defaults, and `candidates`, pairs of a kind of environment (`batched` or `dummy`) and a number.

    Returns:
        Of several candidates, each one's steps/s over the budget. Of one: `kind`, `n_envs`, `steps`, `seconds`,
        `steps_per_second`, `curve` as of `benchmarks.peers_rlrec`, and `versions`.
    """
    world, scenario = World.load(Path(settings["world"])), ScenarioConfig(**settings["scenario"])
    _learn(world, settings, "batched", 8, 0.1, keep=False)  # torch imports much of itself at the first gradient
    candidates = [(str(kind), int(n_envs)) for kind, n_envs in settings["candidates"]]
    if len(candidates) > 1:
        speeds = []
        for kind, n_envs in candidates:
            _, steps, seconds, _ = _learn(world, settings, kind, n_envs, settings["budget"], keep=False)
            speeds.append(steps / seconds)
        return {"steps_per_second": speeds}
    kind, n_envs = candidates[0]
    model, steps, seconds, snapshots = _learn(world, settings, kind, n_envs, settings["budget"], keep=True)
    curve, policy = [], Predicted(model)
    for snapshot in snapshots.kept:
        model.policy.load_state_dict(snapshot.weights)
        earned = mean_return(policy, world, "test", scenario, settings["seed"])
        curve.append({"seconds": snapshot.seconds, "steps": snapshot.steps, "return": earned})
    return {
        "kind": kind,
        "n_envs": n_envs,
        "steps": steps,
        "seconds": seconds,
        "steps_per_second": steps / seconds,
        "curve": curve,
        "versions": _versions(("stable-baselines3", "torch", "gymnasium", "numpy")),
    }


def _learn(
    world: World, settings: dict[str, Any], kind: str, n_envs: int, budget: float, *, keep: bool
) -> tuple[Any, int, float, Snapshots]:
    """Trains a new model; with it its steps, the seconds of learning alone, and its snapshots."""
    snapshots = Snapshots(settings["interval"])
    arguments = {"world": world, **arguments_of(ScenarioConfig(**settings["scenario"]))}
    seed = settings["seed"]
    env = VecSessions(n_envs, **arguments) if kind == "batched" else _dummy(n_envs, arguments)
    model = A2C("MlpPolicy", env, seed=seed, device="cpu", **settings["arguments"])
    began = time.perf_counter()
    model.learn(10**12, callback=Clock(snapshots, budget, keep=keep))
    seconds = time.perf_counter() - began
    if keep:
        # The last partial rollout was not learned from: these are the weights of the end.
        snapshots.offer(model.num_timesteps, lambda: {k: v.clone() for k, v in model.policy.state_dict().items()})
    return model, model.num_timesteps, seconds, snapshots


def _dummy(n_envs: int, arguments: dict[str, Any]) -> Any:
    return DummyVecEnv([lambda: gymnasium.make(ENV_ID, disable_env_checker=True, **arguments)] * n_envs)


def _versions(packages: Sequence[str]) -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in packages}


if __name__ == "__main__":
    worker_main(measure)
