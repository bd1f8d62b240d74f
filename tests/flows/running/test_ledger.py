"""Which runs are at work, between real processes; Prefect's server is one of the session."""

import shutil
import subprocess
import sys
import time
from contextlib import contextmanager

import psutil
import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.states import Running
from projects import ROOT, environment, make_folder, run
from served import serving

from flows.running import turn
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


@pytest.mark.long
def test_a_run_that_was_killed_with_its_worker_is_closed_in_seconds_and_the_next_one_is_run(tmp_path, record_property):
    folder = make_folder(tmp_path / "project")
    shutil.copy(ROOT / "prefect.yaml", folder)
    with serving(folder, module="flows.running.ui") as served:
        env = served.env | {"PREFECT_API_URL": f"{served.ui}/api"}
        for command in (("work-pool", "create", "rlrec", "--type", "process"), ("--no-prompt", "deploy", "--all")):
            made = run(folder, "prefect", *command, env=env)
            assert made.returncode == 0, made.stdout

        @contextmanager
        def working():
            with served.log.open("a") as out:
                command = ["prefect", "worker", "start", "--pool", "rlrec"]
                worker = subprocess.Popen(command, cwd=folder, env=env, stdout=out, stderr=out, start_new_session=True)
            family = [psutil.Process(worker.pid)]
            try:
                yield family
            finally:
                for process in [*family[0].children(recursive=True), *family]:
                    process.kill()
                worker.wait()

        with turn.turn(folder / turn.PIPELINE, print):
            with working() as family:
                killed = served.start()
                served.until(lambda: any("Waiting for process" in line for line in served.logged(killed)))
                assert family[0].children()
            began = time.monotonic()
            served.wait(killed, "Crashed")
            record_property("seconds_until_closed", round(time.monotonic() - began, 1))
        with working():
            after = served.start(seed=1, overrides=["seed=2"])
            assert "seed is given twice" in served.wait(after, "Failed")["message"]
        record_property("seconds_until_the_next_has_run", round(time.monotonic() - began, 1))
