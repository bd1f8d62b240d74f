"""What `VecSessions` saves stable-baselines3's PPO beside `DummyVecEnv`: `benchmarks.agents --vectors`.

Both play the same number of the same sessions. Collecting is told apart from learning, which takes as long with either.
"""

import time
from collections.abc import Callable
from typing import Any

import gymnasium
import torch  # type: ignore[import-not-found]
from stable_baselines3 import PPO  # type: ignore[import-not-found]
from stable_baselines3.common.callbacks import BaseCallback  # type: ignore[import-not-found]
from stable_baselines3.common.vec_env import DummyVecEnv  # type: ignore[import-not-found]

from benchmarks.workers import worker_main
from rlrec.environments.gym.sb3 import VecSessions

ARGUMENTS: dict[str, Any] = {"world": "data/world/world.npz", "invalid": "replace"}


class Clock(BaseCallback):  # type: ignore[misc]
    """Seconds of the processor that pass while steps are collected."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    def _on_rollout_start(self) -> None:
        self._began = time.process_time()

    def _on_rollout_end(self) -> None:
        self.seconds += time.process_time() - self._began

    def _on_step(self) -> bool:
        return True


def measure(settings: dict[str, Any]) -> dict[str, Any]:
    """Steps a second of processor time, collecting (`collecting`) and in all (`training`), by kind of vector.

    Args:
        settings: `size`, the sessions that are played together; `rollouts` of 50 steps each; `repeats`, in turns, of
            which the best counts.
    """
    torch.set_num_threads(1)
    size = settings["size"]
    kinds: dict[str, Callable[[], Any]] = {
        "VecSessions": lambda: VecSessions(size, **ARGUMENTS),
        "DummyVecEnv": lambda: DummyVecEnv([lambda: gymnasium.make("rlrec:rlrec/MovieLens-v0", **ARGUMENTS)] * size),
    }
    found: dict[str, dict[str, float]] = {kind: {"collecting": 0.0, "training": 0.0} for kind in kinds}
    for _ in range(settings["repeats"]):
        for kind, made in kinds.items():
            steps, clock = 50 * size * settings["rollouts"], Clock()
            model = PPO("MlpPolicy", made(), gamma=0.3, n_steps=50, batch_size=50 * size, n_epochs=settings["epochs"])
            began = time.process_time()
            model.learn(steps, callback=clock)
            seconds = {"collecting": clock.seconds, "training": time.process_time() - began}
            found[kind] = {part: max(found[kind][part], steps / seconds[part]) for part in seconds}
    return found


if __name__ == "__main__":
    worker_main(measure)
