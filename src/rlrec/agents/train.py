"""Training from a world to a policy: local agents around one global model, whoever dies on the way.

`assemble` makes all that a training needs, `run` trains; `train` does both.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rlrec.agents.agent import Agent
from rlrec.agents.distributed import ray as cluster
from rlrec.agents.distributed.checkpoints import Checkpoints, identity_of
from rlrec.agents.distributed.messages import SharedModel, State, in_words
from rlrec.agents.distributed.model import GlobalModel
from rlrec.agents.distributed.threads import in_threads, limit_threads
from rlrec.agents.distributed.worker import Tell, compile_functions, run_local_agent
from rlrec.agents.judge import Judge
from rlrec.agents.jury import jury_of
from rlrec.agents.registry import make_agent
from rlrec.agents.results import CurvePoint, TrainingSummary
from rlrec.errors import TrainingError
from rlrec.policies.scored import NetworkPolicy
from rlrec.settings.config import Job
from rlrec.statistics.intervals import CONFIDENCE
from rlrec.worlds.world import World

log = logging.getLogger(__name__)

RunAgent = Callable[[int, Tell], int]
"""Runs the local agent of a number until the budget is spent, telling the steps of each gradient; returns its steps."""
Launch = Callable[[RunAgent, Sequence[int]], Sequence["Future[Any]"]]
"""Runs `RunAgent` for each of the local agents at once; the futures raise what an agent raised."""
MakeAgent = Callable[[World, Job], Agent]

POLL_SECONDS = 0.1


@dataclass
class Assembly:
    """All that a training needs, ready to start.

    Attributes:
        job: what is trained, and how.
        agent: the algorithm.
        model: the global model, at version 0 or where an interrupted training had got to.
        run_agent: runs a local agent.
        launch: runs several.
        judge: of snapshots.
        begun: the model's state before the first gradient.
        seconds: that assembling took.
    """

    job: Job
    agent: Agent
    model: SharedModel
    run_agent: RunAgent
    launch: Launch
    judge: Judge
    begun: State
    seconds: float


@dataclass
class Training:
    """What a training gave."""

    policy: NetworkPolicy
    best: CurvePoint
    summary: TrainingSummary
    curve: list[CurvePoint] = field(default_factory=list)


def train(
    world: World,
    job: Job,
    *,
    launch: Launch | None = None,
    progress: Callable[[SharedModel], None] | None = None,
    on_point: Callable[[CurvePoint], None] | None = None,
    checkpoints: Path | None = None,
    make: MakeAgent = make_agent,
) -> Training:
    """Trains a policy with local agents in parallel.

    Checkpoints are taken at fixed versions and judged, while the agents go on, by the mean return of the policy over
    the world's validation users. With one agent, equal seeds give equal weights.

    Agents that fail are named in the summary and the others go on; what they had not done is done by these.

    Args:
        world: its training users are played, its validation users judge.
        job: what is trained, and how.
        launch: see `assemble`.
        progress: see `run`.
        on_point: see `run`.
        checkpoints: see `assemble`.
        make: see `assemble`.

    Raises:
        TrainingError: all agents failed, or every gradient was refused.
        WorldError: the world cannot play the scenario.
        ConfigError: `executor` is `ray`, which is not installed or cannot be reached.
    """
    assembly = assemble(world, job, launch=launch, checkpoints=checkpoints, make=make)
    return run(assembly, progress=progress, on_point=on_point)


def assemble(
    world: World,
    job: Job,
    *,
    launch: Launch | None = None,
    checkpoints: Path | None = None,
    make: MakeAgent = make_agent,
) -> Assembly:
    """Makes the algorithm, compiles it, and starts the global model.

    Args:
        world: as for `train`.
        job: likewise.
        launch: how local agents are run; threads of this process, or with `executor: ray` tasks of Ray, where absent.
        checkpoints: folder of this training's checkpoints. If it was interrupted before, it goes on from the newest.
        make: makes the algorithm.

    Raises:
        WorldError: see `train`.
        TrainingError: the global model does not start.
    """
    started = time.perf_counter()
    on_ray = job.training.executor == "ray"
    limit_threads(1 if on_ray else job.training.agents)
    agent = make(world, job)
    initial = agent.initial()
    weights = initial()
    kept = Checkpoints(checkpoints.resolve(), identity_of(world, job, len(weights))) if checkpoints else None
    if kept and kept.newest() is None:
        kept.clear()
    log.info("%s weights, %s movies, %s agents", f"{len(weights):,}", f"{world.n_movies:,}", job.training.agents)
    model: SharedModel
    run_agent: RunAgent
    if on_ray:
        model = cluster.start_global_model(initial, job, agent.steps, kept)
        run_agent, usual = cluster.RemoteAgent(world, job, model, make), cluster.as_ray_tasks
    else:
        model = GlobalModel(weights, job, agent.steps, kept)
        compile_functions(agent)  # before the local agents start, since they share the functions
        run_agent, usual = _here(agent, model, job), in_threads
    begun = model.state()
    if begun.arrived:
        log.info(
            "going on from the checkpoint of version %d, after %s of %s steps; %d updates after it were lost",
            begun.version,
            f"{begun.counters.steps:,}",
            f"{job.training.steps:,}",
            begun.counters.lost_updates,
        )
    judge = Judge(jury_of(world, job), agent.policy, kept, warm=agent.warm, doubt=agent.doubt)
    return Assembly(job, agent, model, run_agent, launch or usual, judge, begun, time.perf_counter() - started)


def run(
    assembly: Assembly,
    *,
    progress: Callable[[SharedModel], None] | None = None,
    on_point: Callable[[CurvePoint], None] | None = None,
) -> Training:
    """Trains until the budget is spent.

    Args:
        assembly: from `assemble`.
        progress: called about ten times a second.
        on_point: called with each point of the learning curve, with those from before an interruption first.

    Raises:
        TrainingError: see `train`.
    """
    started = time.perf_counter()
    model, judge, agents = assembly.model, assembly.judge, assembly.job.training.agents

    def judge_new() -> None:
        for snapshot in model.take_snapshots():
            point = judge(snapshot)
            if on_point:
                on_point(point)

    for point in judge.curve:
        if on_point and point.version < assembly.begun.version:
            on_point(point)
    judge_new()  # before the agents start: a curve that is gone on with has its first point, however soon a kill came
    prepared_seconds = assembly.seconds + time.perf_counter() - started
    failures: dict[int, BaseException] = {}
    while True:
        sound = [number for number in range(agents) if number not in failures]
        with _running(assembly.launch, assembly.run_agent, sound, model) as running:
            _follow(running, model, judge_new, failures, progress)
        if len(failures) == agents:
            raise next(iter(failures.values()))
        state = model.state()
        if state.stopped or state.arrived >= state.budget:
            break
        # The others had ended when an agent failed for good; what it left is still to be done.
    if judge.best is None or judge.best_weights is None:
        raise TrainingError(
            f"no checkpoint was reached: {sum(r.total() for r in state.counters.refused.values())} gradients were "
            f"refused, {state.version} applied, and training.checkpoint_every is "
            f"{assembly.job.training.checkpoint_every}"
        )
    summary = summarise(assembly, state, prepared_seconds, failures)
    return Training(assembly.agent.policy(judge.best_weights), judge.best, summary, judge.curve)


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


@contextmanager
def _running(
    launch: Launch, run_agent: RunAgent, numbers: Sequence[int], model: SharedModel
) -> Iterator["dict[int, Future[Any]]"]:
    """The agents' futures by number; however the block is left, on Ctrl-C too, every agent has ended when it is."""
    agents: dict[int, Future[Any]] = {}
    try:
        agents = dict(zip(numbers, launch(run_agent, numbers), strict=True))
        yield agents
    except BaseException:
        model.stop()
        raise
    finally:
        wait(agents.values())


