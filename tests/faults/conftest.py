"""A Ray cluster of two nodes on this machine, as people start one: `ray start` twice."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import paced
import psutil
import pytest

RAY = str(Path(sys.executable).with_name("ray"))
_HEALTH = {"RAY_health_check_period_ms": "1000", "RAY_health_check_timeout_ms": "1000"}


@dataclass
class Nodes:
    """The cluster, and what it takes to kill a node."""

    port: int
    client_port: int
    folder: Path
    environment: dict[str, str]
    raylets: list[psutil.Process] = field(default_factory=list)

    def start(self, *, head: bool) -> None:
        """Starts a node of two CPUs."""
        before = set(self._mine("raylet"))
        where = ["--head", f"--port={self.port}", f"--ray-client-server-port={self.client_port}"]
        where += ["--include-dashboard=false", f"--temp-dir={self.folder}"]
        command = [RAY, "start", *(where if head else [f"--address=127.0.0.1:{self.port}"])]
        options = ["--num-cpus=2", "--object-store-memory=100000000"]
        subprocess.run(
            [*command, *options, "--disable-usage-stats"],
            env=self.environment, check=True, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        self.raylets += [raylet for raylet in self._mine("raylet") if raylet not in before]

    def kill_second(self) -> None:
        """Kills the second node with all that runs on it, as a power cut does."""
        raylet = self.raylets.pop()
        doomed = [raylet, *raylet.children(recursive=True)]
        _kill(doomed)

    def stop(self) -> None:
        """Kills what belongs to this cluster and nothing else."""
        while self.raylets:
            self.kill_second()
        _kill(self._mine())
        shutil.rmtree(self.folder, ignore_errors=True)

    def _mine(self, name: str = "") -> list[psutil.Process]:
        """Processes of this cluster, of a name; other tests may have clusters of their own."""
        token, found = self.environment["RAY_AUTH_TOKEN_PATH"], psutil.process_iter(["name", "environ"])
        return [
            process
            for process in found
            if process.pid != os.getpid()
            and (process.info["environ"] or {}).get("RAY_AUTH_TOKEN_PATH") == token
            and name in ("", process.info["name"])
        ]


def _kill(processes: Iterable[psutil.Process]) -> None:
    """Some end by themselves meanwhile, since others of them did."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    """Two nodes with token authentication, and `training.ray.address: auto` meaning them."""
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        port, client_port = one.getsockname()[1], other.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))  # sockets have short names
    token = folder / "token"
    token.write_text("a" * 64)
    mine = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token), "RAY_ADDRESS": f"127.0.0.1:{port}", **_HEALTH}
    mine |= {"RAY_USAGE_STATS_ENABLED": "0"}
    cluster = Nodes(port, client_port, folder, os.environ | mine)
    patch = pytest.MonkeyPatch()
    for name, value in mine.items():
        patch.setenv(name, value)  # before Ray is imported: it reads some of them then
    from ray import cloudpickle

    cloudpickle.register_pickle_by_value(paced)  # workers have rlrec, not the tests
    try:
        cluster.start(head=True)
        cluster.start(head=False)
        yield cluster
    finally:
        patch.undo()
        cluster.stop()


@pytest.fixture
def two_nodes(nodes: Nodes) -> Nodes:
    """Both nodes, whatever the test before has killed."""
    if len(nodes.raylets) < 2:
        nodes.start(head=False)
    return nodes


def pid_of(place: str) -> int:
    """The process of `host:pid`."""
    return int(place.rsplit(":", 1)[1])


def gone(pid: int, seconds: float = 20) -> bool:
    """Whether a process ends in time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not psutil.pid_exists(pid):
            return True
        time.sleep(0.1)
    return False
