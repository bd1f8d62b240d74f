"""No server of ours can be reached from another machine unless somebody asked for that."""

import ipaddress
import shutil
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path

import psutil
import pytest
from hardening.runs import TAG, Reference, Run
from projects import ROOT, environment, make_folder

pytestmark = [pytest.mark.slow, pytest.mark.ci]


def listening(run: Run) -> set[tuple[str, int]]:
    """Addresses at which the processes of a run can be reached, over TCP and UDP."""
    found = set()
    for process in run.processes():
        try:
            sockets = process.net_connections(kind="inet")
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        found |= {
            (bound.laddr.ip, bound.laddr.port)
            for bound in sockets
            if bound.laddr and (bound.status == psutil.CONN_LISTEN or bound.type == socket.SOCK_DGRAM)
        }
    return found


def elsewhere(addresses: set[tuple[str, int]]) -> list[tuple[str, int]]:
    """Those that are not on loopback."""
    return sorted(address for address in addresses if not ipaddress.ip_address(address[0]).is_loopback)


@pytest.mark.realdata
def test_a_pipeline_with_its_temporary_server_listens_on_loopback_only(reference: Reference, tmp_path: Path) -> None:
    project = reference.copy(tmp_path / "project")
    (project.folder / "dvc.lock").unlink()
    found: set[tuple[str, int]] = set()
    with project.running(own_server=True) as run:
        while run.process.poll() is None:
            found |= listening(run)
            time.sleep(0.5)  # to look costs as much as a stage does
    assert run.process.returncode == 0, run.said()
    assert found, "no server was seen"
    assert elsewhere(found) == []


@pytest.mark.parametrize("command", [("flows.running.ui",), ("flows.running.serve",)])
def test_a_server_that_is_started_for_people_listens_on_loopback_only(tmp_path: Path, command: tuple[str, ...]) -> None:
    folder = make_folder(tmp_path / "project")
    shutil.copy(ROOT / "prefect.yaml", folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    tag, log = uuid.uuid4().hex, tmp_path / "log"
    env = environment(folder, PREFECT_SERVER_API_PORT=str(port), **{TAG: tag})
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
    run = Run(process, log, tag)
    try:
        until = time.monotonic() + 400
        while port not in {bound for _, bound in listening(run)}:
            assert process.poll() is None, run.said()
            assert time.monotonic() < until, run.said()
            time.sleep(0.2)
        time.sleep(5)  # what else it starts, it starts by then
        assert elsewhere(listening(run)) == []
    finally:
        run.kill()
