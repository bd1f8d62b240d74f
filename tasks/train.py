"""The stage `train`: local agents as tasks, each a task run of its own, around one global model."""

import logging
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, nullcontext
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
from rlrec.agents.judge import CurvePoint
from rlrec.agents.train import Launch, Play, Training, train
from rlrec.errors import AgentError, ConfigError, WriteError
from rlrec.policies.saved import save_policy
from rlrec.reporting.asynchrony import asynchrony_figure
from rlrec.reporting.figures import learning_curve
from rlrec.reporting.style import render
from rlrec.settings.config import Config
from rlrec.storage.files import atomic_folder, write_together
from rlrec.worlds.world import World
from tasks.artifacts import publish_figure, publish_table, to_json
from tasks.paths import (
    ASYNCHRONY_FIGURE,
    CHECKPOINTS,
    CURVE,
    CURVE_FIGURE,
    MODEL,
    TENSORBOARD,
    TRAIN_METRICS,
    TRAINING,
    WORLD,
)
from tasks.progress import progress_bar

log = logging.getLogger(__name__)

TELL_EVERY_SECONDS = 5.0
_RETRIES = 3


@contextmanager
def task_runner(config: Config) -> Iterator[TaskRunner[Any]]:
    """What runs the local agents of `train.executor`; with Ray, as long as the block lasts.

    Raises:
        ConfigError: Ray is not installed or cannot be reached, or its nodes cannot reach the Prefect API.
    """
    if config.train.executor == "threads":
        yield ThreadPoolTaskRunner()
        return
    with get_client(sync_client=True) as client:
        url = str(client.api_url).rstrip("/")
    variables = {"PREFECT_API_URL": url, "DO_NOT_TRACK": "1"}
    with cluster.connected(config, [Path(__file__).resolve().parent], variables):
        try:
            from prefect_ray import RayTaskRunner
        except ImportError as error:
            raise ConfigError("train.executor is ray, which needs prefect-ray: pip install 'rlrec[ray]'") from error
        log.info("checking that all nodes of the Ray cluster reach the Prefect API at %s", url)
        cluster.check_nodes(f"{url}/health")
        yield RayTaskRunner()


def train_agents(config: Config) -> None:
    """Trains the policy and writes it with its learning curve. Called in a flow, whose task runner runs the agents."""
    world = World.load(WORLD)
    with atomic_folder(TENSORBOARD) as events, progress_bar("training") as advance:
        writer = tf.summary.create_file_writer(str(events))

        def follow(model: SharedModel) -> None:
            state = model.state()
            counters, latest = state.counters, state.latest
            earned = f", return {latest.mean_return:.1f}, CTR {latest.ctr:.3f}" if latest else ""
            rate = counters.steps / max(counters.seconds, 1e-9)
            note = f"{counters.steps:,} steps, {rate:,.0f}/s, {config.train.agents} agents{earned}"
            advance(counters.steps, config.train.steps, note)

        def record(point: CurvePoint) -> None:
            with _writing_events(), writer.as_default():
                for name, value in point._asdict().items():
                    tf.summary.scalar(name, value, step=point.steps)
            log.info(
                "%10s steps: return %.2f in training, %.2f on validation users",
                f"{point.steps:,}",
                point.mean_return,
                point.validation_return,
            )

        launch = _as_tasks(config)
        training = train(world, config, launch=launch, progress=follow, on_point=record, checkpoints=CHECKPOINTS)
        with _writing_events():
            writer.close()
        _write(training)
    _publish(training)
    Checkpoints(CHECKPOINTS, "").clear()  # this training has ended: the next one starts from zero


@contextmanager
def _writing_events() -> Iterator[None]:
    """TensorFlow's own error where the disk is full says the same with the names of its kernels."""
    try:
        yield
    except tf.errors.OpError as error:
        reason = error.message.partition("; ")[2].partition("\n")[0]
        raise WriteError(f"cannot write {TENSORBOARD}: {reason or error.message}") from error


