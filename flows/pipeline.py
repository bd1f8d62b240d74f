"""The flow that people run and schedule: DVC reproduces the stages of `dvc.yaml`, each in a task named after it.

`python -m flows.pipeline` and `dvc repro` do the same work, skip the same work and write the same `dvc.lock`.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import psutil
import typer
from dvc.exceptions import DvcException, ReproductionError
from dvc.repo import Repo
from dvc.repo.reproduce import plan_repro
from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.runtime import task_run

from flows import summary
from flows.server import ui_url, use_running_server
from flows.stage import PARENT, RECORD, set_up_logging
from rlrec.config import load_config
from rlrec.errors import RlrecError


class StageError(RlrecError):
    """A stage failed; the message is the stage's own."""


@flow(name="pipeline", flow_run_name="pipeline")
def pipeline(overrides: list[str] | None = None) -> None:
    """Runs what is not up to date, in the order of `dvc.yaml`.

    Args:
        overrides: parameters as in `dvc exp run -S`, e.g. `scenario.delta=-0.5`. Given any, the run is a DVC
            experiment, found again with `dvc exp show`.
    """
    if overrides:
        experiment(overrides)
        return
    with Repo() as repo:
        stages = [stage.addressing for stage in plan_repro(repo.index.graph)]
    for stage in stages:
        reproduce.with_options(name=stage, task_run_name=stage)(stage)


@task(cache_policy=NO_CACHE)
def reproduce(stage: str) -> None:
    """Has DVC reproduce one stage, if anything it depends on has changed.

    Raises:
        StageError: the stage failed.
    """
    with _as_parent(), Repo(_wait_for_lock=True) as repo:
        try:
            done = repo.reproduce(stage, single_item=True)
        except ReproductionError as error:
            raise StageError(f"{stage}: {summary.error_of(stage) or error.__cause__ or error}") from error
        except DvcException as error:
            raise StageError(f"{stage}: DVC says: {error}") from error
    if not done:
        summary.note_unchanged(stage)


@task(cache_policy=NO_CACHE)
def experiment(overrides: list[str]) -> None:
    """Has DVC run the whole graph with other parameters, as an experiment.

    Raises:
        StageError: a stage failed, or a parameter is unknown.
    """
    options = [part for override in overrides for part in ("-S", override)]
    with _as_parent():
        ended = subprocess.run([sys.executable, "-m", "dvc", "exp", "run", *options], check=False)
    if ended.returncode:
        raise StageError(summary.error_of(None) or f"`dvc exp run {' '.join(options)}` failed: see above")


@contextmanager
def _as_parent() -> Iterator[None]:
    """Stages started inside become children of this task run, on this run's server."""
    with get_client(sync_client=True) as client:
        shared = {
            PARENT: str(task_run.id),
            "PREFECT_API_URL": str(client.api_url).rstrip("/"),
            "PREFECT_UI_URL": ui_url(),  # links that hold: the temporary server has no UI, and is gone afterwards
        }
    before = {name: os.environ.get(name) for name in shared}
    os.environ.update(shared)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})


def run(
    override: Annotated[
        list[str] | None,
        typer.Option("--set", "-S", metavar="PATH=VALUE", help="Run as a DVC experiment with another parameter."),
    ] = None,
) -> None:
    """Runs the whole pipeline: data, validation, world, A3C training, evaluation, comparison, report.

    What is up to date is skipped. Settings are in params.yaml.
    """
    set_up_logging()
    # Stages are started as `python -m flows.<stage>`: with this Python, whether or not its environment is active.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    with tempfile.TemporaryDirectory(prefix="rlrec-") as folder:
        os.environ[RECORD] = str(Path(folder) / "stages.jsonl")
        try:
            load_config()
            use_running_server()
            state = pipeline(override, return_state=True)
            link = f"{ui_url()}/runs/flow-run/{state.state_details.flow_run_id}"
            state.result()
        except RlrecError as error:
            print(f"\nThe pipeline stopped. {error}\n", file=sys.stderr)
            raise typer.Exit(1) from error
        except KeyboardInterrupt:
            print("\nInterrupted; what was there before is untouched. Run it again.\n", file=sys.stderr)
            raise typer.Exit(130) from None
        summary.show(time.time() - psutil.Process().create_time(), link)


if __name__ == "__main__":
    typer.run(run)
