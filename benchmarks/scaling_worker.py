"""The worker of `benchmarks.scaling`: trains with a number of agents, or measures the global model without any."""

import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.time_to_quality_worker import static_return
from benchmarks.workers import worker_main
from rlrec.agents.distributed import ray as cluster
from rlrec.agents.distributed.messages import Floats, Report, SharedModel
from rlrec.agents.results import CurvePoint
from rlrec.agents.train import assemble, train
from rlrec.settings.config import Job
from rlrec.worlds.world import World


def measure(settings: dict[str, Any]) -> dict[str, Any]:
    """One configuration.

    Args:
        settings: `world` (a path), `job`, and `alone`: whether to measure the global model without agents.
    """
    world, job = World.load(Path(settings["world"])), Job.model_validate(settings["job"])
    return alone(world, job) if settings["alone"] else together(world, job)


def together(world: World, job: Job) -> dict[str, Any]:
    """A training.

    Returns:
        `start_seconds` from nothing to the first gradient applied, Ray's start included; `steps_per_second` and
        `updates_per_second` after that; `to_quality`, seconds until the first checkpoint that earns more on validation
        users than static MF does, or None; `to_beat`; `staleness`, mean; `wait_share` and `apply_seconds` of an update.
    """
    to_beat = static_return(world, job)
    began = time.perf_counter()
    reached: list[float] = []
    first: list[tuple[float, int, float]] = []

    def judged(point: CurvePoint) -> None:
        if not reached and point.version and point.validation_return > to_beat:
            reached.append(point.seconds)

    def progress(model: SharedModel) -> None:
        if not first and (state := model.state()).arrived:
            first.append((time.perf_counter() - began, state.counters.steps, state.counters.seconds))

    with _cluster(job):
        summary = train(world, job, progress=progress, on_point=judged).summary
    start, steps, seconds = first[0]
    steps_per_second = (summary.steps - steps) / (summary.seconds - seconds)
    return {
        "start_seconds": start,
        "steps_per_second": steps_per_second,
        "updates_per_second": steps_per_second / job.learner.rollout_steps,
        "to_quality": reached[0] if reached else None,
        "to_beat": to_beat,
        "staleness": summary.mean_staleness,
        "wait_share": summary.wait_seconds / (summary.seconds * summary.agents),
        "wait_per_update": summary.wait_seconds / summary.updates,
        "apply_per_update": summary.apply_seconds / summary.updates,
    }


def alone(world: World, job: Job) -> dict[str, Any]:
    """The global model with nothing to do but to take gradients: its ceiling.

    Returns:
        `updates_per_second` of one caller that pulls and pushes, `round_seconds` of it, `weights`, their number, and
        with Ray `streamed_per_second`, updates where messages of several agents always wait at the actor.
    """
    with _cluster(job):
        assembly = assemble(world, job)
        model, report = assembly.model, Report(0, assembly.agent.steps, {})
        gradient = np.random.default_rng(0).normal(0, 1e-4, model.weights().shape).astype(np.float32)
        figures = _rounds(model, gradient, report)
        if isinstance(model, cluster.RemoteModel):
            figures["streamed_per_second"] = _streamed(model, gradient, report)
        return figures


def _cluster(job: Job) -> Any:
    return cluster.connected(job.training) if job.training.executor == "ray" else nullcontext()


def _rounds(model: SharedModel, gradient: Floats, report: Report, rounds: int = 300) -> dict[str, Any]:
    """Pull and push by one caller, one after the other."""
    spans = []
    for _ in range(rounds + 20):
        began = time.perf_counter()
        work = model.pull(0)
        assert work is not None
        model.push(work, gradient, report)
        spans.append(time.perf_counter() - began)
    measured = spans[20:]
    return {
        "updates_per_second": len(measured) / sum(measured),
        "round_seconds": float(np.median(measured)),
        "weights": len(gradient),
    }


def _streamed(
    model: cluster.RemoteModel, gradient: Floats, report: Report, callers: int = 8, rounds: int = 60
) -> float:
    """Updates a second where several agents' messages always wait at the actor."""
    import ray

    actor, sent = model.actor, ray.put(gradient)
    works = ray.get([actor.pull.remote(agent) for agent in range(1, callers + 1)])
    began = time.perf_counter()
    for _ in range(rounds):
        for agent, work in enumerate(works, start=1):
            actor.push.remote(work._replace(weights=None), sent, report._replace(agent=agent))
        works = ray.get([actor.pull.remote(agent) for agent in range(1, callers + 1)])
    return callers * rounds / (time.perf_counter() - began)


if __name__ == "__main__":
    worker_main(measure)