def _write(training: Training) -> None:
    """Writes all that training gives but the events; where the disk is full, what was there before stays."""
    curve, summary = pd.DataFrame(training.curve), training.summary
    headline = {
        "validation_return": training.best.validation_return,
        "steps": summary["steps"],
        "steps_per_second": round(summary["steps_per_second"]),
    }
    with atomic_folder(MODEL) as folder:
        save_policy(training.policy, folder)
        write_together(
            {
                CURVE: curve.to_csv(index=False).encode(),
                TRAINING: to_json(summary),
                TRAIN_METRICS: to_json(headline),
                CURVE_FIGURE: render(learning_curve(curve), "png"),
                ASYNCHRONY_FIGURE: render(asynchrony_figure(summary), "png"),
            }
        )


def _publish(training: Training) -> None:
    summary, best = training.summary, training.best
    publish_table("training", "Training", [{"figure": name, "value": summary[name]} for name in _SHOWN])
    publish_table("agents", "Local agents", agent_rows(summary))
    publish_table("staleness", "Staleness", [{"versions": k, "updates": n} for k, n in summary["staleness"].items()])
    publish_figure("learning-curve", "Learning curve", CURVE_FIGURE)
    publish_figure("asynchrony", "Asynchrony", ASYNCHRONY_FIGURE)
    interval = best.validation_ci_low, best.validation_ci_high
    log.info(
        "best: version %d after %s steps, %.2f [%.2f, %.2f]",
        best.version,
        f"{best.steps:,}",
        best.validation_return,
        *interval,
    )
    for agent, refused in summary["refused"].items():
        log.warning("%s: %s of its gradients were refused", agent, refused)


_SHOWN = (
    *("executor", "steps", "updates", "seconds", "steps_per_second", "updates_per_second", "mean_staleness"),
    *("apply_seconds", "lock_wait_seconds", "wait_seconds", "global_model_restarts", "lost_updates", "discarded"),
    "resumed_from_version",
)


def agent_rows(summary: dict[str, Any]) -> list[dict[str, Any]]:
    """One row an agent: what it played, how often it was started again, what was refused, and why it was stopped."""
    return [
        {
            "agent": agent,
            "steps": summary["steps_by_agent"].get(agent, 0),
            "restarts": summary["restarts_by_agent"].get(agent, 0),
            "refused": summary["refused"].get(f"local agent {agent}", "none"),
            "error": summary["failed_agents"].get(agent, ""),
        }
        for agent in map(str, range(summary["agents"]))
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
def local_agent(number: int, play: Play, budget: int) -> int:
    """One local agent; its progress artifact shows its part of the budget of steps.

    Args:
        number: of the agent.
        play: runs the agent; it is given the number and what to call with the steps of each rollout.
        budget: steps of all agents together.

    Returns:
        Steps played.
    """
    shown = create_progress_artifact(
        0.0, key=f"local-agent-{number}", description=f"Agent {number}: share of all steps"
    )
    assert isinstance(shown, UUID)  # a coroutine only in async code
    played, told = 0, time.monotonic()

    def advance(steps: int) -> None:
        nonlocal played, told
        played += steps
        if time.monotonic() - told >= TELL_EVERY_SECONDS:
            told = time.monotonic()
            update_progress_artifact(shown, 100 * played / budget)

    total = play(number, advance)
    update_progress_artifact(shown, 100 * total / budget)
    return total


def _as_tasks(config: Config) -> Launch:
    """Launches local agents as tasks of the flow's task runner."""

    def launch(play: Play, numbers: Sequence[int]) -> Sequence["Future[Any]"]:
        with _remote_options(config):
            return [_future(local_agent.submit(number, play, config.train.steps)) for number in numbers]

    return launch


def _remote_options(config: Config) -> Any:
    if config.train.executor == "threads":
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
