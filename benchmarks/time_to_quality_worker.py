"""Trains until static MF is beaten on validation users: the worker of `benchmarks.time_to_quality`.

The agents rest while a checkpoint is judged, and the clock with them. Judged beside the agents, as the pipeline does
it, checkpoints would take time from two agents on two cores that one agent has to spare.
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.snapshots import mean_return
from benchmarks.workers import worker_main
from rlrec.agents.train import Assembly, assemble
from rlrec.policies.baselines import BASELINES, Known
from rlrec.settings.config import Job, derive_seed
from rlrec.worlds.world import World

_POLL_SECONDS = 0.002


class Gate:
    """Lets agents rest between two rollouts, all at once."""

    def __init__(self, agents: int) -> None:
        self._agents, self._resting = agents, 0
        self._changed = threading.Condition()
        self._open = True

    def pass_through(self) -> None:
        """An agent's side: waits while the gate is closed."""
        with self._changed:
            self._resting += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._open)
            self._resting -= 1

    def leave(self) -> None:
        """An agent has ended: nobody need wait for it any more."""
        with self._changed:
            self._agents -= 1
            self._changed.notify_all()

    def close(self) -> None:
        """Returns when all agents rest."""
        with self._changed:
            self._open = False
            self._changed.wait_for(lambda: self._resting == self._agents)

    def open(self) -> None:
        """Lets them go on."""
        with self._changed:
            self._open = True
            self._changed.notify_all()


def measure(settings: dict[str, Any]) -> dict[str, Any]:
    """One run, stopped once it is good enough.

    Args:
        settings: `world` (a path) and `job`.

    Returns:
        `seconds` of training until the checkpoint that beats static MF, `with_preparation` (standardisation and
        compilation before it), `steps`, `return` and `to_beat`, `steps_per_second`; or `unfinished`, a reason.
    """
    world, job = World.load(Path(settings["world"])), Job.model_validate(settings["job"])
    assembly = assemble(world, job)
    return run(assembly, static_return(world, job))


def static_return(world: World, job: Job) -> float:
    """What static MF earns of the users on whom checkpoints are judged, in the same sessions."""
    seed = derive_seed(job.seed, "validation sessions")
    return mean_return(BASELINES["static_mf"](Known.of(world)), world, "validation", job.scenario, seed)


def run(assembly: Assembly, to_beat: float) -> dict[str, Any]:
    """Trains until a checkpoint is better than `to_beat`; see `measure`.

    Args:
        assembly: at version 0.
        to_beat: the return to exceed.
    """
    model, numbers = assembly.model, range(assembly.job.training.agents)
    gate = Gate(len(numbers))

    def run_agent(number: int, tell: Callable[[int], None]) -> int:
        def told(steps: int) -> None:
            tell(steps)
            gate.pass_through()

        try:
            return assembly.run_agent(number, told)
        finally:
            gate.leave()

    futures = assembly.launch(run_agent, numbers)
    rested, best, reached = 0.0, float("-inf"), None
    try:
        while reached is None:
            ended = all(future.done() for future in futures)
            snapshots = [snapshot for snapshot in model.take_snapshots() if snapshot.version]
            if snapshots:
                gate.close()
                began = time.perf_counter()
                # What came in while the agents went to rest: later it would be younger than this rest.
                snapshots += model.take_snapshots()
                for snapshot in snapshots:
                    earned = assembly.judge(snapshot).validation_return
                    best = max(best, earned)
                    if earned > to_beat:
                        reached = (snapshot, snapshot.seconds - rested, earned)
                        break
                rested += time.perf_counter() - began
                gate.open()
            elif ended:
                break
            else:
                time.sleep(_POLL_SECONDS)
    finally:
        model.stop()
        gate.open()
    for future in futures:
        future.result()
    if reached is None:
        return {"unfinished": f"{best:.2f} at best, static MF earns {to_beat:.2f}", "to_beat": to_beat}
    snapshot, seconds, earned = reached
    return {
        "seconds": seconds,
        "with_preparation": seconds + assembly.seconds,
        "steps": snapshot.steps,
        "return": earned,
        "to_beat": to_beat,
        "steps_per_second": snapshot.steps / seconds,
    }


if __name__ == "__main__":
    worker_main(measure)
