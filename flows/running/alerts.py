"""`make alerts`: somebody is told of runs that fail, are late or were missed.

Each kind is an automation of Prefect's server, which sends what it has to say through a block for each address. They
are in Prefect's database, so that every server of this folder knows them: that of `make serve`, and the temporary one
of a run from a shell.
"""

import json
import socket
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

import typer
from prefect.blocks.abstract import NotificationBlock
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import BlockDocument
from prefect.events.actions import SendNotification
from prefect.events.schemas.automations import Automation, AutomationCore, EventTrigger, Posture
from prefect.settings import get_current_settings
from rich.console import Console
from rich.table import Table

from flows.running.logs import set_up_logging
from flows.running.notices import KINDS, PREFIX, WEBHOOKS, AlertError, address_of, block_for, name_of, shown, tell
from flows.running.server import connect, owner_of
from rlrec.errors import RlrecError

TAG = "rlrec-alert"
"""Of the automations that are ours."""
LATE_MINUTES = 30.0
_FLOWS = {"prefect.resource.role": "flow", "prefect.resource.name": ["pipeline", "matrix", "search"]}
"""Not their stages, of which they tell themselves."""
_LEAST_WAIT = timedelta(seconds=10)
"""Prefect looks no sooner for what has not happened."""
_BURST = timedelta(minutes=1)
_PAGE_OF = 100
"""Prefect gives no more at once."""
_PAGE = "{{ flow_run | ui_url }}"
_STATE = (
    "{{ event.resource['prefect.state-name'] }}. {{ event.resource['prefect.state-message'] | default('', true) "
    "| truncate(2000) }}"
)


class Alert(NamedTuple):
    """What is told of: its automation's name, and whether anything is said at all."""

    name: str
    on: bool
    addresses: tuple[str, ...]


def set_alerts(
    client: SyncPrefectClient, addresses: Sequence[str], *, late: timedelta, ended: bool = False
) -> list[str]:
    """Has these addresses told from now on, and no others.

    What is as it should be is left alone, and stays off where somebody has switched it off in the UI. Each new address
    is sent a message first.

    Args:
        client: of the server.
        addresses: see `block_for`.
        late: how long after its time a run has begun at the latest.
        ended: runs that have ended well are told of too.

    Returns:
        Whoever is told and was not before.

    Raises:
        AlertError: one of them is no address or took no message; then nothing is changed.
    """
    if late < _LEAST_WAIT:
        raise AlertError(f"a run is late after {_LEAST_WAIT.total_seconds():g} s or more (is {late.total_seconds():g})")
    wanted = {address: block_for(address) for address in addresses}
    known = _blocks(client)
    new = [address for address in wanted if name_of(address) not in known]
    for address in new:
        tell(wanted[address], f"{_place()}: alerts are set up", f"Runs of {Path.cwd()} are told of here.")
    ids = {
        address: known[name_of(address)][0] if name_of(address) in known else UUID(str(block.save(name_of(address))))
        for address, block in wanted.items()
    }
    _settle(client, _automations(list(ids.values()), late, ended))
    for name, (identity, _) in known.items():
        if name not in map(name_of, wanted):
            client.delete_block_document(identity)
    return new


def list_alerts(client: SyncPrefectClient) -> list[Alert]:
    """What is told, and to whom."""
    addresses = {identity: address_of(block) for identity, block in _blocks(client).values()}
    return [
        Alert(
            automation.name,
            automation.enabled,
            tuple(
                addresses.get(action.block_document_id, "?")
                for action in automation.actions
                if isinstance(action, SendNotification)
            ),
        )
        for automation in sorted(_ours(client), key=lambda automation: automation.name)
    ]


def remove_alerts(client: SyncPrefectClient) -> int:
    """Has nobody told any more; how many automations there were."""
    ours = _ours(client)
    for automation in ours:
        client.delete_automation(automation.id)
    for identity, _ in _blocks(client).values():
        client.delete_block_document(identity)
    return len(ours)


def _automations(blocks: Sequence[UUID], late: timedelta, ended: bool) -> list[AutomationCore]:
    def automation(name: str, says: str, body: str, **trigger: Any) -> AutomationCore:
        subject = "{{ " + json.dumps(_place()) + " }}: " + says
        found = EventTrigger(match={"prefect.resource.id": "prefect.flow-run.*"}, match_related=_FLOWS, **trigger)
        return AutomationCore(
            name=name,
            description="Of `make alerts`, which makes it as it was when it is called again.",
            tags=[TAG],
            trigger=found,
            actions=[SendNotification(block_document_id=block, subject=subject, body=body) for block in blocks],
        )

    def states(*names: str) -> set[str]:
        return {f"prefect.flow-run.{name}" for name in names}

    each = {"for_each": {"prefect.resource.id"}}
    planned = "planned for {{ flow_run.expected_start_time }}"
    made = [
        automation(
            "rlrec: a run has failed",
            "{{ flow_run.name }} has failed",
            f"{_STATE}\n{_PAGE}",
            expect=states("Failed", "Crashed", "TimedOut"),
            **each,
        ),
        automation(
            "rlrec: a run is late",
            "a run of {{ flow.name }} is late",  # its own name it has not got yet
            f"It was {planned} and has not begun.\n{_PAGE}",
            posture=Posture.Proactive,
            after=states("Late"),
            expect=states("Pending", "Running", "Missed", "Cancelled", "Completed", "Failed", "Crashed"),
            within=late,
            **each,
        ),
        automation(  # of many, one message
            "rlrec: runs were missed",
            "runs were missed",
            f"Nobody served at their time. The first was {planned}.\n{_PAGE}",
            expect=states("Missed"),
            within=_BURST,
        ),
    ]
    if ended:
        made.append(
            automation(
                "rlrec: a run has ended well",
                "{{ flow_run.name }} has ended well",
                _PAGE,
                expect=states("Completed"),
                **each,
            )
        )
    return made


