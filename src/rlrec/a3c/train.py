"""Training from a world to a policy: local agents, a learning curve, the best checkpoint on validation users."""

import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from rlrec.a3c.global_model import GlobalModel, Snapshot
from rlrec.a3c.local_agent import run_local_agent
from rlrec.a3c.network import NUMPY
from rlrec.a3c.policy import A3CPolicy, fingerprint
from rlrec.a3c.rollout import Player
from rlrec.config import Config, derive_seed
from rlrec.errors import TrainingError
from rlrec.evaluation.online import play
from rlrec.evaluation.policy import top_slates
from rlrec.simulator.dynamics import Floats
from rlrec.simulator.sessions import Sessions
from rlrec.simulator.world import World

log = logging.getLogger(__name__)

Play = Callable[[int, Callable[[int], None]], int]
"""Runs the local agent of a number until the budget is spent, telling the steps of each rollout; returns its steps."""
Launch = Callable[[Play, int], Sequence["Future[Any]"]]
"""Runs `Play` for each of n agents at once; the futures raise what an agent raised."""

POLL_SECONDS = 0.1
_STANDARDISED_ON = 256
"""Random sessions behind the observations' mean and deviation."""


class CurvePoint(NamedTuple):
    """One line of `training.csv`: means up to a checkpoint, and what the checkpoint earns on validation users."""

    version: int
    steps: int
    seconds: float
    mean_return: float
    ctr: float
    entropy: float
    policy_loss: float
    value_loss: float
    staleness: float
    validation_return: float


@dataclass
class Training:
    """What a training gave."""

    policy: A3CPolicy
    best: CurvePoint
    curve: list[CurvePoint] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)


def train(
    world: World,
    config: Config,
    *,
    launch: Launch | None = None,
    progress: Callable[[GlobalModel], None] | None = None,
    on_point: Callable[[CurvePoint], None] | None = None,
) -> Training:
    """Trains a policy with asynchronous local agents.

    Checkpoints are taken at fixed versions and judged, while the agents go on, by the mean return of the greedy policy
    over the world's validation users. With one agent, equal seeds give equal weights.

    Args:
        world: its training users are played, its validation users judge.
        config: `seed`, `scenario` and `train`.
        launch: how agents are run; threads of this process where absent.
        progress: called about ten times a second.
        on_point: called with each new point of the learning curve.

    Raises:
        TrainingError: an agent failed, or every gradient was refused.
        WorldError: the world cannot play the scenario.
    """
    limit_threads(config.train.agents)
    player, as_policy = _prepare(world, config)
    weights = player.network.flatten(player.network.initial_weights(config.rng("initial weights")))
    model = GlobalModel(weights, config.train, steps_per_rollout=config.train.users * config.train.rollout)
    log.info("compiling rollout and gradient: %s weights, %s movies", f"{len(weights):,}", f"{world.n_movies:,}")
    compile_seconds = _compile(player, model)
    judge = _Judge(world, config, as_policy)

    def play_agent(number: int, tell: Callable[[int], None]) -> int:
        return run_local_agent(number, player, model, config, tell)

    with _running(launch or in_threads, play_agent, config.train.agents, model) as agents:
        while True:
            # Asked before the snapshots are taken: what an agent pushed before it ended is then judged below.
            ended = [agent for agent in agents if agent.done()]
            for agent in ended:
                agent.result()  # raises what the agent raised
            for snapshot in model.take_snapshots():
                point = judge(snapshot)
                if on_point:
                    on_point(point)
            if progress:
                progress(model)
            if len(ended) == len(agents):
                break
            wait(agents, POLL_SECONDS)
    if judge.best is None:
        raise TrainingError(
            f"no checkpoint was reached: {sum(model.counters.refused_by_agent.values())} gradients were refused, "
            f"{model.version} applied, and train.checkpoint_every is {config.train.checkpoint_every}"
        )
    return Training(
        as_policy(judge.best_weights), judge.best, judge.curve, summarise(config, model, judge, compile_seconds)
    )


def limit_threads(agents: int) -> None:
    """Sets TensorFlow's thread pools; has no effect once TensorFlow has run something.

    XLA's code runs in the intra-op pool: with one thread there, two agents are no faster than one.
    """
    with suppress(RuntimeError):
        tf.config.threading.set_inter_op_parallelism_threads(agents)
        tf.config.threading.set_intra_op_parallelism_threads(min(agents, os.cpu_count() or 1))


