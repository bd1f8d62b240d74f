"""The worker of `benchmarks.scaling`: trains with a number of agents, or measures the global model without any."""

import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.workers import worker_main
from rlrec.agents.distributed import ray as cluster
from rlrec.agents.distributed.messages import Report, SharedModel
from rlrec.agents.distributed.model import GlobalModel
from rlrec.agents.distributed.threads import limit_threads
from rlrec.agents.judge import CurvePoint
from rlrec.agents.train import train
from rlrec.environments.observations import OBSERVATIONS
from rlrec.policies.baselines.known import Known
from rlrec.policies.baselines.registry import BASELINES
from rlrec.policies.networks import NETWORKS, Network
from rlrec.policies.playing import play
from rlrec.settings.config import Config, derive_seed
from rlrec.worlds.world import World


def measure(settings: dict[str, Any]) -> dict[str, Any]:
    """One configuration.

    Args:
        settings: `world` (a path), `config`, and `alone`: whether to measure the global model without agents.
    """
    world, config = World.load(Path(settings["world"])), Config.model_validate(settings["config"])
    return alone(world, config) if settings["alone"] else together(world, config)


def together(world: World, config: Config) -> dict[str, Any]:
    """A training.

    Returns:
        `start_seconds` from nothing to the first gradient applied, Ray's start included; `steps_per_second` and
        `updates_per_second` after that; `to_quality`, seconds until the first checkpoint that earns more on validation
        users than static MF does, or None; `to_beat`; `staleness`, mean; `wait_share` and `apply_seconds` of an update.
    """
    seed = derive_seed(config.seed, "validation sessions")
    static = BASELINES["static_mf"](Known.of(world))
    users = world.users_in("validation")
    to_beat = float(play(static, world, users, config.scenario, seed).rewards.sum(axis=1).mean())
    began = time.perf_counter()
    reached: list[float] = []
    first: list[tuple[float, int, float]] = []

    def judged(point: CurvePoint) -> None:
        if not reached and point.version and point.validation_return > to_beat:
            reached.append(point.seconds)

    def progress(model: SharedModel) -> None:
        if not first and (state := model.state()).rollouts:
            first.append((time.perf_counter() - began, state.counters.steps, state.counters.seconds))

    with cluster.connected(config) if config.train.executor == "ray" else nullcontext():
        summary = train(world, config, progress=progress, on_point=judged).summary
    start, steps, seconds = first[0]
    lasted = summary["seconds"] - seconds
    return {
        "start_seconds": start,
        "steps_per_second": (summary["steps"] - steps) / lasted,
        "updates_per_second": (summary["steps"] - steps) / lasted / config.train.rollout_steps,
        "to_quality": reached[0] if reached else None,
        "to_beat": to_beat,
        "staleness": summary["mean_staleness"],
        "wait_share": summary["wait_seconds"] / (summary["seconds"] * config.train.agents),
        "wait_per_update": summary["wait_seconds"] / summary["updates"],
        "apply_per_update": summary["apply_seconds"] / summary["updates"],
    }


def alone(world: World, config: Config) -> dict[str, Any]:
    """The global model with nothing to do but to take gradients: its ceiling.

    Returns:
        `updates_per_second` of one caller that pulls and pushes, `round_seconds` of it, `weights`, their number, and
        with Ray `streamed_per_second`, updates where messages of several agents always wait at the actor.
    """
    features = world.features.shape[1]
    observed = OBSERVATIONS[config.scenario.observation].size(world, config.scenario)
    network = NETWORKS[config.train.network](observed, config.train.hidden, features, world.n_movies)
    if config.train.executor == "threads":
        limit_threads(config.train.agents)
        weights = network.flatten(network.initial_weights(config.rng("initial weights")))
        return _rounds(GlobalModel(weights, config.train), network, config)
    with cluster.connected(config):
        model = cluster.start_global_model(network, config, None)
        return {**_rounds(model, network, config), "streamed_per_second": _streamed(model, network, config)}


def _gradient(network: Network) -> Any:
    return np.random.default_rng(0).normal(0, 1e-4, network.size()).astype(np.float32)


def _rounds(model: SharedModel, network: Network, config: Config, rounds: int = 300) -> dict[str, Any]:
    """Pull and push by one caller, one after the other."""
    gradient, report = _gradient(network), Report(0, config.train.rollout_steps, 0.0, 0.0, 0.0)
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
        "weights": network.size(),
    }


def _streamed(model: Any, network: Network, config: Config, callers: int = 8, rounds: int = 60) -> float:
    """Updates a second where several agents' messages always wait at the actor."""
    import ray

    gradient, report = ray.put(_gradient(network)), Report(0, config.train.rollout_steps, 0.0, 0.0, 0.0)
    actor = model.actor
    works = ray.get([actor.pull.remote(agent) for agent in range(1, callers + 1)])
    began = time.perf_counter()
    for _ in range(rounds):
        for agent, work in enumerate(works, start=1):
            actor.push.remote(work._replace(weights=None), gradient, report._replace(agent=agent))
        works = ray.get([actor.pull.remote(agent) for agent in range(1, callers + 1)])
    return callers * rounds / (time.perf_counter() - began)


if __name__ == "__main__":
    worker_main(measure)
