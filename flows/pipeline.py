"""The flow that people run and schedule: DVC reproduces the stages of `dvc.yaml`, each in a task named after it.

`python -m flows.pipeline` and `dvc repro` do the same work, skip the same work and write the same `dvc.lock`.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import psutil
import typer
from dvc.dvcfile import PROJECT_FILE
from dvc.exceptions import DvcException, ReproductionError
from dvc.repo import Repo
from dvc.repo.reproduce import plan_repro
from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.runtime import task_run

from flows import summary
from flows.logs import set_up_logging
from flows.server import connect, environment, ui_url
from flows.stage import INTERRUPTED, PARENT
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
    with summary.record():
        if overrides:
            experiment(overrides)
            return
        with Repo() as repo:
            stages = stages_of(repo)
        for stage in stages:
            reproduce.with_options(name=stage, task_run_name=stage)(stage)


def stages_of(repo: Repo) -> list[str]:
    """The stages of `dvc.yaml` in an order in which they can run; other graphs of the project are left alone."""
    return [stage.addressing for stage in plan_repro(repo.index.graph) if stage.path_in_repo == PROJECT_FILE]


@task(cache_policy=NO_CACHE)
def reproduce(stage: str) -> None:
    """Has DVC reproduce one stage, if anything it depends on has changed.

    Raises:
        StageError: the stage failed.
        KeyboardInterrupt: the stage was interrupted. (While it runs, DVC lets the signal pass this process by.)
    """
    with _as_parent(), Repo(_wait_for_lock=True) as repo:
        try:
            done = repo.reproduce(stage, single_item=True)
        except ReproductionError as error:
            if summary.was_interrupted(str(error.__cause__)):
                raise KeyboardInterrupt from error
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
        KeyboardInterrupt: DVC was interrupted; it has put its own affairs in order then.
    """
    options = [part for override in overrides for part in ("-S", override)]
    with _as_parent(), subprocess.Popen([sys.executable, "-m", "dvc", "exp", "run", *options]) as dvc:
        interrupted = False
        while dvc.poll() is None:
            try:
                dvc.wait()
            except KeyboardInterrupt:
                interrupted = True
    if interrupted:
        raise KeyboardInterrupt
    if dvc.returncode:
        raise StageError(summary.error_of(None) or f"`dvc exp run {' '.join(options)}` failed: see above")


@contextmanager
def _as_parent() -> Iterator[None]:
    """Stages started inside become children of this task run, on this run's server."""
    with get_client(sync_client=True) as client:
        shared = {
            PARENT: str(task_run.id),
            "PREFECT_API_URL": str(client.api_url).rstrip("/"),
            "PREFECT_UI_URL": ui_url(),
            # Stages are started as `python -m flows.<stage>`: with this Python, whether or not its environment is
            # active.
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        }
    with environment(**shared):
        yield


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
    try:
        load_config()
        connect()
        with summary.record():
            state = pipeline(override, return_state=True)
            link = f"{ui_url()}/runs/flow-run/{state.state_details.flow_run_id}"
            state.result()
            summary.show(time.time() - psutil.Process().create_time(), link)
    except RlrecError as error:
        print(f"\nThe pipeline stopped. {error}\n", file=sys.stderr)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        print(f"\nThe pipeline was {INTERRUPTED}\n", file=sys.stderr)
        raise typer.Exit(130) from None


if __name__ == "__main__":
    typer.run(run)