def standardisation(world: World, config: Config) -> tuple[Floats, Floats]:
    """Mean and standard deviation `(S,)` of what is observed of training users who are shown random movies."""
    rng = config.rng("standardisation")
    sessions = Sessions(world, rng.choice(world.users_in("train"), _STANDARDISED_ON), config.scenario)
    observations = []
    for _ in range(config.scenario.episode_length):
        observations.append(sessions.observe())
        scores = rng.random(sessions.available.shape, np.float32)
        sessions.play(top_slates(scores, sessions.available, config.scenario.slate_size))
    observed = np.concatenate(observations)
    deviation = observed.std(axis=0)
    return observed.mean(axis=0), np.where(deviation > 1e-3, deviation, np.float32(1)).astype(np.float32)


def in_threads(play_agent: Play, n: int) -> list["Future[int]"]:
    """Runs n agents in threads of this process."""
    pool = ThreadPoolExecutor(n, thread_name_prefix="agent")
    futures = [pool.submit(play_agent, number, lambda steps: None) for number in range(n)]
    pool.shutdown(wait=False)
    return futures


@contextmanager
def _running(launch: Launch, play_agent: Play, n: int, model: GlobalModel) -> Iterator[Sequence["Future[Any]"]]:
    """The agents' futures; however the block is left, on Ctrl-C too, every agent has ended when it is."""
    agents: Sequence[Future[Any]] = []
    try:
        agents = launch(play_agent, n)
        yield agents
    finally:
        model.stop()
        wait(agents)


class _Judge:
    """Plays validation users with each snapshot and keeps the best."""

    def __init__(self, world: World, config: Config, as_policy: Callable[[Floats], A3CPolicy]) -> None:
        self._world, self._config, self._as_policy = world, config, as_policy
        self._users = world.users_in("validation")
        self.curve: list[CurvePoint] = []
        self.best: CurvePoint | None = None
        self.best_weights: Floats = np.empty(0, np.float32)

    def __call__(self, snapshot: Snapshot) -> CurvePoint:
        seed = derive_seed(self._config.seed, "validation sessions")
        played = play(self._as_policy(snapshot.weights), self._world, self._users, self._config.scenario, seed)
        earned = float(played.rewards.sum(axis=1).mean())
        point = CurvePoint(snapshot.version, snapshot.steps, snapshot.seconds, *snapshot.means, earned)
        self.curve.append(point)
        # Of equals the earlier one: the choice depends on the weights alone. Version 0 learned nothing.
        if snapshot.version and (self.best is None or earned > self.best.validation_return):
            self.best, self.best_weights = point, snapshot.weights
        return point


def _prepare(world: World, config: Config) -> tuple[Player, Callable[[Floats], A3CPolicy]]:
    """The compiled functions, and what makes a policy of flat weights."""
    center, scale = standardisation(world, config)
    player = Player(world, config.scenario, config.train, center, scale)
    catalogue = fingerprint(world)

    def as_policy(flat: Floats) -> A3CPolicy:
        weights = player.network.unflatten(flat, NUMPY)
        return A3CPolicy(player.network, weights, center, scale, config.scenario.observation, catalogue)

    return player, as_policy


def _compile(player: Player, model: GlobalModel) -> float:
    """Compiles before the agents start, since they share the functions; the seconds it took."""
    started = time.perf_counter()
    seed = tf.zeros(2, tf.int32)
    player.play(model.pull()[0], player.start(seed), seed)
    return time.perf_counter() - started


def summarise(config: Config, model: GlobalModel, judge: _Judge, compile_seconds: float) -> dict[str, Any]:
    """What `training.json` holds."""
    counters, best = model.counters, judge.best
    assert best is not None
    staleness = {str(k): v for k, v in sorted(counters.staleness.items())}
    updates = max(model.version, 1)
    return {
        "agents": config.train.agents,
        "steps": counters.steps,
        "steps_by_agent": {str(k): v for k, v in sorted(counters.steps_by_agent.items())},
        "updates": model.version,
        "refused_by_agent": {str(k): v for k, v in sorted(counters.refused_by_agent.items())},
        "seconds": counters.seconds,
        "compile_seconds": compile_seconds,
        "steps_per_second": counters.steps / max(counters.seconds, 1e-9),
        "staleness": staleness,
        "mean_staleness": sum(k * v for k, v in counters.staleness.items()) / updates,
        "apply_seconds": counters.apply_seconds,
        "lock_wait_seconds": counters.lock_wait_seconds,
        "best": best._asdict(),
        "final": judge.curve[-1]._asdict(),
    }
