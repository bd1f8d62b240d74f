"""What a deployment keeps of what people have changed in the UI, when it is served again.

`prefect.yaml` describes it, the UI changes it, and both may have changed since it was served last. What was described
then is noted beside Prefect's database, so that it can be told who has changed what: the description wins where it was
changed, else what is in the UI stays.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.schedules import CronSchedule
from prefect.settings import get_current_settings
from pydantic import ValidationError

from rlrec.errors import RlrecError
from rlrec.storage.files import write_atomically

DEPLOYMENTS = Path("prefect.yaml")
_TIMES = ("cron", "timezone")


class DeploymentError(RlrecError):
    """`prefect.yaml` describes no deployment that can be served."""


def described() -> dict[str, Any]:
    """The one deployment of `prefect.yaml`.

    Raises:
        DeploymentError: there is none, or what it says of schedules is wrong.
    """
    try:
        [deployment] = yaml.safe_load(DEPLOYMENTS.read_text(encoding="utf-8"))["deployments"]
        for name in ("name", "description", "concurrency_limit", "schedules"):
            deployment[name]
        for schedule in deployment["schedules"]:
            _created(schedule)
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        reason = f"{error.args[0]} is missing" if isinstance(error, KeyError) else " ".join(str(error).split())
        raise DeploymentError(f"{DEPLOYMENTS}: it describes no deployment to serve: {reason}") from error
    return dict(deployment)


def merged(
    wanted: Sequence[Mapping[str, Any]],
    before: Sequence[Mapping[str, Any]] | None,
    known: Sequence[DeploymentSchedule] | None,
) -> list[DeploymentScheduleCreate]:
    """The schedules that are to be served.

    Args:
        wanted: as described now.
        before: as described when served last; None where that is not known.
        known: as they are in the UI; None where the deployment was never served.

    Returns:
        Those of the UI, as they are there, unless the description has changed their time or zone, or has left them out.
        Then those that are described anew; one that was removed in the UI stays away.
    """
    described = {schedule["slug"]: schedule for schedule in wanted}
    last = {schedule["slug"]: schedule for schedule in before or ()}
    kept = []
    for schedule in known or ():
        now, then = described.get(schedule.slug), last.get(schedule.slug)
        if then and not now:
            continue
        changed = bool(now and then and any(now.get(name) != then.get(name) for name in _TIMES))
        kept.append(
            DeploymentScheduleCreate(
                schedule=_created(now).schedule if now and changed else schedule.schedule,
                active=schedule.active,
                parameters=schedule.parameters,
                slug=schedule.slug,
            )
        )
    there = {schedule.slug for schedule in kept}
    removed = last.keys() if known is not None else set()
    new = [schedule for slug, schedule in described.items() if slug not in there and slug not in removed]
    return kept + [_created(schedule) for schedule in new]


def served_last() -> list[dict[str, Any]] | None:
    """The schedules as they were described when this folder was served last."""
    try:
        told = json.loads(_note().read_bytes())
    except (OSError, ValueError):
        return None
    return [dict(schedule) for schedule in told] if isinstance(told, list) else None


def note_served(schedules: Sequence[Mapping[str, Any]]) -> None:
    """Notes the schedules as they are described now."""
    write_atomically(_note(), json.dumps(list(schedules)).encode())


def _note() -> Path:
    return get_current_settings().home / "rlrec-served.json"


def _created(schedule: Mapping[str, Any]) -> DeploymentScheduleCreate:
    try:
        times = CronSchedule(cron=schedule["cron"], timezone=schedule["timezone"])
    except ValidationError as error:
        wrong = error.errors()[0]
        field = wrong["loc"][0]
        reason = wrong["msg"].removeprefix("Value error, ")
        raise DeploymentError(
            f"{DEPLOYMENTS}: schedule {schedule['slug']}: {field} {schedule.get(str(field))!r}: {reason}"
        ) from error
    return DeploymentScheduleCreate(schedule=times, active=bool(schedule["active"]), slug=schedule["slug"])