def _here(agent: Agent, model: SharedModel, job: Job) -> RunAgent:
    """Runs local agents in this process."""

    def run_agent(number: int, tell: Tell) -> int:
        return run_local_agent(number, agent, model, job.seed, tell)

    return run_agent


def summarise(
    assembly: Assembly, state: State, prepared_seconds: float, failures: dict[int, BaseException]
) -> TrainingSummary:
    """What is told of a training that has ended."""
    job, counters, judge = assembly.job, state.counters, assembly.judge
    assert judge.best is not None
    updates = max(state.version, 1)
    staleness = sorted(counters.staleness.items())
    return TrainingSummary(
        learner=job.name,
        algorithm=job.learner.algorithm,
        label=job.learner.label or assembly.agent.label,
        learns_from=job.learner.learns_from,
        executor=job.training.executor,
        synchronous=job.learner.synchronous,
        agents=job.training.agents,
        steps=counters.steps,
        steps_by_agent=_by_number(counters.steps_by_agent),
        restarts_by_agent=_by_number({agent: starts - 1 for agent, starts in counters.starts_by_agent.items()}),
        updates=state.version,
        refused_by_agent=_by_number({agent: reasons.total() for agent, reasons in counters.refused.items()}),
        refused={f"local agent {agent}": in_words(reasons) for agent, reasons in sorted(counters.refused.items())},
        failed_agents=_by_number({agent: str(error) for agent, error in failures.items()}),
        discarded=counters.discarded,
        global_model_restarts=counters.restarts,
        lost_updates=counters.lost_updates,
        resumed_from_version=assembly.begun.version if assembly.begun.arrived else None,
        seconds=counters.seconds,
        prepared_seconds=prepared_seconds,
        steps_per_second=counters.steps / max(counters.seconds, 1e-9),
        updates_per_second=state.version / max(counters.seconds, 1e-9),
        staleness={str(versions): count for versions, count in staleness},
        mean_staleness=sum(versions * count for versions, count in staleness) / updates,
        apply_seconds=counters.apply_seconds,
        lock_wait_seconds=counters.lock_wait_seconds,
        wait_seconds=counters.wait_seconds,
        confidence=CONFIDENCE,
        best=judge.best,
        final=judge.curve[-1],
    )


def _by_number(values: Any) -> dict[str, Any]:
    return {str(number): value for number, value in sorted(values.items())}
