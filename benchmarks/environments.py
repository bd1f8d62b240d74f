"""Steps of the Gymnasium environments a second: one session alone, a batch, and Gymnasium's batch of single ones.

Seconds are those of the processor, so that other work on the machine does not count.
"""

import cProfile
import pstats
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import gymnasium
import numpy as np
import typer
from rich.table import Table
from threadpoolctl import threadpool_limits

from benchmarks.records import FITTED_WORLD, RESULTS, append_record, console, run_command
from rlrec.environments.gym.registration import ENV_ID
from rlrec.worlds.world import World

_SHOWN = 12


def main(
    steps: Annotated[int, typer.Option(help="Steps of a session alone, and of each batch.", min=50)] = 2000,
    size: Annotated[int, typer.Option(help="Sessions of a batch.", min=1)] = 64,
    repeats: Annotated[int, typer.Option(help="How often, in turns; the best counts.", min=1)] = 3,
    profile: Annotated[bool, typer.Option(help="Also print what takes the time of a session alone.")] = False,
    world: Annotated[Path, typer.Option(help="The world that is played.")] = FITTED_WORLD,
    output: Annotated[Path, typer.Option(help="Where the record is added.")] = RESULTS / "environments.json",
) -> None:
    """Prints steps per second of processor time, on one thread."""
    loaded = World.load(world)
    kinds: dict[str, Callable[[], float]] = {
        "one session": lambda: alone(loaded, steps),
        f"a batch of {size}": lambda: together(loaded, steps, size, "vector_entry_point"),
        f"SyncVectorEnv of {size}": lambda: together(loaded, max(steps // size, 50), size, "sync"),
    }
    with threadpool_limits(1):
        found = {name: [] for name in kinds}  # type: dict[str, list[float]]
        for _ in range(repeats):
            for name, measured in kinds.items():
                found[name].append(measured())
        table = Table("", "steps / s", title="Steps per second of the processor")
        for name, speeds in found.items():
            table.add_row(name, f"{max(speeds):,.0f}")
        console.print(table)
        if profile:
            profiler = cProfile.Profile(time.process_time)
            profiler.runcall(alone, loaded, steps)
            pstats.Stats(profiler).sort_stats("tottime").print_stats(_SHOWN)
    append_record(output, settings={"steps": steps, "size": size, "world": world.name}, figures=found)


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
    run_command(main)
