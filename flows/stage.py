"""A stage of `dvc.yaml` as one Prefect flow run, started by `python -m flows.<stage>`."""

import functools
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect import Flow, flow
from prefect.client.orchestration import get_client
from prefect.flow_engine import run_flow
from prefect.task_runners import TaskRunner

from flows.logs import set_up_logging
from flows.server import connect
from rlrec.config import Config, load_config
from rlrec.errors import RlrecError
from tasks.artifacts import publish_versions

PARENT = "RLREC_PARENT_TASK_RUN"
"""Environment variable: the task run of the pipeline that a stage's flow run belongs under."""
RECORD = "RLREC_STAGE_RECORD"
"""Environment variable: the file in which a stage leaves its time, memory and error for the pipeline's summary."""

INTERRUPTED = "interrupted; what was there before is untouched. Run it again."

Stage = Callable[[Config], None]
Runner = Callable[[Config], AbstractContextManager[TaskRunner[Any]]]


def as_flow(stage: Stage, **options: Any) -> Flow[[], None]:
    """Makes a stage's function a flow that reads the settings, times the function and publishes what it made."""

    @functools.wraps(stage)
    def run() -> None:
        config = load_config()
        started = time.perf_counter()
        stage(config)
        seconds = time.perf_counter() - started
        # Linux counts kibibytes here, macOS bytes.
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        leave_record(stage=stage.__name__, seconds=seconds, peak_bytes=peak)
        publish_versions(stage.__name__)

    del run.__wrapped__  # Prefect would take the stage's parameters for the flow's
    return flow(name=stage.__name__, flow_run_name=stage.__name__, **options)(run)


def main(stage: Flow[[], None], runner: Runner | None = None) -> None:
    """Runs a stage, under the pipeline's task run if there is one, and ends the process with its outcome.

    Args:
        stage: from `as_flow`.
        runner: gives what runs the stage's tasks; threads where absent.
    """
    set_up_logging()
    try:
        config = load_config()  # a wrong setting is told at once, not after a server has started
        connect()
        with runner(config) if runner else nullcontext(None) as tasks:
            _run(stage.with_options(task_runner=tasks) if tasks else stage)
    except RlrecError as error:
        if not leave_record(stage=stage.name, error=str(error)):  # else the pipeline says it
            print(f"\n{stage.name} failed: {error}\n", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        if not leave_record(stage=stage.name, interrupted=True):
            print(f"\n{stage.name}: {INTERRUPTED}\n", file=sys.stderr)
        sys.exit(130)


def _run(stage: Flow[[], None]) -> None:
    if parent := os.environ.get(PARENT):
        with get_client(sync_client=True) as client:
            flow_run = client.create_flow_run(stage, parent_task_run_id=UUID(parent))
        run_flow(stage, flow_run=flow_run)
    else:
        stage()


def leave_record(**values: Any) -> bool:
    """Appends a line to the pipeline's record, if this stage runs in a pipeline; whether it does."""
    path = os.environ.get(RECORD)
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")
    return bool(path)
