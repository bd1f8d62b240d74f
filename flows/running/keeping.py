"""A run outlives the server that it reports to: where that goes away, another one takes its place, at its address.

It has the same database, so that the record of the run is whole afterwards; what was sent in between is sent again by
Prefect's clients. That can be done for servers of this folder only: somebody else's has its own database.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
from prefect.events.clients import PrefectEventsClient
from prefect.events.worker import EventsWorker
from prefect.settings import get_current_settings

from flows.running import turn
from flows.running.server import ServerError, is_gone, owner_of, start
from rlrec.errors import RlrecError

_LOOK_EVERY_SECONDS = 1.0
_RECONNECTIONS = 90
"""About a second each; at Prefect's own ten, states of tasks are lost while the other server starts."""


_lost = False


def leave_if_lost(code: int) -> None:
    """Ends the process at once where the server was lost: Prefect would try for minutes to tell it the rest.

    Args:
        code: the exit status.
    """
    if _lost:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


@contextmanager
def outliving_the_server(done: Callable[[], bool]) -> Iterator[None]:
    """Where a server goes away that cannot be replaced, what was made counts; its record is said not to be complete.

    Args:
        done: whether all was made that the block is there for.

    Raises:
        ServerError: the server went away before.
    """
    try:
        yield
    except httpx.TransportError as error:
        global _lost
        _lost = True
        url = get_current_settings().api.url
        if not done():
            raise ServerError(
                f"the Prefect server at {url} does not answer any more ({error}): run it again"
            ) from error
        turn.tell(f"The Prefect server at {url} does not answer any more: its record of this run is not complete.")


@contextmanager
def kept() -> Iterator[None]:
    """While the block lasts, this folder has a server at the address that was found, whoever ended that one."""
    url = str(get_current_settings().api.url or "").rstrip("/")
    owner = owner_of(url.removesuffix("/api"))
    if owner is None or not owner.is_here():
        yield
        return
    EventsWorker.set_client_override(PrefectEventsClient, reconnection_attempts=_RECONNECTIONS)
    over = threading.Event()
    watch = threading.Thread(target=_watch, args=(url, owner.with_ui, over), daemon=True, name="server watch")
    watch.start()
    try:
        yield
    finally:
        over.set()


def _watch(url: str, with_ui: bool, over: threading.Event) -> None:
    told = False
    while not over.wait(_LOOK_EVERY_SECONDS):
        if not is_gone(url):
            continue
        if not told:
            turn.tell(f"The Prefect server at {url.removesuffix('/api')} has ended: another takes its place.")
            told = True
        with turn.if_free(turn.SERVER) as mine:  # of several runs that have lost it, one starts another
            if not mine or over.is_set() or not is_gone(url):
                continue
            address = urlsplit(url)
            try:
                start(str(address.hostname), int(address.port or 80), with_ui)
            except RlrecError as error:
                turn.tell(f"Nobody listens at {url}, and no other server can be started: {error}")
                over.wait(30 * _LOOK_EVERY_SECONDS)
