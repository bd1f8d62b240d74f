"""Training for a quarter of an hour while a local agent is killed every twenty seconds.

What must come out of it: the budget met exactly, no process left behind, and a global model that does not grow.
"""

import os
import random
import signal
import time
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import psutil
import typer

from benchmarks.jobs import changed, load_job
from benchmarks.records import FITTED_WORLD, PARAMS, RESULTS, append_record, errors, run_command, show_figures
from rlrec.agents.distributed import ray as cluster
from rlrec.agents.distributed.messages import SharedModel, State
from rlrec.settings.config import Job
from rlrec.worlds.world import World

if TYPE_CHECKING:
    from rlrec.agents.agent import Agent, Step
    from rlrec.agents.results import TrainingSummary

WARM_UP_SECONDS = 120.0
"""Until the global model's memory is compared: TensorFlow and Ray allocate in the first rounds."""


class Killer:
    """Kills one of the agents now and then, and watches the global model's memory."""

    def __init__(self, every: float, seed: int) -> None:
        self.kills = 0
        self.memory: list[tuple[float, float]] = []  # seconds since the start, MiB
        self._every, self._rng = every, random.Random(seed)
        self._began = self._next = time.monotonic()

    def __call__(self, model: SharedModel) -> None:
        """To be called again and again."""
        state, now = model.state(), time.monotonic()
        if not state.arrived:
            self._began, self._next = now, now + self._every
            return
        if not self.memory or now - self._began - self.memory[-1][0] >= 1:
            resident = psutil.Process(_pid(state.home)).memory_info().rss / 2**20
            self.memory.append((now - self._began, resident))
            errors.print(
                f"{now - self._began:5.0f} s: {state.counters.steps / 1e6:.1f} million steps, {self.kills} kills, "
                f"the global model has {resident:.0f} MiB",
                end="\r" if errors.is_terminal else "\n",
                highlight=False,
            )
        if now >= self._next:
            self._next = now + self._every
            self.kills += self._kill(state)

    def _kill(self, state: State) -> bool:
        victim = self._rng.choice(sorted(state.places.values()))
        try:
            os.kill(_pid(victim), signal.SIGKILL)
        except ProcessLookupError:
            return False  # it is just being started again
        return True


def main(
    steps: Annotated[int, typer.Option(help="Budget of environment steps: decides how long it takes.")] = 36_000_000,
    every: Annotated[float, typer.Option(help="Seconds between two kills.", min=1)] = 20.0,
    rest: Annotated[float, typer.Option(help="Seconds that an agent rests after a rollout.", min=0)] = 0.1,
    world: Annotated[Path, typer.Option(help="The world to learn.")] = FITTED_WORLD,
    params: Annotated[Path, typer.Option(help="All other settings.")] = PARAMS,
    output: Annotated[Path, typer.Option(help="Where the record is added.")] = RESULTS / "soak.json",
) -> None:
    """Trains with two agents on a Ray cluster of its own and kills one of them every few seconds."""
    job = changed(load_job(params), training={"executor": "ray", "steps": steps})
    played, killer, mine = World.load(world), Killer(every, job.seed), psutil.Process()
    with TemporaryDirectory() as folder:
        began = time.monotonic()
        with cluster.connected(job.training):
            summary = _train(job, played, rest, killer, Path(folder) / "checkpoints")
            started = mine.children(recursive=True)
        lasted = time.monotonic() - began
    _, left = psutil.wait_procs(started, timeout=30)
    warm = [resident for seconds, resident in killer.memory if seconds >= WARM_UP_SECONDS]
    figures = {
        "seconds": lasted,
        "kills": killer.kills,
        "restarts": sum(summary.restarts_by_agent.values()),
        "budget": -(-steps // job.learner.rollout_steps) * job.learner.rollout_steps,
        "steps": summary.steps,
        "failed_agents": summary.failed_agents,
        "processes_left": len(left),
        "memory_after_warm_up_mib": warm[0] if warm else None,
        "memory_at_the_end_mib": warm[-1] if warm else None,
        "memory_growth": warm[-1] / warm[0] - 1 if warm else None,
        "best_return": summary.best.validation_return,
    }
    show_figures("Soak", figures)
    append_record(output, settings={"steps": steps, "every": every, "rest": rest}, figures=figures, packages=("ray",))


def _train(job: Job, world: World, rest: float, killer: Killer, checkpoints: Path) -> "TrainingSummary":
    from rlrec.agents.train import train  # TensorFlow takes seconds, and `--help` needs none

    return train(world, job, make=partial(resting, rest), progress=killer, checkpoints=checkpoints).summary


def resting(seconds: float, world: World, job: Job) -> "Agent":
    """An algorithm that rests after each step, so that a soak leaves the machine some room."""
    from rlrec.agents.registry import make_agent

    agent = make_agent(world, job)
    step = agent.step

    def step_and_rest(weights: Any, carry: Any, seed: Any) -> "Step":
        taken = step(weights, carry, seed)
        time.sleep(seconds)
        return taken

    agent.step = step_and_rest  # type: ignore[method-assign]
    return agent


def _pid(place: str) -> int:
    return int(place.rsplit(":", 1)[1])


if __name__ == "__main__":
    run_command(main)
