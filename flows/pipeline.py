"""The flow that people run and schedule: DVC reproduces the stages of `dvc.yaml`, each in a task named after it.

`python -m flows.pipeline` and `dvc repro` do the same work, skip the same work and write the same `dvc.lock`.
"""

import itertools
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import psutil
import typer
from dvc.dvcfile import PROJECT_FILE
from dvc.exceptions import DvcException, ReproductionError
from dvc.repo import Repo
from dvc.repo.reproduce import plan_repro
from prefect import State, flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.runtime import flow_run, task_run
from prefect.states import Failed
from pydantic import Field

from flows.running import summary, turn
from flows.running.ending import in_thread, obeying
from flows.running.keeping import kept, leave_if_lost, outliving_the_server
from flows.running.ledger import close_dead_runs, noted
from flows.running.logs import TOLD_AT_THE_END, set_up_logging
from flows.running.recovery import raising_what_dvc_logs, recover
from flows.running.repository import repository
from flows.running.runs import StageError, put_back, run_experiment, save_run
from flows.running.server import connect, environment, ui_url
from flows.running.stage import INTERRUPTED, PARENT, PIPELINE_RUN
from rlrec.errors import RlrecError
from rlrec.settings.dataset import DataConfig
from rlrec.settings.overrides import check_overrides
from rlrec.settings.sections import DatasetName
from rlrec.storage.files import writing
from tasks.artifacts import tell_server

SETTINGS = {
    "dataset": "data.name",
    "delta": "scenario.delta",
    "slate_size": "scenario.slate_size",
    "agents": "training.agents",
    "steps": "training.steps",
    "seed": "seed",
    "executor": "training.executor",
}
"""By parameter of the flow, the setting that it overrides."""


_ended: list[str] = []
"""Runs that this process has made; what is left then is that the server hears of it."""


def _run_name() -> str:
    given = flow_run.get_parameters() or {}
    changed = overrides_of({name: given.get(name) for name in SETTINGS}, given.get("overrides"))
    return " ".join(["pipeline", *changed])


@flow(name="pipeline", flow_run_name=_run_name)
def pipeline(
    dataset: DatasetName | None = None,
    delta: Annotated[float, Field(ge=-1, le=10)] | None = None,
    slate_size: Annotated[int, Field(ge=1, le=100)] | None = None,
    agents: Annotated[int, Field(ge=1, le=64)] | None = None,
    steps: Annotated[int, Field(ge=1, le=10**12)] | None = None,
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] | None = None,
    executor: Literal["threads", "ray"] | None = None,
    overrides: list[str] | None = None,
) -> State[Any] | None:
    """Runs what is not up to date, in the order of `dvc.yaml`.

    Whatever is left empty is as in params.yaml. Given any of these, the run is a DVC experiment, found again with
    `dvc exp show`.

    Args:
        dataset: Ratings that the simulated users are fitted to (`data.name`).
        delta: Growth of a genre affinity per liked movie, from -1 to 10: above 0 users get addicted, below 0 bored, at
            0 they stay as they are (`scenario.delta`).
        slate_size: K, movies recommended at each step of training, from 1 to 100 (`scenario.slate_size`).
        agents: Local agents that train in parallel, one a core, from 1 to 64 (`training.agents`).
        steps: Budget of environment steps over all agents (`training.steps`).
        seed: Every random draw is derived from it, from 0 to 4294967295 (`seed`).
        executor: What runs the local agents: threads of one process, or a Ray cluster (`training.executor`).
        overrides: Any other settings of `params.yaml`, one `path=value` each, e.g. `learners.a3c.gamma=0.5`. They are
            checked before anything starts.
    """
    set_up_logging()
    log = get_run_logger()
    try:
        changed = check_overrides(overrides_of(locals(), overrides))
        with summary.record(), kept(), noted(flow_run.get_id()), turn.turn(turn.PIPELINE, log.info):
            for left in (turn.EXPERIMENT, turn.STAGE):  # those whose pipeline was killed
                with turn.turn(left, log.info):
                    pass
            close_dead_runs()
            try:
                _tag(_run_experiment(changed) if changed else _run_stages())
            finally:
                summary.publish()
            _ended.append(str(flow_run.get_id()))
    except RlrecError as error:
        log.error(str(error), extra={TOLD_AT_THE_END: True})
        return Failed(message=str(error), data=error)
    return None


