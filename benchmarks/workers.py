"""Runs a measurement in a process of its own: thread pools and peak memory belong to a process.

A worker is a module that reads its settings as JSON from its only argument and prints its figures as JSON on the last
line of its output (`worker_main` does both).
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rlrec.errors import RlrecError

_POLL_SECONDS = 0.05
_SHOWN_LINES = 12


class Unfinished(NamedTuple):
    """A measurement that gave nothing, and why: too long, too large, or failed."""

    reason: str


def run_worker(
    module: str,
    settings: Mapping[str, Any],
    *,
    seconds: float,
    memory_gib: float | None = None,
    python: Path | str = sys.executable,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> dict[str, Any] | Unfinished:
    """Runs `python -m module <settings>` and waits for its figures.

    Args:
        module: the worker.
        settings: told to it as JSON.
        seconds: it is killed after these.
        memory_gib: it is killed when its resident memory exceeds this, in GiB.
        python: the interpreter.
        environment: variables to set beside this process's.
        folder: its working directory.
    """
    command = [str(python), "-m", module, json.dumps(settings)]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as out, tempfile.TemporaryFile("w+", encoding="utf-8") as err:
        process = subprocess.Popen(
            command, stdout=out, stderr=err, cwd=folder, env={**os.environ, **(environment or {})}
        )
        try:
            stopped = _watch(process, seconds, memory_gib)
        finally:
            if process.poll() is None:  # also on Ctrl-C
                process.kill()
            process.wait()
        if stopped:
            return Unfinished(stopped)
        out.seek(0)
        err.seek(0)
        lines, complaints = out.read().splitlines(), err.read().splitlines()
    if process.returncode == -9:
        return Unfinished("killed by the system, most likely out of memory")
    if process.returncode != 0 or not lines:
        return Unfinished(f"exit code {process.returncode}:\n" + "\n".join(complaints[-_SHOWN_LINES:]))
    figures: dict[str, Any] = json.loads(lines[-1])
    return figures


def worker_main(measure: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """The worker's side: settings from the argument, figures to the output."""
    print(json.dumps(measure(json.loads(sys.argv[1]))), flush=True)


def peak_memory_mib() -> float:
    """Most resident memory that this process has had, in MiB.

    Linux's VmHWM, since `getrusage` of a child starts from what its parent used.
    """
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    import resource

    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / (2**20 if sys.platform == "darwin" else 1024)


def call(command: Sequence[str]) -> None:
    """Runs a command that has nothing to say unless it fails.

    Raises:
        RlrecError: it failed; with the last lines of what it said.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        tail = "\n".join(done.stderr.strip().splitlines()[-_SHOWN_LINES:])
        raise RlrecError(f"{' '.join(command)} failed:\n{tail}")


def _watch(process: "subprocess.Popen[bytes]", seconds: float, memory_gib: float | None) -> str | None:
    """Waits for the end; why it must be stopped before it, if it must."""
    import psutil  # not in the environment that the peer's worker runs in, which imports this module too

    deadline = time.monotonic() + seconds
    while process.poll() is None:
        if time.monotonic() > deadline:
            return f"over {seconds:.0f} s"
        if memory_gib is not None:
            with contextlib.suppress(psutil.Error):
                if psutil.Process(process.pid).memory_info().rss > memory_gib * 2**30:
                    return f"over {memory_gib:g} GiB"
        time.sleep(_POLL_SECONDS)
    return None
