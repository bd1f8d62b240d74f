"""The stage `train`: local agents as tasks, each a task run of its own, around one global model."""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, nullcontext, suppress
from contextvars import copy_context
from pathlib import Path
from typing import Any
from uuid import UUID

import pandas as pd
import tensorflow as tf
from prefect import State as RunState
from prefect import Task, task
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import TaskRun
from prefect.futures import PrefectConcurrentFuture
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from rlrec.agents.distributed import ray as cluster
from rlrec.agents.distributed.checkpoints import Checkpoints
from rlrec.agents.distributed.messages import SharedModel
from rlrec.agents.results import CurvePoint, TrainingSummary, curve_rows
from rlrec.agents.train import Launch, RunAgent, Training, train
from rlrec.errors import AgentError, ConfigError, WriteError
from rlrec.policies.saved import save_policy
from rlrec.settings.config import Config, Job, TrainingConfig
from rlrec.storage.files import atomic_folder, write_together
from rlrec.storage.json_files import to_json
from rlrec.worlds.world import World
from tasks.artifacts import publish_table, tell_server
from tasks.paths import WORLD, LearnerPaths
from tasks.progress import progress_bar

log = logging.getLogger(__name__)

TELL_EVERY_SECONDS = 5.0
_LAST_WORD_SECONDS = 10.0
_RETRIES = 3


@contextmanager
def task_runner(config: Config) -> Iterator[TaskRunner[Any]]:
    """What runs the local agents of `training.executor`; with Ray, as long as the block lasts.

    Raises:
        ConfigError: Ray is not installed or cannot be reached, or its nodes cannot reach the Prefect API.
    """
    if config.training.executor == "threads":
        yield ThreadPoolTaskRunner()
        return
    with get_client(sync_client=True) as client:
        url = str(client.api_url).rstrip("/")
    variables = {"PREFECT_API_URL": url, "DO_NOT_TRACK": "1"}
    with cluster.connected(config.training, [Path(__file__).resolve().parent], variables):
        try:
            from prefect_ray import RayTaskRunner
        except ImportError as error:
            raise ConfigError("training.executor is ray, which needs prefect-ray: pip install 'rlrec[ray]'") from error
        log.info("checking that all nodes of the Ray cluster reach the Prefect API at %s", url)
        cluster.check_nodes(f"{url}/health")
        yield RayTaskRunner()


def train_learner(job: Job) -> None:
    """Trains a learner and writes its policy and its curve. Called in a flow, whose task runner runs the agents."""
    world, paths = World.load(WORLD), LearnerPaths(job.name)
    with atomic_folder(paths.tensorboard) as events, progress_bar(f"training {job.name}") as advance:
        writer = tf.summary.create_file_writer(str(events))

        def follow(model: SharedModel) -> None:
            state = model.state()
            counters = state.counters
            figures = list(state.latest.figures.items())[:2] if state.latest else []
            told = "".join(f", {name.replace('_', ' ')} {value:.3g}" for name, value in figures)
            rate = counters.steps / max(counters.seconds, 1e-9)
            note = f"{counters.steps:,} steps, {rate:,.0f}/s, {job.training.agents} agents{told}"
            advance(counters.steps, job.training.steps, note)

        def record(point: CurvePoint) -> None:
            with _writing_events(paths), writer.as_default():
                for name, value in point.row().items():
                    tf.summary.scalar(name, value, step=point.steps)
            earned = next(iter(point.figures.values()), None)
            played = "" if earned is None or math.isnan(earned) else f" {earned:.2f} in training,"
            log.info(
                "%10s steps: return%s %.2f on validation users", f"{point.steps:,}", played, point.validation_return
            )

        training = train(
            world, job, launch=_as_tasks(job.training), progress=follow, on_point=record, checkpoints=paths.checkpoints
        )
        with _writing_events(paths):
            writer.close()
        _write(training, paths)
    _publish(training)
    Checkpoints(paths.checkpoints, "").clear()  # this training has ended: the next one starts from zero
    with suppress(OSError):  # another learner's are there
        paths.checkpoints.parent.rmdir()


@contextmanager
def _writing_events(paths: LearnerPaths) -> Iterator[None]:
    """TensorFlow's own error where the disk is full says the same with the names of its kernels."""
    try:
        yield
    except tf.errors.OpError as error:
        reason = error.message.partition("; ")[2].partition("\n")[0]
        raise WriteError(f"cannot write {paths.tensorboard}: {reason or error.message}") from error


def _write(training: Training, paths: LearnerPaths) -> None:
    """Writes all that training gives but the events; where the disk is full, what was there before stays."""
    summary = training.summary
    headline = {
        "validation_return": training.best.validation_return,
        "steps": summary.steps,
        "steps_per_second": round(summary.steps_per_second),
    }
    with atomic_folder(paths.model) as folder:
        save_policy(training.policy, folder)
        write_together(
            {
                paths.curve: pd.DataFrame(curve_rows(training.curve)).to_csv(index=False).encode(),
                paths.training: to_json(summary),
                paths.metrics: to_json(headline),
            }
        )


