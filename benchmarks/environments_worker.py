"""Steps of the Gymnasium environments a second, of whatever build is imported: `benchmarks.environments`' worker.

Seconds are those of the processor, so that other work on the machine does not count.
"""

import time
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.workers import worker_main
from rlrec.environments.gym.registration import ENV_ID
from rlrec.worlds.world import World


def measure(settings: dict[str, Any]) -> dict[str, Any]:
    """Steps per second of processor time, on one thread, by kind.

    Args:
        settings: `world`, `steps` and `size`, see `benchmarks.environments.main`.
    """
    world, steps, size = World.load(settings["world"]), settings["steps"], settings["size"]
    kinds: dict[str, Callable[[], float]] = {
        "one session": lambda: alone(world, steps),
        f"a batch of {size}": lambda: together(world, steps, size, "vector_entry_point"),
        f"SyncVectorEnv of {size}": lambda: together(world, max(steps // size, 50), size, "sync"),
    }
    with threadpool_limits(1):
        return {name: measured() for name, measured in kinds.items()}


def alone(world: World, steps: int) -> float:
    """Steps a second of one session after another, with movies that may be shown."""
    env, rng = gymnasium.make(ENV_ID, world=world), np.random.default_rng(0)
    env.reset(seed=0)
    sessions = [rng.permutation(world.n_movies)[:50].tolist() for _ in range(steps // 50)]
    began = time.process_time()
    for movies in sessions:
        env.reset()
        for movie in movies:
            env.step(movie)
    return 50 * len(sessions) / (time.process_time() - began)


def together(world: World, steps: int, size: int, mode: str) -> float:
    """Steps a second of all sessions of a batch; each step is one of every session."""
    envs = gymnasium.make_vec(ENV_ID, size, mode, world=world)
    envs.reset(seed=0)
    began = time.process_time()
    for step in range(steps):
        envs.step(np.full(size, step % 51))  # every 51st starts new sessions
    return steps * size / (time.process_time() - began)


if __name__ == "__main__":
    worker_main(measure)
