"""A small project that `python -m flows.running.serve` serves, as a person meets it: through the server's API."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import requests
from projects import DEAD_PROXY, environment, make_clone
from support import slice_archive

from flows.running.ledger import NOTES

PATIENCE_SECONDS = float(os.environ.get("RLREC_PATIENCE", "600"))
"""Until something that takes seconds on a quiet machine is given up; a machine with much else to do wants more."""


IN_BACKGROUND = ("sh", "-c", "trap '' INT; exec \"$@\"", "sh")
"""Put before a command, it is started as from a script with `&`: SIGINT is ignored."""


_READY = ("Serving: open", "The runs of this folder are at")


@dataclass
class Served:
    """The folder, the process that serves it with what it prints, and the server's address."""

    folder: Path
    env: dict[str, str]
    log: Path
    process: "subprocess.Popen[bytes]"
    ui: str

    def ask(self, method: str, path: str, **content: Any) -> Any:
        """What the API answers to a request with this JSON content."""
        answer = requests.request(method, f"{self.ui}/api/{path}", json=content or None, timeout=120)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def deployment(self) -> dict[str, Any]:
        return dict(self.ask("get", "deployments/name/pipeline/rlrec"))

    def start(self, **parameters: Any) -> str:
        """Presses Quick run, or Custom run where there are parameters; the run's id."""
        identity = self.deployment()["id"]
        return str(self.ask("post", f"deployments/{identity}/create_flow_run", parameters=parameters)["id"])

    def state(self, run: str) -> dict[str, Any]:
        return dict(self.ask("get", f"flow_runs/{run}")["state"])

    def wait(self, run: str, *names: str) -> dict[str, Any]:
        """The run's state, as soon as it has one of these names."""
        return self.until(lambda: state if (state := self.state(run))["name"] in names else None)

    def stages(self, run: str) -> dict[str, dict[str, Any]]:
        """The task runs of the pipeline's run, in the order of their start."""
        found = self.ask("post", "task_runs/filter", flow_runs={"id": {"any_": [run]}})
        return {task["name"]: task for task in sorted(found, key=lambda task: task["start_time"] or task["created"])}

    def children(self, run: str) -> dict[str, dict[str, Any]]:
        """The flow runs of stages under the pipeline's run."""
        found = self.ask("post", "flow_runs/filter", flow_runs={"parent_flow_run_id": {"any_": [run]}})
        return {child["name"]: child for child in found}

    def process_of(self, run: str) -> psutil.Process:
        """The process that has this run of the pipeline, which notes itself when the run begins."""
        return psutil.Process(json.loads((self.folder / NOTES / run).read_text())["pid"])

    def artifacts(self, run: str) -> dict[str, dict[str, Any]]:
        found = self.ask("post", "artifacts/filter", artifacts={"flow_run_id": {"any_": [run]}})
        return {artifact["key"]: artifact for artifact in found}

    def logged(self, run: str) -> list[str]:
        """What the run's page shows as its log."""
        found = self.ask("post", "logs/filter", logs={"flow_run_id": {"any_": [run]}}, sort="TIMESTAMP_ASC")
        return [line["message"] for line in found]

    def until(self, look: Callable[[], Any]) -> Any:
        """What a look gives, as soon as it gives something."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not (seen := look()):
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.2)
        return seen

    def end(self, number: int = signal.SIGINT) -> int:
        """Ends the serving process as Ctrl-C in its terminal does, or by another signal; its exit status."""
        os.killpg(self.process.pid, number)
        return self.process.wait(timeout=60)


def make_served_folder(folder: Path, archive: Path, *changes: Mapping[str, Any]) -> Path:
    """A clone of the checkout with small settings and a slice of the archive's ratings."""
    source = slice_archive(archive, folder.parent / "source", users=40, movies=120)
    return make_clone(folder, {"data": {"source": "local", "local": str(source), "tag_genome": "none"}}, *changes)


@contextmanager
def serving(
    folder: Path, *, background: bool = False, module: str = "flows.running.serve", **variables: str
) -> Iterator[Served]:
    """Serves the folder at a free port, until the block ends.

    Args:
        folder: what is served.
        module: `flows.running.ui` serves no deployment.
        background: as a script does with `&`, where all that is started ignores SIGINT.
        variables: more for the environment of all that is started.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = environment(
        folder,
        **DEAD_PROXY,
        PREFECT_SERVER_API_PORT=str(port),
        PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS=str(round(PATIENCE_SECONDS)),
        **variables,
    )
    log = folder.parent / f"{folder.name}.log"
    # Where the tests run in a shell's background, SIGINT is ignored, and a new process would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with log.open("a") as out:
        process = subprocess.Popen(
            [*(IN_BACKGROUND if background else ()), sys.executable, "-m", module],
            cwd=folder,
            env=env,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    served = Served(folder, env, log, process, f"http://127.0.0.1:{port}")
    try:
        served.until(lambda: any(f"{said} {served.ui}" in log.read_text() for said in _READY))
        yield served
    finally:
        if process.poll() is None:
            try:
                served.end(signal.SIGTERM if background else signal.SIGINT)
            except subprocess.TimeoutExpired:
                served.end(signal.SIGKILL)
