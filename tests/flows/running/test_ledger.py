"""Which runs are at work, between real processes; Prefect's server is one of the session."""

import subprocess
import sys

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.states import Running
from projects import environment

from flows.running.ledger import NOTES, close_dead_runs, noted

HOLD = """
import sys
from flows.running.ledger import noted
with noted(sys.argv[1]):
    print("noted", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.slow
def test_a_run_that_was_killed_is_closed_and_those_at_work_are_not(folder, engine):
    @flow
    def toy() -> None:
        pass

    with get_client(sync_client=True) as client:
        killed, alive = (client.create_flow_run(toy, state=Running()) for _ in range(2))
        holders = []
        for run in (killed, alive):
            command = [sys.executable, "-c", HOLD, str(run.id)]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
            holders.append(subprocess.Popen(command, cwd=folder, env=environment(folder), text=True, **pipes))
            assert holders[-1].stdout.readline() == "noted\n"
        close_dead_runs()
        assert client.read_flow_run(killed.id).state.is_running()
        holders[0].kill()
        holders[0].wait()
        close_dead_runs()
        closed = client.read_flow_run(killed.id).state
        assert closed.is_crashed()
        assert "was killed" in closed.message
        assert client.read_flow_run(alive.id).state.is_running()
        assert [note.name for note in NOTES.iterdir()] == [str(alive.id)]
        holders[1].communicate("over\n", timeout=60)
        assert list(NOTES.iterdir()) == []
        close_dead_runs()
        assert client.read_flow_run(alive.id).state.is_running()  # what it left is its own affair


def test_a_note_of_nothing_that_the_server_knows_is_removed(folder, engine):
    NOTES.mkdir(parents=True)
    (NOTES / "00000000-0000-0000-0000-000000000000").touch()
    (NOTES / "no-run").touch()
    close_dead_runs()
    assert list(NOTES.iterdir()) == []


def test_without_a_run_there_is_nothing_to_note(folder):
    with noted(None):
        assert not NOTES.exists()
