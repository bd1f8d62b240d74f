"""A Prefect server that all runs share, and two small projects in which the pipeline has ended undisturbed."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hardening.runs import STAGES, Project, Reference, make_project, outcome
from projects import environment
from support import slice_archive

from flows.server import running_api


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The API of a Prefect server with a home of its own."""
    home = tmp_path_factory.mktemp("server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = environment(home, PREFECT_HOME=str(home), DO_NOT_TRACK="1", PREFECT_SERVER_ANALYTICS_ENABLED="false")
    log = home / "server.log"
    with log.open("w") as out:
        command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
        process = subprocess.Popen(command, cwd=home, env=env, stdout=out, stderr=out)
    try:
        until = time.monotonic() + 120
        while not (api := running_api(f"http://127.0.0.1:{port}")):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.1)
        yield api
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory, ml100k_archive: Path) -> Path:
    return slice_archive(ml100k_archive, tmp_path_factory.mktemp("source"), users=40, movies=120)


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory, archive: Path, server: str) -> Reference:
    top = tmp_path_factory.mktemp("reference")
    one = make_project(top / "one", archive, server)
    other = Project(shutil.copytree(one.folder, top / "other"), server)
    with ThreadPoolExecutor(2) as pool:  # as they are disturbed later: side by side
        timed, plain = pool.submit(_timed, one), pool.submit(other.complete)
        begun, seconds = timed.result()
        plain.result()
    found = outcome(one.folder)
    assert outcome(other.folder) == found, "an undisturbed run is not the same each time"
    return Reference((one, other), found, begun, seconds)


def _timed(project: Project) -> tuple[dict[str | None, float], float]:
    with project.running() as run:
        begun: dict[str | None, float] = {None: 0.0}
        for stage in STAGES:
            assert run.reaches(stage, 0), run.said()
            begun[stage] = time.monotonic() - run.started
        said = run.wait()
        seconds = time.monotonic() - run.started
    assert run.process.returncode == 0, said
    return begun, seconds
