"""Fixtures that several parts share."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from projects import QUICKLY_COMPILED, environment, make_folder
from repeating import (  # noqa: F401, pytest finds hooks and fixtures by name
    choose,
    pytest_addoption,
    pytest_generate_tests,
    pytest_terminal_summary,
    round_of_repetition,
)

ROOT = Path(__file__).resolve().parents[1]
SHARING = {
    "project": [f"flows/test_{name}.py" for name in ("bad_input", "matrix", "pipeline", "remotes", "versions")],
    "served": ["flows/running/test_serve.py", "flows/test_browser.py"],
    "reference": ["hardening/test_disks.py", "hardening/test_loopback.py"],
}
"""By fixture that takes a minute to make, the files that need it."""


# As in flows: workers share the cores, and threads of OpenBLAS that wait for one another cost a hundred times the work.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# What tests compile is played for a second or two: machine code need not be good, but soon there. Pipelines are
# compiled as everybody's are: `projects.environment` takes it back.
os.environ.setdefault("XLA_FLAGS", QUICKLY_COMPILED)


def pytest_configure(config: pytest.Config) -> None:
    """What XLA has compiled in one process, the others of the session load: small trainings take longer to compile.

    Generated examples have no deadline: on a busy machine any of them may take long.
    """
    hypothesis.settings.register_profile("rlrec", deadline=None)
    hypothesis.settings.load_profile("rlrec")
    if "TF_XLA_FLAGS" not in os.environ:
        compiled = tempfile.mkdtemp(prefix="rlrec-compiled-")
        config.add_cleanup(lambda: shutil.rmtree(compiled, ignore_errors=True))
        os.environ["TF_XLA_FLAGS"] = f"--tf_xla_persistent_cache_directory={compiled}"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A parallel worker takes a file at a time, or the files that share a fixture of a minute."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _unit(nodeid)

    return Scheduling(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What takes long comes first, so that no worker is left alone with it in the end."""
    choose(config, items)
    slow = {_unit(item.nodeid) for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (_unit(item.nodeid) not in SHARING, _unit(item.nodeid) not in slow))


def _unit(nodeid: str) -> str:
    """What a worker takes at a time."""
    file = nodeid.partition("::")[0]
    return next((fixture for fixture, files in SHARING.items() if file.removeprefix("tests/") in files), file)


@pytest.fixture(scope="session")
def ml100k_archive() -> Path:
    """The real ml-100k archive beside the checkout; tests that need it are skipped where it is not."""
    return _real("ml-100k.zip")


@pytest.fixture(scope="session")
def latest_small_archive() -> Path:
    """Likewise of ml-latest-small, whose ratings are half stars."""
    return _real("ml-latest-small.zip")


def _real(name: str) -> Path:
    path = ROOT.parent / "shared" / "data" / name
    if not path.is_file():
        pytest.skip(f"real MovieLens data is not at {path}")
    return path


@pytest.fixture(scope="session")
def engine(server: str) -> Iterator[None]:
    """The real Prefect engine; its runs are known to the server."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: server}):
        yield
        # What is still on its way would be sent to the server again and again, for a minute after that has ended.
        for sender in (APILogWorker, EventsWorker):
            sender.drain_all(timeout=30)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The API address of a Prefect server as `make ui` starts it, with a home of its own."""
    from flows.running.server import running_api

    home = tmp_path_factory.mktemp("server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = environment(home, PREFECT_HOME=str(home), DO_NOT_TRACK="1", PREFECT_SERVER_ANALYTICS_ENABLED="false")
    # It outlives the Ray cluster of the tests that may have asked for it first, which kills what carries its marks.
    env = {name: value for name, value in env.items() if not name.startswith("RAY_")}
    log = home / "server.log"
    with log.open("w") as out:
        command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
        process = subprocess.Popen(command, cwd=home, env=env, stdout=out, stderr=out)
    ui = f"http://127.0.0.1:{port}"
    try:
        for _ in range(1800):
            if api := running_api(ui):
                break
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
        else:
            raise AssertionError(f"no server after three minutes: {log.read_text()}")
        yield api
    finally:
        process.terminate()
        process.wait(timeout=120)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: one in which flows find their graph, small settings and their sources."""
    made = make_folder(tmp_path / "project")
    monkeypatch.chdir(made)
    for name in ("RLREC_PARENT_TASK_RUN", "RLREC_STAGE_RECORD"):
        monkeypatch.delenv(name, raising=False)
    return made
