"""A stage of `dvc.yaml` as one Prefect flow run, started by `python -m flows.<stage>`."""

import functools
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect import Flow, Task, flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import PrefectHTTPStatusError
from prefect.flow_engine import run_flow
from prefect.runtime import flow_run
from prefect.task_runners import TaskRunner

from flows.running import turn
from flows.running.ending import obeying
from flows.running.keeping import kept, leave_if_lost, outliving_the_server
from flows.running.ledger import noted
from flows.running.logs import set_up_logging
from flows.running.server import ServerError, connect, connect_anew
from rlrec.errors import RlrecError
from rlrec.settings.config import Config, load_config
from tasks.artifacts import publish_versions

PARENT = "RLREC_PARENT_TASK_RUN"
"""Environment variable: the task run of the pipeline that a stage's flow run belongs under."""
PIPELINE_RUN = "RLREC_PIPELINE_RUN"
"""Environment variable: the pipeline's flow run, in which a stage makes a task run of its own to belong under."""
RECORD = "RLREC_STAGE_RECORD"
"""Environment variable: the file in which a stage leaves its time, memory and error for the pipeline's summary."""

INTERRUPTED = "interrupted; what was there before is untouched. Run it again."
_PATIENCE_SECONDS = 10.0
"""Until it is given up that a server comes to know of a task run."""

_made: set[str] = set()
"""Stages that this process has ended; what is left then is that the server hears of it."""

Stage = Callable[[Config], None]
Runner = Callable[[Config], AbstractContextManager[TaskRunner[Any]]]


def as_flow(stage: Stage, key: str | None = None) -> Flow[[], None]:
    """Makes a stage's function a flow that reads the settings, times the function and publishes what it made.

    Args:
        stage: named like the stage.
        key: of one of several stages that share the function: DVC calls it `<stage>@<key>`.
    """
    name = f"{stage.__name__}@{key}" if key else stage.__name__

    @functools.wraps(stage)
    def run() -> None:
        config = load_config()
        leave_record(stage=name, run=flow_run.get_id())
        started = time.perf_counter()
        with noted(flow_run.get_id()):
            stage(config)
        seconds = time.perf_counter() - started
        leave_record(stage=name, seconds=seconds, peak_bytes=peak_bytes())
        publish_versions(name)
        _made.add(name)

    del run.__wrapped__  # Prefect would take the stage's parameters for the flow's
    return flow(name=name, flow_run_name=name)(run)


def main(stage: Flow[[], None], runner: Runner | None = None) -> None:
    """Runs a stage, under the pipeline's task run if there is one, and ends the process with its outcome.

    Args:
        stage: from `as_flow`.
        runner: gives what runs the stage's tasks; threads where absent.
    """
    set_up_logging()
    try:
        with obeying():
            config = load_config()  # a wrong setting is told at once, not after a server has started
            alone = _alone()
            _connect()
            with (
                alone,
                runner(config) if runner else nullcontext(None) as tasks,
                obeying(),  # Ray has obeyed otherwise
                outliving_the_server(lambda: stage.name in _made),
            ):
                _run(stage.with_options(task_runner=tasks) if tasks else stage)
        leave_if_lost(0)
    except RlrecError as error:
        if not leave_record(stage=stage.name, error=str(error)):  # else the pipeline says it
            print(f"\n{stage.name} failed: {error}\n", file=sys.stderr)
        leave_if_lost(1)
        sys.exit(1)
    except KeyboardInterrupt:
        if not leave_record(stage=stage.name, interrupted=True):
            print(f"\n{stage.name}: {INTERRUPTED}\n", file=sys.stderr)
        sys.exit(130)


def _started_by_pipeline() -> bool:
    return PARENT in os.environ or PIPELINE_RUN in os.environ


def _alone() -> AbstractContextManager[Any]:
    """A stage of a pipeline holds a lock of its own: it goes on when the pipeline's process is killed."""
    return turn.turn(turn.STAGE, turn.tell) if _started_by_pipeline() else kept()


def _connect() -> None:
    """A stage of a pipeline whose server has gone for good is made all the same, and recorded by one of its own."""
    try:
        connect(patient=_started_by_pipeline())
    except ServerError as error:
        if not _started_by_pipeline():
            raise
        turn.tell(f"{error}. This stage goes on with a server of its own.")
        for name in (PARENT, PIPELINE_RUN):
            os.environ.pop(name, None)
        connect_anew()


def _run(stage: Flow[[], None]) -> None:
    parent, pipeline = os.environ.get(PARENT), os.environ.get(PIPELINE_RUN)
    if not (parent or pipeline):
        stage()
        return
    with get_client(sync_client=True) as client:
        if pipeline:  # as Prefect does for a flow that a flow calls
            represented = Task(fn=stage.fn, name=stage.name)
            parent = str(client.create_task_run(represented, UUID(pipeline), stage.name, name=stage.name).id)
        started = _run_below(client, stage, UUID(parent))
    run_flow(stage, flow_run=started)


def _run_below(client: SyncPrefectClient, stage: Flow[[], None], parent: UUID) -> FlowRun:
    """The stage's flow run, under a task run of the pipeline.

    What is told of task runs reaches the server later than what is asked, and now and then it is lost with a server
    that another took the place of: then the stage's run stands alone.
    """
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return client.create_flow_run(stage, parent_task_run_id=parent)
        except PrefectHTTPStatusError as error:
            if error.response.status_code != HTTPStatus.CONFLICT:
                raise
        if time.monotonic() > until:
            turn.tell(f"The Prefect server has no record of the pipeline's task {stage.name}: its run stands alone.")
            return client.create_flow_run(stage)
        time.sleep(_PATIENCE_SECONDS / 20)


def peak_bytes() -> int:
    """The most memory that this process has held at once."""
    status = Path("/proc/self/status")
    if status.is_file():
        # Not ru_maxrss: that starts with what the process held which has forked this one.
        return next(int(line.split()[1]) * 1024 for line in status.open() if line.startswith("VmHWM:"))
    # macOS counts bytes here, others kibibytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def leave_record(**values: Any) -> bool:
    """Appends a line to the pipeline's record, if this stage runs in a pipeline; whether it does."""
    path = os.environ.get(RECORD)
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")
    return bool(path)
