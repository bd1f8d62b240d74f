"""Trains rlrec for a fixed wall time: the worker of `benchmarks.peers` for this project."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.snapshots import Snapshots, mean_return
from benchmarks.workers import worker_main
from rlrec.agents.distributed.messages import SharedModel
from rlrec.agents.train import train
from rlrec.policies.networks import NUMPY
from rlrec.settings.config import Config
from rlrec.worlds.world import World


def measure(settings: dict[str, Any]) -> dict[str, Any]:
    """Trains as the pipeline's stage does, checkpoints judged beside it included.

    Args:
        settings: `world` (a path), `config`, `budget` (wall seconds), `interval` (between snapshots, seconds).

    Returns:
        `steps`, `seconds` of training after compilation, `prepared_seconds`, `steps_per_second` of training, and
        `curve`: points of `seconds` since the start (compilation included), `steps` and `return` on test users.
    """
    world, config = World.load(Path(settings["world"])), Config.model_validate(settings["config"])
    snapshots = Snapshots(settings["interval"])

    def progress(model: SharedModel) -> None:
        state = model.state()
        snapshots.offer(state.counters.steps, model.weights)
        # Without a checkpoint there would be no policy: a budget of hardly more than compiling takes is overrun.
        if snapshots.elapsed >= settings["budget"] and state.version >= config.train.checkpoint_every:
            model.stop()

    training = train(world, config, progress=progress)
    policy, curve = training.policy, []
    for seconds, steps, weights in snapshots.kept:
        judged = replace(policy, weights=policy.network.unflatten(weights, NUMPY))
        earned = mean_return(judged, world, "test", config.scenario, config.seed)
        curve.append({"seconds": seconds, "steps": steps, "return": earned})
    kept = ("steps", "seconds", "prepared_seconds", "steps_per_second", "agents")
    return {**{name: training.summary[name] for name in kept}, "curve": curve}


if __name__ == "__main__":
    worker_main(measure)
