"""From `make serve` to a finished run that was started through the server's API, as the UI's Quick run does.

Run it in a fresh clone after `make install`: it serves the repository with its settings and data.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import requests
import typer
from rich.table import Table

from benchmarks.records import RESULTS, ROOT, append_record, console, errors, run_command
from rlrec.errors import RlrecError

_SERVING = re.compile(r"Serving: open (http://[^/]+)/deployments/deployment/(\S+)")
_ERROR = re.compile(r"\b(ERROR|CRITICAL|Traceback)\b")
_ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
_LOOK_EVERY_SECONDS = 0.5


@contextmanager
def serving(log: Path) -> Iterator[tuple[str, str]]:
    """`make serve` in the repository, until the block ends; the API's address and the deployment's id.

    Raises:
        RlrecError: it ended before it served, with what it said.
    """
    # A shell's background has SIGINT ignored, and what is started there inherits that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with log.open("w") as out:
        process = subprocess.Popen(["make", "serve"], cwd=ROOT, stdout=out, stderr=out, start_new_session=True)
    try:
        while not (found := _SERVING.search(log.read_text())):
            if process.poll() is not None:
                raise RlrecError(f"`make serve` ended before it served:\n{log.read_text()}")
            time.sleep(_LOOK_EVERY_SECONDS)
        yield f"{found[1]}/api", found[2]
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C
            process.wait()


def finish(api: str, deployment: str) -> dict[str, Any]:
    """Presses Quick run and waits for the run's end.

    Returns:
        `state` (its name), `message`, `seconds` from the press, and `stages`: seconds by stage.

    Raises:
        requests.RequestException: the server does not answer, or refuses.
    """
    pressed = time.monotonic()
    run = _ask("post", f"{api}/deployments/{deployment}/create_flow_run")["id"]
    while (state := _ask("get", f"{api}/flow_runs/{run}")["state"])["type"] not in _ENDED:
        time.sleep(_LOOK_EVERY_SECONDS)
    seconds = time.monotonic() - pressed
    chosen = {"flow_runs": {"id": {"any_": [run]}}, "sort": "EXPECTED_START_TIME_ASC"}
    tasks = _ask("post", f"{api}/task_runs/filter", **chosen)
    return {
        "state": state["name"],
        "message": state["message"],
        "seconds": seconds,
        "stages": {task["name"]: task["total_run_time"] for task in tasks},
    }


def _ask(method: str, address: str, **content: Any) -> Any:
    answer = requests.request(method, address, json=content, timeout=60)
    answer.raise_for_status()
    return answer.json()


def main(
    output: Annotated[Path, typer.Option(help="Where the record is added.")] = RESULTS / "served.json",
) -> None:
    """Serve this folder, start a run through the API, wait for it, and count the errors in the server's log."""
    with TemporaryDirectory() as folder:
        log = Path(folder) / "served.log"
        began = time.monotonic()
        errors.print("`make serve` …")
        with serving(log) as (api, deployment):
            ready = time.monotonic() - began
            errors.print(f"serving after {ready:.0f} s; the run is started …")
            run = finish(api, deployment)
        said = log.read_text().splitlines()
    wrong = [line for line in said if _ERROR.search(line)]

    table = Table(title="From `make serve` to a finished run")
    table.add_column("")
    table.add_column("", justify="right")
    table.add_row("until it serves", f"{ready:.1f} s")
    for stage, seconds in run["stages"].items():
        table.add_row(f"stage {stage}", f"{seconds:.1f} s")
    table.add_row("the run, from the press of the button", f"{run['seconds']:.1f} s")
    table.add_row("its state", run["state"])
    table.add_row("lines with errors in the log", f"{len(wrong)} of {len(said)}")
    console.print(table)
    figures = run | {"seconds_until_served": ready, "log_lines": len(said), "errors": wrong}
    append_record(output, settings={}, figures=figures, packages=["prefect", "dvc"])
    if run["state"] != "Completed" or wrong:
        sys.exit("\n".join([f"the run is {run['state']}: {run['message']}", *wrong]))


if __name__ == "__main__":
    run_command(main)
