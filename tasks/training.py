"""The stage `train`: local agents as tasks, each a task run of its own, around one global model."""

import logging
import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any
from uuid import UUID

import pandas as pd
import tensorflow as tf
from prefect import task
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectConcurrentFuture, PrefectFuture

from rlrec.a3c.global_model import GlobalModel
from rlrec.a3c.policy import save_policy
from rlrec.a3c.train import CurvePoint, Launch, Play, Training, train
from rlrec.config import Config
from rlrec.files import atomic_folder, write_atomically
from rlrec.reporting.figures import learning_curve, save
from rlrec.simulator.world import World
from tasks.artifacts import publish_figure, publish_table, to_json
from tasks.paths import CURVE, CURVE_FIGURE, MODEL, TENSORBOARD, TRAIN_METRICS, TRAINING, WORLD
from tasks.progress import progress_bar

log = logging.getLogger(__name__)

TELL_EVERY_SECONDS = 5.0


def train_agents(config: Config) -> None:
    """Trains the policy and writes it with its learning curve. Called in a flow, whose task runner runs the agents."""
    world = World.load(WORLD)
    with atomic_folder(TENSORBOARD) as events, progress_bar("training") as advance:
        writer = tf.summary.create_file_writer(str(events))

        def follow(model: GlobalModel) -> None:
            counters, latest = model.counters, model.latest
            earned = f", return {latest.mean_return:.1f}, CTR {latest.ctr:.3f}" if latest else ""
            rate = counters.steps / max(counters.seconds, 1e-9)
            note = f"{counters.steps:,} steps, {rate:,.0f}/s, {config.train.agents} agents{earned}"
            advance(counters.steps, config.train.steps, note)

        def record(point: CurvePoint) -> None:
            with writer.as_default():
                for name, value in point._asdict().items():
                    tf.summary.scalar(name, value, step=point.steps)
            log.info(
                "%10s steps: return %.2f in training, %.2f on validation users",
                f"{point.steps:,}",
                point.mean_return,
                point.validation_return,
            )

        training = train(world, config, launch=_as_tasks(config.train.steps), progress=follow, on_point=record)
        writer.close()
    _write(training)


def _write(training: Training) -> None:
    curve, summary = pd.DataFrame(training.curve), training.summary
    write_atomically(CURVE, curve.to_csv(index=False).encode())
    write_atomically(TRAINING, to_json(summary))
    headline = {
        "validation_return": training.best.validation_return,
        "steps": summary["steps"],
        "steps_per_second": round(summary["steps_per_second"]),
    }
    write_atomically(TRAIN_METRICS, to_json(headline))
    save(learning_curve(curve), CURVE_FIGURE)
    with atomic_folder(MODEL) as folder:
        save_policy(training.policy, folder)
    shown = ("steps", "updates", "seconds", "steps_per_second", "mean_staleness", "apply_seconds", "lock_wait_seconds")
    publish_table("training", "Training", [{"figure": name, "value": summary[name]} for name in shown])
    publish_figure("learning-curve", "Learning curve", CURVE_FIGURE)
    best = training.best
    log.info("best: version %d after %s steps, %.2f", best.version, f"{best.steps:,}", best.validation_return)


@task(name="local agent", task_run_name="local agent {number}", cache_policy=NO_CACHE)
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


def _as_tasks(budget: int) -> Launch:
    """Launches local agents as tasks of the flow's task runner."""

    def launch(play: Play, agents: int) -> Sequence["Future[Any]"]:
        return [_future(local_agent.submit(number, play, budget)) for number in range(agents)]

    return launch


def _future(submitted: PrefectFuture[int]) -> "Future[Any]":
    """A plain future that raises what the task raised; Prefect's own holds a state."""
    assert isinstance(submitted, PrefectConcurrentFuture)  # what the thread task runner gives
    outcome: Future[Any] = Future()

    def settle(done: "Future[Any]") -> None:
        try:
            outcome.set_result(done.result().result())
        except BaseException as error:
            outcome.set_exception(error)

    submitted.wrapped_future.add_done_callback(settle)
    return outcome
