"""How long a run with other parameters takes to end after `kill`, and whether all is put back.

Run it in a fresh clone after `make pipeline`: what is up to date is not made again. Nothing else should run beside it.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import psutil
import typer

from benchmarks.records import PARAMS, RESULTS, ROOT, append_record, errors, run_command, show_figures
from rlrec.errors import RlrecError

_RUN = (sys.executable, "-m", "flows.pipeline", "-S", "training.steps=1000000000000")
_TRAINS = "on validation users"
_IN_BACKGROUND = ("sh", "-c", "trap '' INT; exec \"$@\"", "sh")
_GIVE_UP_AFTER_SECONDS = 120.0


class Ended(NamedTuple):
    """One run that was told to end."""

    seconds: float
    status: int  # of the process
    left: int  # processes that it has started and that are there yet


def end(command: Sequence[str], *, background: bool, folder: Path, after: float) -> Ended:
    """Starts a run, waits until it trains, and sends SIGTERM to its process alone.

    Args:
        command: the run.
        background: as from a script with `&`, where SIGINT is ignored.
        folder: where it runs.
        after: seconds from its first checkpoint to the signal.

    Raises:
        RlrecError: it ended by itself, or did not end.
    """
    with tempfile.TemporaryFile("w+") as log:
        whole = [*(_IN_BACKGROUND if background else ()), *command]
        process = subprocess.Popen(whole, cwd=folder, stdout=log, stderr=log, start_new_session=True)
        try:
            while _TRAINS not in (said := _read(log.fileno())):
                if process.poll() is not None:
                    raise RlrecError(f"the run ended before it was told to:\n{said}")
                time.sleep(0.1)
            time.sleep(after)
            family = psutil.Process(process.pid).children(recursive=True)
            began = time.monotonic()
            process.terminate()
            status = process.wait(_GIVE_UP_AFTER_SECONDS)
            seconds = time.monotonic() - began
        except subprocess.TimeoutExpired as error:
            raise RlrecError(
                f"the run did not end in {_GIVE_UP_AFTER_SECONDS:.0f} s:\n{_read(log.fileno())}"
            ) from error
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    _, left = psutil.wait_procs(family, timeout=1)
    for one in left:
        one.kill()
    return Ended(seconds, status, len(left))


def _read(descriptor: int) -> str:
    return os.pread(descriptor, 10**7, 0).decode(errors="replace")


def main(
    times: Annotated[int, typer.Option(help="How many runs are ended.", min=1)] = 20,
    output: Annotated[Path, typer.Option(help="Where the record is added.")] = RESULTS / "ending.json",
) -> None:
    """Ends runs with other parameters by SIGTERM while they train, by turns with SIGINT ignored."""
    before, rng, ended = PARAMS.read_bytes(), np.random.default_rng(0), []
    for number in range(times):
        ended.append(end(_RUN, background=number % 2 == 1, folder=ROOT, after=rng.uniform(0, 5)))
        errors.print(f"run {number + 1} of {times}: ended after {ended[-1].seconds:.1f} s", highlight=False)
        if PARAMS.read_bytes() != before:
            raise RlrecError(f"{PARAMS}: was not put back")
    seconds = [run.seconds for run in ended]
    figures = {
        "runs": times,
        "in ten seconds": sum(second <= 10 for second in seconds),
        "median seconds": float(np.median(seconds)),
        "most seconds": max(seconds),
        "said to be interrupted": sum(run.status == 130 for run in ended),
        "processes left": sum(run.left for run in ended),
    }
    show_figures("Runs that were told to end while they trained", figures)
    append_record(output, settings={"times": times}, figures=figures, packages=("prefect", "dvc"))


if __name__ == "__main__":
    run_command(main)
