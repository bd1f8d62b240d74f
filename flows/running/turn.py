"""One at a time: whoever wants to write `data/` waits for whoever does so already, whichever door they came through."""

import fcntl
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from rlrec.storage.files import writing

_FOLDER = Path(".dvc") / "tmp"  # of this project, and never committed

PIPELINE = _FOLDER / "rlrec-pipeline.lock"
STAGE = _FOLDER / "rlrec-stage.lock"
"""Held by the stage that a pipeline has started: it may outlive a pipeline that was killed."""
EXPERIMENT = _FOLDER / "rlrec-experiment.lock"
"""Held by DVC while it runs stages for a run with other parameters: likewise."""
SERVING = _FOLDER / "rlrec-serving.lock"
SERVER = _FOLDER / "rlrec-server.lock"
"""Held while a server is started in the place of one that went away."""


@contextmanager
def turn(path: Path, say: Callable[[str], None]) -> Iterator[int]:
    """Holds a lock while the block lasts; the system frees it when the process ends, whatever ends that.

    Args:
        path: of the lock's file, which stays. Whoever holds the lock is named in it.
        say: told once, where there is somebody to wait for.

    Yields:
        The lock's file descriptor: a process that inherits it holds the lock too, for as long as it lives.
    """
    with _opened(path) as file:
        if not _locked(file, fcntl.LOCK_NB):
            say(f"Waiting for {_holder(file)}. This goes on by itself when that has ended.")
            _locked(file)
        file.truncate(0)
        with suppress(OSError):  # on a full disk the lock holds all the same, but does not say who has it
            holder = {"pid": os.getpid(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
            os.write(file.fileno(), json.dumps(holder).encode())
        yield file.fileno()
        file.truncate(0)


def tell(message: str) -> None:
    """Says something at once, where no run's log can."""
    print(message, file=sys.stderr, flush=True)


@contextmanager
def if_free(path: Path) -> Iterator[bool]:
    """Holds a lock while the block lasts, if nobody else does; whether it is held."""
    with _opened(path) as file:
        yield _locked(file, fcntl.LOCK_NB)


def is_free(path: Path) -> bool:
    """Whether nobody holds the lock now."""
    with _opened(path) as file:
        return _locked(file, fcntl.LOCK_NB)


def _opened(path: Path) -> IO[str]:
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a+", encoding="utf-8")


def _locked(file: IO[str], options: int = 0) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | options)
    except BlockingIOError:
        return False
    return True


def _holder(file: IO[str]) -> str:
    file.seek(0)
    try:
        holder = json.load(file)
    except ValueError:  # it has just got the lock, or is about to give it back
        return "another process that has just started"
    return f"process {holder['pid']}, at work since {holder['since']}"
