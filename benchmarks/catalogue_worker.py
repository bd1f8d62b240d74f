"""The worker of `benchmarks.catalogue`: speed, accuracy or worth of training with a softmax of one kind."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.jobs import changed
from benchmarks.workers import peak_memory_mib, worker_main
from benchmarks.worlds import world_of_size
from rlrec.agents.actor_critic.agent import ActorCritic
from rlrec.agents.actor_critic.loss import TENSORFLOW
from rlrec.agents.actor_critic.sampled import SampledPlayer
from rlrec.agents.actor_critic.sampling import block_size, draw_slates
from rlrec.agents.distributed.threads import limit_threads
from rlrec.agents.registry import make_agent
from rlrec.agents.train import train
from rlrec.environments.compiled import Simulation
from rlrec.policies.playing import play
from rlrec.settings.config import Job
from rlrec.worlds.world import World

_ROLLOUTS, _SHORT = 3, 10
"""Rollouts of an agent, and their length, also a session's: the exact ones take seconds a step in large catalogues."""
_USERS, _DRAWS = 8, 2048
_MOMENTS = (0, 1, 8, 20, 49)


def measure(settings: dict[str, Any]) -> dict[str, Any]:
    """One configuration: `what` is to be measured, of `job` in a world of so many `movies` (or the one at `world`)."""
    job, path = Job.model_validate(settings["job"]), settings.get("world")
    world = World.load(Path(path)) if path else world_of_size(settings["movies"], None)[0]
    kinds = {"speed": speed, "accuracy": accuracy, "worth": worth}
    return kinds[settings["what"]](world, job)


def speed(world: World, job: Job) -> dict[str, Any]:
    """Rollouts and their gradients by all agents at once, nothing applied.

    Returns:
        `steps_per_second` of all agents, `cpu_microseconds` of a step (of the process: what else runs on the machine
        counts less than in the former), `peak_memory_mib`, `prepare_seconds` of CPU until the first step is done.
    """
    agents = job.training.agents
    job = changed(job, learner={"rollout": _SHORT}, scenario={"episode_length": _SHORT})
    limit_threads(agents)
    began = time.process_time()
    agent = make_agent(world, job)
    weights, seed = tf.constant(agent.initial()()), np.zeros(2, np.int32)
    carry = agent.start(seed)
    agent.step(weights, carry, seed)
    prepared = time.process_time() - began

    def rollouts(number: int) -> None:
        for i in range(_ROLLOUTS):
            agent.step(weights, carry, np.array([number, i], np.int32))

    cpu, wall = time.process_time(), time.perf_counter()
    with ThreadPoolExecutor(agents) as pool:
        list(pool.map(rollouts, range(agents)))
    steps = agents * _ROLLOUTS * agent.steps
    return {
        "steps_per_second": steps / (time.perf_counter() - wall),
        "cpu_microseconds": 1e6 * (time.process_time() - cpu) / steps,
        "peak_memory_mib": peak_memory_mib(),
        "prepare_seconds": prepared,
    }


def accuracy(world: World, job: Job) -> dict[str, Any]:
    """How movies are drawn at moments of a session beside the exact softmax over all movies, as if none had been shown.

    Returns:
        Lists by moment: `step`; `entropy` of the exact softmax, nats; `distance`, total variation of what is drawn, and
        `luck`, what exact draws of the same number would have (so many movies are drawn once, if at all); `spread` of
        the estimated sum of masses, a standard deviation over its value; `sum`, its mean over the true one.
    """
    limit_threads(1)
    job = changed(job, learner={"rollout": job.scenario.episode_length}, scenario={"slate_size": 1})
    agent = make_agent(world, job)
    assert isinstance(agent, ActorCritic)
    player = agent.player
    assert isinstance(player, SampledPlayer)
    weights = player.network.unflatten(tf.constant(agent.initial()()), TENSORFLOW)
    shortlist, exact = player.shortlist, Simulation(world, job.scenario, block_size(world.n_movies))
    begun = player.start(tf.constant([0, 1]))
    played = tf.function(lambda: player._roll(weights, begun, tf.constant([0, 2]), ("believed",))[1]["believed"])()

    def draw(believed: Any, seed: Any) -> tuple[Any, ...]:
        available = tf.tile(shortlist.present[None], (_DRAWS, 1))
        query = tf.zeros((_DRAWS, shortlist.dimensions))
        rows = tf.tile(believed[None], (_DRAWS, 1))
        found = shortlist.find(query, rows, available, shortlist.noise(_DRAWS // 4, seed))
        places, chosen = draw_slates(
            found.mass, tf.random.stateless_uniform((_DRAWS, 1), seed + [0, 7]), shortlist.slots
        )
        told = player._told(found, places, chosen, available)
        return told.slates, tf.math.log(tf.reduce_sum(found.mass, axis=1)) + found.top[:, 0]

    drawn = tf.function(draw, jit_compile=True)
    figures: dict[str, list[float]] = {name: [] for name in ("step", "entropy", "distance", "luck", "spread", "sum")}
    for moment in (m for m in _MOMENTS if m < job.scenario.episode_length):
        rows: dict[str, list[float]] = {name: [] for name in figures}
        for user in range(_USERS):
            believed = played[moment, user]
            logits = (player._sharpness * exact.expected_of(believed[None]))[0, : world.n_movies].numpy().astype(float)
            total = np.log(np.exp(logits - logits.max()).sum()) + logits.max()
            chances = np.exp(logits - total)
            slates, sums = drawn(believed, tf.constant([moment, user]))
            shares = np.bincount(slates.numpy()[:, 0], minlength=world.n_movies) / _DRAWS
            lucky = np.random.default_rng(user).multinomial(_DRAWS, chances / chances.sum()) / _DRAWS
            of_sum = np.exp(sums.numpy().astype(float) - total)
            values = (moment, -(chances * (logits - total)).sum(), np.abs(shares - chances).sum() / 2,
                      np.abs(lucky - chances).sum() / 2, of_sum.std() / of_sum.mean(), of_sum.mean())  # fmt: skip
            for name, value in zip(rows, values, strict=True):
                rows[name].append(float(value))
        for name, found in rows.items():
            figures[name].append(float(np.mean(found)))
    return figures


def worth(world: World, job: Job) -> dict[str, Any]:
    """A whole training, and what its policy earns from each test user: greedy, over all movies."""
    began = time.perf_counter()
    trained = train(world, job)
    seconds = time.perf_counter() - began
    played = play(trained.policy, world, world.users_in("test"), job.scenario, 0)
    last = trained.curve[-1]
    return {
        "seconds": seconds,
        "steps_per_second": trained.summary.steps_per_second,
        "returns": played.rewards.sum(axis=1, dtype=np.float64).tolist(),
        "last_gain": last.gain,
        "peak_memory_mib": peak_memory_mib(),
    }


if __name__ == "__main__":
    worker_main(measure)
