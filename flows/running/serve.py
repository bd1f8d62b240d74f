"""`make serve`: the Prefect server and UI on loopback, and the deployment of `prefect.yaml`, run in this folder."""

import asyncio
import logging
import sys
import threading
from typing import Annotated, Any
from uuid import UUID

import typer
from prefect import Flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentUpdate
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterNextScheduledStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import ConcurrencyLimitConfig, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound
from prefect.runner import Runner
from prefect.states import Cancelled, Crashed
from prefect.types._datetime import now

from flows.pipeline import pipeline
from flows.running import turn
from flows.running.keeping import kept
from flows.running.ledger import close_dead_runs, keep_closing
from flows.running.logs import set_up_logging
from flows.running.prune import keep_pruning
from flows.running.schedules import described, merged, note_served, served_last
from flows.running.server import connect, ui_url
from rlrec.errors import RlrecError
from rlrec.settings.config import load_config

_MISSED = "Nobody served at its time."
_LOOK_EVERY_SECONDS = 2.0  # for runs that somebody has started in the UI


def serve(catch_up: bool = False) -> None:
    """Serves the deployment until interrupted. While nobody does, its schedules rest.

    Args:
        catch_up: of the runs that were planned meanwhile, the newest is made up for.
    """
    deployment = described()
    name = deployment["name"]
    with get_client(sync_client=True) as client:
        known = _known(client, name)
        if known:
            drop_missed(client, known.id, keep=1 if catch_up else 0)
        # One after another: who waits is not asked before its turn, which is that of who came first.
        runner = Runner(name, limit=1, query_seconds=_LOOK_EVERY_SECONDS, prefetch_seconds=0)
        form = form_of(pipeline)
        identity = runner.add_flow(
            pipeline,
            name,
            schedules=merged(deployment["schedules"], served_last(), known.schedules if known else None),
            parameters={key: value for key, value in known.parameters.items() if key in form["properties"]}
            if known
            else None,
            tags=known.tags if known else None,
            concurrency_limit=ConcurrencyLimitConfig(**deployment["concurrency_limit"]),
            description=deployment["description"],
        )
        assert isinstance(identity, UUID)  # a coroutine only in async code
        # What is not named here would be emptied.
        left = {"tags": known.tags, "job_variables": known.job_variables} if known else {}
        client.update_deployment(identity, DeploymentUpdate(parameter_openapi_schema=form, **left))
        note_served(deployment["schedules"])
        close_unfinished(client, identity)
    threading.Thread(target=keep_closing, daemon=True, name="dead runs").start()
    threading.Thread(target=keep_pruning, daemon=True, name="old runs").start()
    page = f"{ui_url()}/deployments/deployment/{identity}"
    print(f"\nServing: open {page} and press Run. Ctrl-C ends this.\n", flush=True)
    with kept():
        asyncio.run(runner.start())


def _known(client: SyncPrefectClient, name: str) -> DeploymentResponse | None:
    try:
        return client.read_deployment_by_name(f"{pipeline.name}/{name}")
    except ObjectNotFound:
        return None


def drop_missed(client: SyncPrefectClient, deployment: UUID, keep: int = 0) -> int:
    """Drops the runs that a schedule had planned while nobody served, and says how many.

    Args:
        client: of the server.
        deployment: whose runs.
        keep: so many of them, the newest, are run all the same.

    Returns:
        How many were dropped. Runs that somebody asked for are none of them: they wait on.
    """
    planned = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
        next_scheduled_start_time=FlowRunFilterNextScheduledStartTime(before_=now("UTC")),
    )
    of_it = DeploymentFilter(id=DeploymentFilterId(any_=[deployment]))
    dropped = 0
    while True:
        # A page of them, the oldest first, and again: what was dropped is planned no more.
        found = client.read_flow_runs(
            deployment_filter=of_it,
            flow_run_filter=planned,
            sort=FlowRunSort.NEXT_SCHEDULED_START_TIME_ASC,
        )
        missed = [run for run in found if run.auto_scheduled]
        late = missed[: len(missed) - keep] if keep else missed
        for run in late:
            client.set_flow_run_state(run.id, Cancelled(name="Missed", message=_MISSED), force=True)
        dropped += len(late)
        if not late:
            break
    if dropped:
        which = "; the newest is made up for" if keep else ""
        print(f"{dropped} planned runs were missed while nobody served, and are dropped{which}.", flush=True)
    return dropped


def form_of(flow: Flow[..., Any]) -> dict[str, Any]:
    """The schema of a flow's parameters, for the UI's form: one field each, and left empty is None.

    Prefect's own would have a tab for None beside each field, and the tab open.
    """
    schema = flow.parameters.model_dump(exclude_unset=True)
    fields = {}
    for name, field in schema["properties"].items():
        [kind] = [option for option in field["anyOf"] if option["type"] != "null"]
        fields[name] = {key: field[key] for key in ("title", "description", "position")} | kind
    return schema | {"properties": fields, "additionalProperties": False}


def close_unfinished(client: SyncPrefectClient, deployment: UUID) -> None:
    """Gives runs their end that were killed, noted as at work or not yet; they would block all others."""
    close_dead_runs()
    if not turn.is_free(turn.PIPELINE):
        return
    begun = FlowRunFilterStateType(any_=[StateType.PENDING, StateType.RUNNING, StateType.CANCELLING])
    for run in client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment])),
        flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=begun)),
    ):
        client.set_flow_run_state(run.id, Crashed(message="The process of this run was killed."), force=True)


def run(
    catch_up: Annotated[
        bool, typer.Option("--catch-up", help="Make up for the newest run that was planned while nobody served.")
    ] = False,
) -> None:
    """Serves the pipeline of this folder: runs from a form in the UI, and at the times of its schedules."""
    set_up_logging()
    # It says every few seconds that a run has to wait, which the UI shows.
    for name in ("prefect.runner.state_proposer", "prefect.runner.limit_manager"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("prefect.runner").addFilter(lambda record: "skipped (at capacity)" not in record.msg)
    try:
        load_config()
        described()  # told before a server has started
        with turn.turn(turn.SERVING, turn.tell):
            connect(with_ui=True)
            serve(catch_up)
    except RlrecError as error:
        sys.exit(f"\nCannot serve. {error}\n")
    except KeyboardInterrupt:
        print("\nNo longer serving.", flush=True)


if __name__ == "__main__":
    typer.run(run)