def _publish(training: Training) -> None:
    summary, best = training.summary, training.best
    publish_table("training", summary.label, [{"figure": name, "value": getattr(summary, name)} for name in _SHOWN])
    publish_table("learning-curve", f"{summary.label}: learning curve", curve_rows(training.curve))
    publish_table("agents", "Local agents", agent_rows(summary))
    publish_table("staleness", "Staleness", [{"versions": k, "updates": n} for k, n in summary.staleness.items()])
    log.info(
        "best: version %d after %s steps, %.2f [%.2f, %.2f]",
        best.version,
        f"{best.steps:,}",
        best.validation_return,
        best.validation_ci_low,
        best.validation_ci_high,
    )
    for agent, refused in summary.refused.items():
        log.warning("%s: %s of its gradients were refused", agent, refused)


_SHOWN = (
    *("executor", "steps", "updates", "seconds", "steps_per_second", "updates_per_second", "mean_staleness"),
    *("apply_seconds", "lock_wait_seconds", "wait_seconds", "global_model_restarts", "lost_updates", "discarded"),
    "resumed_from_version",
)


def agent_rows(summary: TrainingSummary) -> list[dict[str, Any]]:
    """One row an agent: what it played, how often it was started again, what was refused, and why it was stopped."""
    return [
        {
            "agent": agent,
            "steps": summary.steps_by_agent.get(agent, 0),
            "restarts": summary.restarts_by_agent.get(agent, 0),
            "refused": summary.refused.get(f"local agent {agent}", "none"),
            "error": summary.failed_agents.get(agent, ""),
        }
        for agent in map(str, range(summary.agents))
    ]


def _worth_a_retry(task: Task[..., Any], run: TaskRun, state: RunState[Any]) -> bool:
    """An agent that was stopped for what it sent would be stopped again, and a full disk does not empty itself."""
    try:
        state.result()
    except (AgentError, WriteError):
        return False
    except Exception:
        pass
    return True


@task(
    name="local agent",
    task_run_name="local agent {number}",
    cache_policy=NO_CACHE,
    retries=_RETRIES,
    retry_condition_fn=_worth_a_retry,
)
def local_agent(number: int, run: RunAgent, budget: int) -> int:
    """One local agent; its progress artifact shows its part of the budget of steps.

    Args:
        number: of the agent.
        run: runs the agent; it is given the number and what to call with the steps of each gradient.
        budget: steps of all agents together.

    Returns:
        Steps played.
    """
    title = f"Agent {number}: share of all steps"
    show = _showing(tell_server(lambda: create_progress_artifact(0.0, key=f"local-agent-{number}", description=title)))
    played, told = 0, time.monotonic()

    def advance(steps: int) -> None:
        nonlocal played, told
        played += steps
        if time.monotonic() - told >= TELL_EVERY_SECONDS:
            told = time.monotonic()
            show(100 * played / budget, 0.0)

    total = run(number, advance)
    show(100 * total / budget, _LAST_WORD_SECONDS)
    return total


def _showing(artifact: Any) -> Callable[[float, float], None]:
    """Gives what brings a progress artifact up to date, in the background: an agent waits for no server.

    It is called with per cent, and with the seconds that it may take until they are shown.
    """
    telling: threading.Thread | None = None

    def show(percent: float, seconds: float) -> None:
        nonlocal telling
        if telling:
            telling.join(seconds)
        if not isinstance(artifact, UUID) or (telling and telling.is_alive()):
            return

        def tell() -> None:
            tell_server(lambda: update_progress_artifact(artifact, percent), patience=0)

        telling = threading.Thread(target=copy_context().run, args=(tell,), daemon=True)
        telling.start()
        telling.join(seconds)

    return show


def _as_tasks(training: TrainingConfig) -> Launch:
    """Launches local agents as tasks of the flow's task runner."""

    def launch(run: RunAgent, numbers: Sequence[int]) -> Sequence["Future[Any]"]:
        with _remote_options(training):
            return [_future(local_agent.submit(number, run, training.steps)) for number in numbers]

    return launch


def _remote_options(training: TrainingConfig) -> Any:
    if training.executor == "threads":
        return nullcontext()
    from prefect_ray.context import remote_options

    return remote_options(**cluster.AGENT_OPTIONS)


def _future(submitted: Any) -> "Future[Any]":
    """A plain future that raises what the task raised; Prefect's own holds a state, and Ray's a reference to one."""
    running = submitted.wrapped_future
    if not isinstance(submitted, PrefectConcurrentFuture):
        running = running.future()
    outcome: Future[Any] = Future()

    def settle(done: "Future[Any]") -> None:
        try:
            outcome.set_result(done.result().result())
        except BaseException as error:
            outcome.set_exception(error)

    running.add_done_callback(settle)
    return outcome
