"""Training from a world to a policy: local agents around one global model, whoever dies on the way."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rlrec.agents.actor_critic.rollout import Player
from rlrec.agents.distributed import ray as cluster
from rlrec.agents.distributed.checkpoints import Checkpoints, identity_of
from rlrec.agents.distributed.messages import Floats, SharedModel, State, told
from rlrec.agents.distributed.model import GlobalModel
from rlrec.agents.distributed.threads import in_threads, limit_threads
from rlrec.agents.distributed.worker import compile_functions, run_local_agent
from rlrec.agents.judge import CurvePoint, Judge
from rlrec.environments.sessions import Sessions
from rlrec.errors import TrainingError
from rlrec.policies.networks import NUMPY
from rlrec.policies.scored import A3CPolicy
from rlrec.policies.slates import top_slates
from rlrec.settings.config import Config
from rlrec.statistics.intervals import CONFIDENCE
from rlrec.worlds.knowledge import fingerprint
from rlrec.worlds.world import World

log = logging.getLogger(__name__)

Play = Callable[[int, Callable[[int], None]], int]
"""Runs the local agent of a number until the budget is spent, telling the steps of each rollout; returns its steps."""
Launch = Callable[[Play, Sequence[int]], Sequence["Future[Any]"]]
"""Runs `Play` for each of the agents at once; the futures raise what an agent raised."""

POLL_SECONDS = 0.1
_STANDARDISED_ON = 256
"""Random sessions behind the observations' mean and deviation."""


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
    progress: Callable[[SharedModel], None] | None = None,
    on_point: Callable[[CurvePoint], None] | None = None,
    checkpoints: Path | None = None,
) -> Training:
    """Trains a policy with asynchronous local agents.

    Checkpoints are taken at fixed versions and judged, while the agents go on, by the mean return of the greedy policy
    over the world's validation users. With one agent, equal seeds give equal weights.

    Agents that fail are named in the summary and the others go on; what they had not played is played by these.

    Args:
        world: its training users are played, its validation users judge.
        config: `seed`, `scenario` and `train`.
        launch: how agents are run; threads of this process, or with `executor: ray` tasks of Ray, where absent.
        progress: called about ten times a second.
        on_point: called with each point of the learning curve, with those from before an interruption first.
        checkpoints: folder of this training's checkpoints. If it was interrupted before, it goes on from the newest.

    Raises:
        TrainingError: all agents failed, or every gradient was refused.
        WorldError: the world cannot play the scenario.
        ConfigError: `executor` is `ray`, which is not installed or cannot be reached.
    """
    started = time.perf_counter()
    on_ray = config.train.executor == "ray"
    limit_threads(1 if on_ray else config.train.agents)
    center, scale = standardisation(world, config)
    player, as_policy = _prepare(world, config, center, scale)
    network = player.network
    kept = Checkpoints(checkpoints.resolve(), identity_of(world, config, network)) if checkpoints else None
    if kept and kept.newest() is None:
        kept.clear()
    log.info("%s weights, %s movies, %s agents", f"{network.size():,}", f"{world.n_movies:,}", config.train.agents)
    model: SharedModel
    play: Play
    if on_ray:
        model = cluster.start_global_model(network, config, kept)
        play, start_agents = cluster.RemotePlay(world, config, center, scale, model), launch or cluster.as_ray_tasks
    else:
        weights = network.flatten(network.initial_weights(config.rng("initial weights")))
        model = GlobalModel(weights, config.train, kept)
        compile_functions(player)  # before the agents start, since they share the functions
        play, start_agents = partial(_play_here, player, model, config), launch or in_threads
    begun = model.state()
    if begun.rollouts:
        log.info(
            "going on from the checkpoint of version %d, after %s of %s steps; %d updates after it were lost",
            begun.version,
            f"{begun.counters.steps:,}",
            f"{config.train.steps:,}",
            begun.counters.lost_updates,
        )
    judge = Judge(world, config, as_policy, kept)

    def judge_new() -> None:
        for snapshot in model.take_snapshots():
            point = judge(snapshot)
            if on_point:
                on_point(point)

    for point in judge.curve:
        if on_point and point.version < begun.version:
            on_point(point)
    judge_new()  # before the agents start: a curve that is gone on with has its first point, however soon a kill came
    prepared_seconds = time.perf_counter() - started
    failures: dict[int, BaseException] = {}
    while True:
        sound = [number for number in range(config.train.agents) if number not in failures]
        with _running(start_agents, play, sound, model) as agents:
            _follow(agents, model, judge_new, failures, progress)
        if len(failures) == config.train.agents:
            raise next(iter(failures.values()))
        state = model.state()
        if state.stopped or state.rollouts >= state.budget:
            break
        # The others had ended when an agent failed for good; what it left is still to be played.
    if judge.best is None or judge.best_weights is None:
        raise TrainingError(
            f"no checkpoint was reached: {sum(r.total() for r in state.counters.refused.values())} gradients were "
            f"refused, {state.version} applied, and train.checkpoint_every is {config.train.checkpoint_every}"
        )
    summary = summarise(config, state, judge, begun, prepared_seconds, failures)
    return Training(as_policy(judge.best_weights), judge.best, judge.curve, summary)