def _settle(client: SyncPrefectClient, wanted: Sequence[AutomationCore]) -> None:
    """Makes, changes and removes automations until ours are these; what is so already is not touched."""
    left: dict[str, list[Automation]] = {}
    for automation in _ours(client):
        left.setdefault(automation.name, []).append(automation)
    for core in wanted:
        there = left.get(core.name, [])
        if not there:
            client.create_automation(core)
            continue
        first = there.pop(0)
        if _content(first) != _content(core):
            # All of it: of what is as by default Prefect's client would send nothing, and its server refuse that.
            whole = core.model_dump(exclude={"owner_resource"}) | {"enabled": first.enabled}
            client.update_automation(first.id, AutomationCore.model_validate(whole))
    for automation in [automation for several in left.values() for automation in several]:
        client.delete_automation(automation.id)


def _content(automation: AutomationCore) -> Mapping[str, Any]:
    return automation.model_dump(include={"description", "trigger", "actions", "tags"})


def _ours(client: SyncPrefectClient) -> list[Automation]:
    found: list[Automation] = []
    while page := client.read_automations(offset=len(found)):
        found += page
    return [automation for automation in found if TAG in automation.tags]


def _blocks(client: SyncPrefectClient) -> dict[str, tuple[UUID, NotificationBlock]]:
    """By name, our blocks and their ids."""
    kinds = {kind.get_block_type_slug(): kind for kind in KINDS}
    documents: list[BlockDocument] = []
    while page := client.read_block_documents(offset=len(documents), limit=_PAGE_OF, include_secrets=True):
        documents += page
    return {
        document.name: (document.id, kinds[document.block_type.slug].model_validate(document.data))
        for document in documents
        if document.name and document.name.startswith(PREFIX) and document.block_type
    }


def _place() -> str:
    return f"{Path.cwd().name} on {socket.gethostname()}"


def _print(alerts: Sequence[Alert]) -> None:
    if not alerts:
        print("Nobody is told of runs. `make alerts TO=https://…` changes that.")
        return
    table = Table(title="Who is told of runs", title_justify="left")
    for column in ("of what", "to whom"):
        table.add_column(column)
    for alert in alerts:
        off = "" if alert.on else " (switched off)"
        table.add_row(f"{alert.name}{off}", "\n".join(map(shown, alert.addresses)))
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def run(
    to: Annotated[list[str] | None, typer.Argument(help="Addresses; `-` reads them from standard input.")] = None,
    late: Annotated[float, typer.Option(help="Minutes after its time at which a run is late.")] = LATE_MINUTES,
    ended: Annotated[bool, typer.Option("--ended", help="Tell of runs that have ended well, too.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Tell nobody any more.")] = False,
) -> None:
    """Tells who is told of runs that fail, are late or were missed; with addresses, has those told and no others."""
    set_up_logging()
    try:
        addresses = list(dict.fromkeys(sys.stdin.read().split() if to == ["-"] else to or ()))
        for address in addresses:
            block_for(address)  # what is wrong is told before a server has started
        connect()
        with get_client(sync_client=True) as client:
            if remove:
                print(f"{remove_alerts(client)} alerts are removed.")
                return
            if addresses:
                _check_server(addresses)
                for new in set_alerts(client, addresses, late=timedelta(minutes=late), ended=ended):
                    print(f"{shown(new)} has been sent a message, and is told from now on.")
            _print(list_alerts(client))
    except RlrecError as error:
        sys.exit(f"\nNo alerts were changed. {error}\n")
    except KeyboardInterrupt:
        sys.exit(130)


def _check_server(addresses: Sequence[str]) -> None:
    """Servers that this project has not started know nothing of its block for Apprise."""
    url = str(get_current_settings().api.url).rstrip("/").removesuffix("/api")
    others = [address for address in addresses if urlsplit(address).scheme not in WEBHOOKS]
    if others and owner_of(url) is None:
        raise AlertError(
            f"{shown(others[0])}: the Prefect server at {url} sends to webhooks only, since `make ui` or `make serve` "
            "has not started it"
        )


if __name__ == "__main__":
    typer.run(run)
