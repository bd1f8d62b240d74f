"""`make serve`: the Prefect server and UI on loopback, and the deployment of `prefect.yaml`, run in this folder."""

import asyncio
import logging
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml
from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentUpdate
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import ConcurrencyLimitConfig, StateType
from prefect.client.schemas.schedules import CronSchedule
from prefect.exceptions import ObjectNotFound
from prefect.runner import Runner
from prefect.states import Crashed

from flows.pipeline import pipeline
from flows.running import turn
from flows.running.logs import set_up_logging
from flows.running.server import connect, ui_url
from rlrec.errors import RlrecError
from rlrec.settings.config import load_config

DEPLOYMENTS = Path("prefect.yaml")

_LOOK_EVERY_SECONDS = 2.0  # for runs that somebody has started in the UI


def described() -> dict[str, Any]:
    """The one deployment of `prefect.yaml`."""
    [deployment] = yaml.safe_load(DEPLOYMENTS.read_text(encoding="utf-8"))["deployments"]
    return dict(deployment)


def serve() -> None:
    """Serves the deployment until interrupted. While nobody does, its schedules rest."""
    deployment = described()
    name = deployment["name"]
    runner = Runner(name, query_seconds=_LOOK_EVERY_SECONDS, prefetch_seconds=0)
    identity = runner.add_flow(
        pipeline,
        name,
        schedules=_schedules(deployment),
        concurrency_limit=ConcurrencyLimitConfig(**deployment["concurrency_limit"]),
        description=deployment["description"],
    )
    assert isinstance(identity, UUID)  # a coroutine only in async code
    with get_client(sync_client=True) as client:
        client.update_deployment(identity, DeploymentUpdate(parameter_openapi_schema=form_of(pipeline)))
    close_dead_runs(identity)
    page = f"{ui_url()}/deployments/deployment/{identity}"
    print(f"\nServing: open {page} and press Run. Ctrl-C ends this.\n", flush=True)
    asyncio.run(runner.start())


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


def _schedules(deployment: dict[str, Any]) -> list[DeploymentScheduleCreate]:
    """As described, but on or off as they were left in the UI."""
    left: dict[str | None, bool] = {}
    with get_client(sync_client=True) as client:
        try:
            known = client.read_deployment_by_name(f"{pipeline.name}/{deployment['name']}")
            left = {schedule.slug: schedule.active for schedule in known.schedules}
        except ObjectNotFound:
            pass
    return [
        DeploymentScheduleCreate(
            schedule=CronSchedule(cron=described["cron"], timezone=described["timezone"]),
            active=left.get(described["slug"], described["active"]),
            slug=described["slug"],
        )
        for described in deployment["schedules"]
    ]


def close_dead_runs(deployment: UUID) -> None:
    """Gives runs their end that were killed together with what could have told so; they would block all others."""
    if not turn.is_free(turn.PIPELINE):
        return
    begun = FlowRunFilterStateType(any_=[StateType.PENDING, StateType.RUNNING, StateType.CANCELLING])
    with get_client(sync_client=True) as client:
        for run in client.read_flow_runs(
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment])),
            flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=begun)),
        ):
            client.set_flow_run_state(run.id, Crashed(message="The process of this run was killed."), force=True)


def run() -> None:
    """Starts a server unless one runs, and serves; ends the process with the outcome."""
    set_up_logging()
    # It says every few seconds that a run has to wait, which the UI shows.
    logging.getLogger("prefect.runner.state_proposer").setLevel(logging.WARNING)
    try:
        load_config()
        with turn.turn(turn.SERVING, turn.tell):
            connect(with_ui=True)
            serve()
    except RlrecError as error:
        sys.exit(f"\nCannot serve. {error}\n")
    except KeyboardInterrupt:
        print("\nNo longer serving.", flush=True)


if __name__ == "__main__":
    run()