def _follow(
    agents: "dict[int, Future[Any]]",
    model: SharedModel,
    judge_new: Callable[[], None],
    failures: dict[int, BaseException],
    progress: Callable[[SharedModel], None] | None,
) -> None:
    """Judges new snapshots and tells progress until all agents have ended; adds those that failed to `failures`."""
    restarts = model.state().counters.restarts
    while True:
        # Asked before the snapshots are taken: what an agent pushed before it ended is then judged below.
        running = [future for future in agents.values() if not future.done()]
        for number, future in agents.items():
            if number not in failures and future.done() and (error := future.exception()):
                if not isinstance(error, Exception):
                    raise error  # an interrupt
                failures[number] = error
                log.error("local agent %d failed: %s", number, error)
                model.release(number)
        judge_new()
        state = model.state()
        if state.counters.restarts != restarts:
            restarts, lost = state.counters.restarts, state.counters.lost_updates
            log.warning("the global model died and went on from a checkpoint; %d updates are lost in all", lost)
        if progress:
            progress(model)
        if not running:
            return
        wait(running, POLL_SECONDS)


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


@contextmanager
def _running(
    launch: Launch, play: Play, numbers: Sequence[int], model: SharedModel
) -> Iterator["dict[int, Future[Any]]"]:
    """The agents' futures by number; however the block is left, on Ctrl-C too, every agent has ended when it is."""
    agents: dict[int, Future[Any]] = {}
    try:
        agents = dict(zip(numbers, launch(play, numbers), strict=True))
        yield agents
    except BaseException:
        model.stop()
        raise
    finally:
        wait(agents.values())


def _prepare(
    world: World, config: Config, center: Floats, scale: Floats
) -> tuple[Player, Callable[[Floats], A3CPolicy]]:
    """The functions to be compiled, and what makes a policy of flat weights."""
    player = Player(world, config.scenario, config.train, center, scale)
    scenario, catalogue = config.scenario, fingerprint(world, config.scenario.features)

    def as_policy(flat: Floats) -> A3CPolicy:
        weights = player.network.unflatten(flat, NUMPY)
        return A3CPolicy(player.network, weights, center, scale, scenario.observation, catalogue, scenario.features)

    return player, as_policy


def _play_here(player: Player, model: SharedModel, config: Config, number: int, tell: Callable[[int], None]) -> int:
    return run_local_agent(number, player, model, config, tell)


def summarise(
    config: Config,
    state: State,
    judge: Judge,
    begun: State,
    prepared_seconds: float,
    failures: dict[int, BaseException],
) -> dict[str, Any]:
    """What `training.json` holds; counts by agent have the agents' numbers as keys."""
    counters, best = state.counters, judge.best
    assert best is not None
    updates = max(state.version, 1)
    staleness = sorted(counters.staleness.items())
    return {
        "executor": config.train.executor,
        "synchronous": config.train.synchronous,
        "agents": config.train.agents,
        "steps": counters.steps,
        "steps_by_agent": _by_number(counters.steps_by_agent),
        "restarts_by_agent": _by_number({agent: starts - 1 for agent, starts in counters.starts_by_agent.items()}),
        "updates": state.version,
        "refused_by_agent": _by_number({agent: reasons.total() for agent, reasons in counters.refused.items()}),
        "refused": {f"local agent {agent}": told(reasons) for agent, reasons in sorted(counters.refused.items())},
        "failed_agents": _by_number({agent: str(error) for agent, error in failures.items()}),
        "discarded": counters.discarded,
        "global_model_restarts": counters.restarts,
        "lost_updates": counters.lost_updates,
        "resumed_from_version": begun.version if begun.rollouts else None,
        "seconds": counters.seconds,
        "prepared_seconds": prepared_seconds,
        "steps_per_second": counters.steps / max(counters.seconds, 1e-9),
        "updates_per_second": state.version / max(counters.seconds, 1e-9),
        "staleness": {str(versions): count for versions, count in staleness},
        "mean_staleness": sum(versions * count for versions, count in staleness) / updates,
        "apply_seconds": counters.apply_seconds,
        "lock_wait_seconds": counters.lock_wait_seconds,
        "wait_seconds": counters.wait_seconds,
        "confidence": CONFIDENCE,
        "best": best._asdict(),
        "final": judge.curve[-1]._asdict(),
    }


def _by_number(values: Any) -> dict[str, Any]:
    return {str(number): value for number, value in sorted(values.items())}
