"""A server that subprocesses share, and a small project in which the whole graph has been run once."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from projects import environment, make_clone, run
from support import slice_archive

from flows.server import running_api


@dataclass(frozen=True)
class Project:
    """A clone of the checkout with a slice of the real data."""

    folder: Path
    archive: Path
    env: dict[str, str]

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        return run(self.folder, *command, env=self.env)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The API address of a Prefect server as `make ui` starts it, with a home of its own."""
    home = tmp_path_factory.mktemp("server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = environment(home, PREFECT_HOME=str(home), DO_NOT_TRACK="1", PREFECT_SERVER_ANALYTICS_ENABLED="false")
    log = home / "server.log"
    with log.open("w") as out:
        command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
        process = subprocess.Popen(command, cwd=home, env=env, stdout=out, stderr=out)
    ui = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            if api := running_api(ui):
                break
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
        else:
            raise AssertionError(f"no server after a minute: {log.read_text()}")
        yield api
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory, ml100k_archive: Path, server: str) -> Project:
    """After `dvc repro`: all that the graph makes is there."""
    top = tmp_path_factory.mktemp("project")
    archive = slice_archive(ml100k_archive, top / "source", users=40, movies=120)
    folder = make_clone(top / "rlrec", {"data": {"source": str(archive), "tag_genome": "none"}})
    made = Project(folder, archive, environment(folder, PREFECT_API_URL=server))
    reproduced = made.run("dvc", "repro")
    assert reproduced.returncode == 0, reproduced.stdout
    return made
