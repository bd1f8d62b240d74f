"""Measures one configuration of training's inner loop: the worker of `benchmarks.throughput`.

What runs is what `rlrec.agents.train` runs (the algorithm, the global model, the agents' loop, in threads) but without
checkpoints judged beside it, so that nothing else takes the cores.
"""

import statistics
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.workers import peak_memory_mib, worker_main
from benchmarks.worlds import world_of_size
from rlrec.agents.actor_critic.agent import ActorCritic
from rlrec.agents.actor_critic.rollout import Player
from rlrec.agents.agent import Agent
from rlrec.agents.distributed.messages import Report, SharedModel
from rlrec.agents.registry import make_agent
from rlrec.agents.train import Assembly, assemble
from rlrec.settings.config import Job
from rlrec.worlds.world import World

_FEWEST_ROLLOUTS = 2
"""Of each agent: fewer say little, even where one takes seconds."""


class TimedPlayer:
    """A player that notes how long its calls took; otherwise the one it is given."""

    def __init__(self, player: Player) -> None:
        self._player = player
        self.seconds: list[float] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_player"], name)

    def start(self, seed: Any) -> Any:
        """As `Player.start`."""
        return self._timed(self._player.start, seed)

    def play(self, weights: Any, carry: Any, seed: Any) -> Any:
        """As `Player.play`."""
        return self._timed(self._player.play, weights, carry, seed)

    def _timed(self, function: Callable[..., Any], *arguments: Any) -> Any:
        began = time.perf_counter()
        result = function(*arguments)
        self.seconds.append(time.perf_counter() - began)
        return result


def measure(settings: dict[str, Any]) -> dict[str, Any]:
    """The figures of one configuration.

    Args:
        settings: `movies`, the size of the catalogue; `job`, what is trained there, its budget and checkpoints aside;
            `seconds` to measure for; and `world`, the path of the fitted one.

    Returns:
        `steps_per_second` of all agents together, gradients included and applied; `compile_seconds`;
        `peak_memory_mib`, and `imported_memory_mib` before anything was made; `floor_steps_per_second` that the two
        catalogue products alone would allow; `phases`, shares of the agents' time.
    """
    imported = peak_memory_mib()
    job = _endless(settings["job"])
    agents = job.training.agents
    world, origin = world_of_size(settings["movies"], Path(settings["world"]))
    assembly = assemble(world, job, make=_timed)
    agent, model, weights = assembly.agent, assembly.model, assembly.model.weights()
    assert isinstance(agent, ActorCritic)
    watched: Any = agent.player
    player: Player = watched._player

    seed, flat = tf.zeros(2, tf.int32), tf.constant(weights)
    first = player.start(seed)
    began = time.perf_counter()
    player.play(flat, first, seed)
    steady = time.perf_counter() - began
    # The optimizer's update is traced at its first call, which is part of compiling.
    traced = time.perf_counter()
    _push_once(model, weights)
    compile_seconds = sum(watched.seconds) - steady + time.perf_counter() - traced

    watched.seconds.clear()
    run = _run_agents(assembly, settings["seconds"]) | {"play": sum(watched.seconds)}
    peak = peak_memory_mib()
    fused, rollout = _split(player, model, agents, settings["seconds"] / 2)
    floor = _products_alone(player, job, settings["seconds"] / 4)
    return {
        "world": origin,
        "steps_per_second": run["steps_per_second"],
        "rollouts": run["rollouts"],
        "compile_seconds": compile_seconds,
        "peak_memory_mib": peak,
        "imported_memory_mib": imported,
        "floor_steps_per_second": agents * agent.steps / floor,
        "phases": _phases(run, rollout / fused),
    }


def _endless(job: dict[str, Any]) -> Job:
    training = {"executor": "threads", "steps": 10**12, "checkpoint_every": 10**12}
    return Job.model_validate({**job, "training": {**job["training"], **training}})


def _timed(world: World, job: Job) -> Agent:
    agent = make_agent(world, job)
    assert isinstance(agent, ActorCritic), "only of these it is known where the time goes"
    # A timed player is a player in all that the agent uses.
    agent.player = TimedPlayer(agent.player)  # type: ignore[assignment]
    return agent


def _push_once(model: SharedModel, weights: Any) -> None:
    work = model.pull(0)
    assert work is not None
    model.push(work, np.zeros_like(weights), Report(0, 0, {}))


