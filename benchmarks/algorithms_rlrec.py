"""Trains one of our algorithms and judges its last weights: the worker of `benchmarks.algorithms` for this project."""

import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.workers import worker_main
from rlrec.agents.train import assemble, run
from rlrec.policies.playing import play
from rlrec.settings.config import Job
from rlrec.worlds.world import World


def measure(settings: dict[str, Any]) -> dict[str, Any]:
    """Trains as the pipeline's stage does, but judges nothing on the way.

    Args:
        settings: `world` (a path) and `job`.

    Returns:
        `returns`, one a test user; `seconds` of training, compilation included; `steps_per_second` without it.
    """
    world, job = World.load(Path(settings["world"])), Job.model_validate(settings["job"])
    began = time.perf_counter()
    assembly = assemble(world, job)
    summary = run(assembly).summary
    seconds = time.perf_counter() - began
    policy = assembly.agent.policy(assembly.model.weights())
    played = play(policy, world, world.users_in("test"), job.scenario, job.seed)
    return {
        "returns": played.rewards.sum(axis=1, dtype=np.float64).tolist(),
        "seconds": seconds,
        "steps_per_second": summary.steps_per_second,
    }


if __name__ == "__main__":
    worker_main(measure)
