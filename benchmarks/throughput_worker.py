"""Measures one configuration of training's inner loop: the worker of `benchmarks.throughput`.

What runs is what `rlrec.agents.train` runs (the compiled functions, the global model, the agents' loop, in threads) but
without checkpoints judged beside it, so that nothing else takes the cores.
"""

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.workers import peak_memory_mib, worker_main
from benchmarks.worlds import world_of_size
from rlrec.agents.actor_critic.rollout import Player
from rlrec.agents.distributed.messages import Report
from rlrec.agents.distributed.model import GlobalModel
from rlrec.agents.distributed.threads import in_threads, limit_threads
from rlrec.agents.distributed.worker import run_local_agent
from rlrec.settings.config import Config

_FEWEST_ROLLOUTS = 2
"""Of each agent: fewer say little, even where one takes seconds."""
_ENDLESS = 10**12


class TimedPlayer:
    """A player that notes how long its calls took; otherwise the one it is given."""

    def __init__(self, player: Player) -> None:
        self._player = player
        self.seconds: list[float] = []
        self.plays = 0

    def start(self, seed: Any) -> Any:
        """As `Player.start`."""
        return self._timed(self._player.start, seed)

    def play(self, weights: Any, play: Any, seed: Any) -> Any:
        """As `Player.play`."""
        result = self._timed(self._player.play, weights, play, seed)
        self.plays += 1
        return result

    def _timed(self, function: Callable[..., Any], *arguments: Any) -> Any:
        began = time.perf_counter()
        result = function(*arguments)
        self.seconds.append(time.perf_counter() - began)
        return result


def measure(settings: dict[str, Any]) -> dict[str, Any]:
    """The figures of one configuration.

    Args:
        settings: `movies`, `users` (batch), `slate_size`, `agents`, `seconds` to measure for, `world` (the path of the
            fitted one), and `config`, all settings of the project.

    Returns:
        `steps_per_second` of all agents together, gradients included and applied; `compile_seconds`;
        `peak_memory_mib`, and `imported_memory_mib` before anything was made; `floor_steps_per_second` that the two
        catalogue products alone would allow; `phases`, shares of the agents' time.
    """
    imported = peak_memory_mib()
    config = _config(settings)
    agents = config.train.agents
    limit_threads(agents)
    world, origin = world_of_size(settings["movies"], Path(settings["world"]))
    n_observed = 4 * world.features.shape[1] + 5 if config.scenario.observation == "history" else 6 + world.n_genres
    # What is observed is not standardised here: speed does not depend on the numbers.
    player = Player(world, config.scenario, config.train, *_identity(n_observed))
    weights = player.network.flatten(player.network.initial_weights(config.rng("initial weights")))
    model = GlobalModel(weights, config.train)

    seed, flat = tf.zeros(2, tf.int32), tf.constant(weights)
    began = time.perf_counter()
    first = player.start(seed)
    player.play(flat, first, seed)
    compiled = time.perf_counter()
    player.play(flat, first, seed)
    steady = time.perf_counter() - compiled
    # The optimizer's update is traced at its first call, which is part of compiling.
    traced = time.perf_counter()
    _push_once(model, weights)
    compile_seconds = compiled - began - steady + time.perf_counter() - traced

    run = _run_agents(player, model, config, settings["seconds"])
    peak = peak_memory_mib()
    fused, rollout = _split(player, model, agents, settings["seconds"] / 2)
    floor = _products_alone(player, config, settings["seconds"] / 4)
    return {
        "world": origin,
        "steps_per_second": run["steps_per_second"],
        "rollouts": run["rollouts"],
        "compile_seconds": compile_seconds,
        "peak_memory_mib": peak,
        "imported_memory_mib": imported,
        "floor_steps_per_second": agents * config.train.rollout_steps / floor,
        "phases": _phases(run, rollout / fused),
    }


def _config(settings: dict[str, Any]) -> Config:
    values = dict(settings["config"])
    values["scenario"] = {**values["scenario"], "slate_size": settings["slate_size"]}
    sizes = {"agents": settings["agents"], "users": settings["users"]}
    values["train"] = {**values["train"], **sizes, "steps": _ENDLESS, "checkpoint_every": _ENDLESS}
    return Config.model_validate(values)


def _push_once(model: GlobalModel, weights: Any) -> None:
    work = model.pull(0)
    assert work is not None
    model.push(work, np.zeros_like(weights), Report(0, 0, 0.0, 0.0, 0.0))


def _identity(size: int) -> tuple[Any, Any]:
    return np.zeros(size, np.float32), np.ones(size, np.float32)


def _run_agents(player: Player, model: GlobalModel, config: Config, seconds: float) -> dict[str, Any]:
    """Lets the agents train for a while; what they did with their time, in seconds summed over agents."""
    players = [TimedPlayer(player) for _ in range(config.train.agents)]
    spans: dict[int, float] = {}
    told: list[int] = []
    played: dict[int, int] = {}

    def play_agent(number: int, tell: Callable[[int], None]) -> int:
        began = time.perf_counter()
        # A timed player is a player in all that an agent uses.
        steps = run_local_agent(number, players[number], model, config, tell)  # type: ignore[arg-type]
        spans[number], played[number] = time.perf_counter() - began, steps
        told.append(steps)
        return steps

    before = model.state().counters
    began = time.perf_counter()
    futures = in_threads(play_agent, range(config.train.agents))
    try:
        while time.perf_counter() - began < seconds or any(p.plays < _FEWEST_ROLLOUTS for p in players):
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
        "rollouts": sum(p.plays for p in players),
        "total": sum(spans.values()),
        "play": sum(sum(p.seconds) for p in players),
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


def _split(player: Player, model: GlobalModel, agents: int, seconds: float) -> tuple[float, float]:
    """Median seconds of a call of the fused function, and of the same without the gradient.

    The second is compiled from the same Python function with the gradient and the losses left out of its results, so
    that the compiler drops them, and with them the storing of what only they need: that counts as the gradient's.
    """
    whole = player.play.python_function

    def without_gradient(flat: Any, play: Any, seed: Any) -> Any:
        result = whole(flat, play, seed)
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


def _products_alone(player: Player, config: Config, seconds: float) -> float:
    """Median seconds for the catalogue products of one rollout, `q·Xᵀ` and `mass·X`, and nothing else.

    Each product takes in the result of the one before, so that none can be left out or moved out of the loop.
    """
    padded, steps = player.simulation.padded, config.train.rollout
    features = tf.random.stateless_normal((padded, player.network.features), (0, 0))

    def products(query: Any) -> Any:
        def step(t: Any, query: Any) -> Any:
            mass = tf.matmul(query, features, transpose_b=True)
            return t + 1, tf.matmul(mass, features) / padded

        return tf.while_loop(lambda t, _: t < steps, step, (0, query), maximum_iterations=steps)[1]

    compiled = tf.function(products, jit_compile=True)
    query = tf.random.stateless_normal((config.train.users, player.network.features), (0, 1))
    compiled(query)
    return statistics.median(_call_in_threads(lambda: compiled(query), config.train.agents, seconds))


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