def _run_agents(assembly: Assembly, seconds: float) -> dict[str, Any]:
    """Lets the agents train for a while; what they did with their time, in seconds summed over agents."""
    model, numbers = assembly.model, range(assembly.job.training.agents)
    spans: dict[int, float] = {}
    played: dict[int, int] = {}
    rollouts: Counter[int] = Counter()

    def run_agent(number: int, tell: Callable[[int], None]) -> int:
        began = time.perf_counter()
        played[number] = assembly.run_agent(number, lambda steps: rollouts.update([number]))
        spans[number] = time.perf_counter() - began
        return played[number]

    before = model.state().counters
    began = time.perf_counter()
    futures = assembly.launch(run_agent, numbers)
    try:
        while time.perf_counter() - began < seconds or any(rollouts[n] < _FEWEST_ROLLOUTS for n in numbers):
            if any(future.done() for future in futures):
                break  # an agent failed: its result below says how
            time.sleep(0.02)
    finally:
        model.stop()
    for future in futures:
        future.result()
    counters = model.state().counters
    return {
        # Agents end one after the other: each one's own rate counts, not the time of the last.
        "steps_per_second": sum(played[number] / spans[number] for number in spans),
        "rollouts": rollouts.total(),
        "total": sum(spans.values()),
        "apply": counters.apply_seconds - before.apply_seconds,
        "wait": counters.lock_wait_seconds - before.lock_wait_seconds,
    }


def _phases(run: dict[str, Any], rollout_share: float) -> dict[str, float]:
    """Shares of the agents' time, which sum to 1."""
    total = run["total"]
    share = min(rollout_share, 1.0)
    return {
        "rollout": run["play"] * share / total,
        "gradient": run["play"] * (1 - share) / total,
        "apply": run["apply"] / total,
        "lock_wait": run["wait"] / total,
        "python": (total - run["play"] - run["apply"] - run["wait"]) / total,
    }


def _split(player: Player, model: SharedModel, agents: int, seconds: float) -> tuple[float, float]:
    """Median seconds of a call of the fused function, and of the same without the gradient.

    The second is compiled from the same Python function with the gradient and the losses left out of its results, so
    that the compiler drops them, and with them the storing of what only they need: that counts as the gradient's.
    """
    whole = player.play.python_function

    def without_gradient(flat: Any, carry: Any, seed: Any) -> Any:
        result = whole(flat, carry, seed)
        none = tf.zeros(())
        return result._replace(gradient=none, policy_loss=none, value_loss=none)

    rollout = tf.function(without_gradient, jit_compile=True)
    seed, flat = tf.zeros(2, tf.int32), tf.constant(model.weights())
    sessions = player.start(seed)
    rollout(flat, sessions, seed)
    times: dict[str, list[float]] = {"fused": [], "rollout": []}
    for _ in range(2):  # in turns: a slow moment of the machine then hits both
        times["fused"] += _call_in_threads(lambda: player.play(flat, sessions, seed), agents, seconds / 4)
        times["rollout"] += _call_in_threads(lambda: rollout(flat, sessions, seed), agents, seconds / 4)
    return statistics.median(times["fused"]), statistics.median(times["rollout"])


def _products_alone(player: Player, job: Job, seconds: float) -> float:
    """Median seconds for the catalogue products of one rollout, `q·Xᵀ` and `mass·X`, and nothing else.

    Each product takes in the result of the one before, so that none can be left out or moved out of the loop.
    """
    padded, steps = player.simulation.padded, job.learner.rollout
    features = tf.random.stateless_normal((padded, player.network.features), (0, 0))

    def products(query: Any) -> Any:
        def step(t: Any, query: Any) -> Any:
            mass = tf.matmul(query, features, transpose_b=True)
            return t + 1, tf.matmul(mass, features) / padded

        return tf.while_loop(lambda t, _: t < steps, step, (0, query), maximum_iterations=steps)[1]

    compiled = tf.function(products, jit_compile=True)
    query = tf.random.stateless_normal((job.learner.users, player.network.features), (0, 1))
    compiled(query)
    return statistics.median(_call_in_threads(lambda: compiled(query), job.training.agents, seconds))


def _call_in_threads(function: Callable[[], Any], threads: int, seconds: float) -> list[float]:
    """Calls a function from several threads at once for a while (each at least twice); the seconds of every call."""

    def call(_: int) -> list[float]:
        times: list[float] = []
        began = time.perf_counter()
        while len(times) < _FEWEST_ROLLOUTS or time.perf_counter() - began < seconds:
            before = time.perf_counter()
            function()
            times.append(time.perf_counter() - before)
        return times

    with ThreadPoolExecutor(threads) as pool:
        return [seconds for times in pool.map(call, range(threads)) for seconds in times]


if __name__ == "__main__":
    worker_main(measure)
