"""Trains rlrec for a fixed wall time: the worker of `benchmarks.peers` for this project."""

from pathlib import Path
from typing import Any

from benchmarks.snapshots import Snapshots, mean_return
from benchmarks.workers import worker_main
from rlrec.agents.distributed.messages import SharedModel
from rlrec.agents.train import assemble, run
from rlrec.settings.config import Job
from rlrec.worlds.world import World


def measure(settings: dict[str, Any]) -> dict[str, Any]:
    """Trains as the pipeline's stage does, checkpoints judged beside it included.

    Args:
        settings: `world` (a path), `job`, `budget` (wall seconds), `interval` (between snapshots, seconds).

    Returns:
        `steps`, `seconds` of training after compilation, `prepared_seconds`, `steps_per_second` of training, and
        `curve`: points of `seconds` since the start (compilation included), `steps` and `return` on test users.
    """
    world, job = World.load(Path(settings["world"])), Job.model_validate(settings["job"])
    snapshots = Snapshots(settings["interval"])

    def progress(model: SharedModel) -> None:
        state = model.state()
        snapshots.offer(state.counters.steps, model.weights)
        # Without a checkpoint there would be no policy: a budget of hardly more than compiling takes is overrun.
        if snapshots.elapsed >= settings["budget"] and state.version >= job.training.checkpoint_every:
            model.stop()

    assembly = assemble(world, job)
    summary, curve = run(assembly, progress=progress).summary, []
    for seconds, steps, weights in snapshots.kept:
        earned = mean_return(assembly.agent.policy(weights), world, "test", job.scenario, job.seed)
        curve.append({"seconds": seconds, "steps": steps, "return": earned})
    kept = ("steps", "seconds", "prepared_seconds", "steps_per_second", "agents")
    return {**{name: getattr(summary, name) for name in kept}, "curve": curve}


if __name__ == "__main__":
    worker_main(measure)