def overrides_of(parameters: Mapping[str, Any], overrides: Sequence[str] | None) -> list[str]:
    """What the flow's parameters change, as `path=value`."""
    given = {path: parameters[name] for name, path in SETTINGS.items() if parameters[name] is not None}
    return [*(f"{path}={_plain(value)}" for path, value in given.items()), *(overrides or ())]


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _tag(kept: str | None) -> None:
    """Has the run's page bear the name under which the run is kept, so that it is found and not pruned."""
    if kept:
        with get_client(sync_client=True) as client:
            tell_server(lambda: client.update_flow_run(UUID(flow_run.get_id()), tags=[*flow_run.get_tags(), kept]))


def _run_stages() -> str | None:
    make_places()
    with writing(Path(".dvc")):
        recover()
        put_back()
        with repository(wait=True) as repo:
            stages = stages_of(repo)
            settled = settled_in(repo, stages)
    for stage in stages:
        reproduce.with_options(name=stage, task_run_name=stage)(stage, stage in settled)
    return save_run()


def make_places() -> None:
    """Makes the folders for what people bring: git has them, but not who has emptied `data/`, and DVC asks for them."""
    for name in ("local", "extra"):
        place = Path(DataConfig.model_fields[name].default)
        with writing(place):
            place.mkdir(parents=True, exist_ok=True)


def _run_experiment(overrides: list[str]) -> str | None:
    make_places()
    recover()
    with _as_parent({PIPELINE_RUN: str(flow_run.get_id())}):
        return run_experiment(overrides)


def stages_of(repo: Repo) -> list[str]:
    """The stages of `dvc.yaml` in an order in which they can run; other graphs of the project are left alone."""
    return [stage.addressing for stage in plan_repro(repo.index.graph) if stage.path_in_repo == PROJECT_FILE]


def settled_in(repo: Repo, stages: Sequence[str]) -> list[str]:
    """The first of the stages: those before anything has changed.

    To ask for all at once takes DVC as long as to be asked for one of them alone.

    Args:
        repo: as it is now.
        stages: from `stages_of`.
    """
    changed = repo.status()
    return list(itertools.takewhile(lambda stage: stage not in changed, stages))


@task(cache_policy=NO_CACHE)
def reproduce(stage: str, settled: bool = False) -> None:
    """Has DVC reproduce one stage, if anything it depends on has changed.

    Args:
        stage: as DVC calls it.
        settled: it is known that nothing has.

    Raises:
        StageError: the stage failed.
        WriteError: DVC cannot write its cache or its records.
        KeyboardInterrupt: the stage was interrupted.
    """
    run = str(task_run.get_id())
    if settled or not in_thread(lambda: _reproduce(stage, run)):
        summary.note_unchanged(stage)


def _reproduce(stage: str, run: str) -> bool:
    """Likewise, under a task run; whether there was anything to do."""
    with (
        writing(Path(".dvc")),  # DVC passes on what the system says, without a path
        raising_what_dvc_logs(),
        _as_parent({PARENT: run}),
        repository(wait=True) as repo,
    ):
        recover()
        try:
            done = repo.reproduce(stage, single_item=True)
        except ReproductionError as error:
            if isinstance(error.__cause__, FileNotFoundError):  # e.g. what `data.local` names
                raise StageError(f"{stage}: {error.__cause__.filename} does not exist") from error
            if isinstance(error.__cause__, OSError):
                raise error.__cause__ from None
            if summary.was_interrupted(str(error.__cause__)):
                raise KeyboardInterrupt from error
            raise StageError(f"{stage}: {summary.error_of(stage) or error.__cause__ or error}") from error
        except DvcException as error:
            raise StageError(f"{stage}: DVC says: {error}") from error
    return bool(done)


@contextmanager
def _as_parent(parent: Mapping[str, str]) -> Iterator[None]:
    """Stages started inside belong under a run of the pipeline, on this run's server."""
    with get_client(sync_client=True) as client:
        shared = {
            **parent,
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
        check_overrides(override or [])  # told at once, not after a server has started
        connect()
        with obeying(), summary.record():
            with outliving_the_server(lambda: bool(_ended)):
                state = pipeline(overrides=override, return_state=True)
                state.result()
            link = f"{ui_url()}/runs/flow-run/{_ended[-1]}"
            summary.show(time.time() - psutil.Process().create_time(), link)
        leave_if_lost(0)
    except RlrecError as error:
        print(f"\nThe pipeline stopped. {error}\n", file=sys.stderr)
        leave_if_lost(1)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        print(f"\nThe pipeline was {INTERRUPTED}\n", file=sys.stderr)
        raise typer.Exit(130) from None


if __name__ == "__main__":
    typer.run(run)
