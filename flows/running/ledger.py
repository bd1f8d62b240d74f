"""Which runs are at work in this folder: each is a locked file, and the system frees the lock of one that was killed.

Prefect cannot know that a run was killed together with all that could have told so, and leaves it *Running*.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from prefect.states import Crashed

from flows.running import turn

NOTES = Path(".dvc") / "tmp" / "rlrec-runs"


@contextmanager
def noted(run: str | None) -> Iterator[None]:
    """Notes that this process has a flow run, as long as the block lasts.

    Args:
        run: the flow run's id.
    """
    if run is None:
        yield
        return
    note, hidden = NOTES / run, NOTES / f".{run}.{os.getpid()}"
    with turn.turn(hidden, turn.tell):
        hidden.rename(note)  # locked before anybody can see it
        try:
            yield
        finally:
            note.unlink(missing_ok=True)


def close_dead_runs() -> None:
    """Gives runs of this folder their end that were killed; some of them would block all others."""
    for note in sorted(NOTES.glob("[!.]*")):
        if not note.is_file() or not turn.is_free(note):
            continue
        with get_client(sync_client=True) as client, suppress(ObjectNotFound, ValueError):
            run = client.read_flow_run(UUID(note.name))
            if run.state is None or not run.state.is_final():
                client.set_flow_run_state(run.id, Crashed(message="The process of this run was killed."), force=True)
        note.unlink(missing_ok=True)


def keep_closing(every_seconds: float = 5.0) -> None:
    """Closes dead runs now and then, until interrupted; a server that is not there for a while is waited for."""
    while True:
        with suppress(Exception):
            close_dead_runs()
        time.sleep(every_seconds)
