"""Runs that are told to end, as real processes: a parent that has a stage do something, and the stage."""

import os
import signal
import subprocess
import sys

import psutil
import pytest
from projects import environment, make_folder

STAGE = """
import sys, time
from flows.running.ending import obeying
with obeying():
    try:
        print("at work", flush=True)
        time.sleep(20)
    except KeyboardInterrupt:
        print("put in order", flush=True)
        sys.exit(130)
"""
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("at work", flush=True)
time.sleep(20)
"""
RUN = """
import subprocess, sys
from flows.running import ending
ending._GRACE_SECONDS, ending._KILL_AFTER_SECONDS = 0.2, float(sys.argv[2])
work = [sys.executable, "-c", sys.argv[1], "-m", "flows.toy"]
try:
    with ending.obeying():
        print(ending.in_thread(lambda: subprocess.run(work).returncode))
except KeyboardInterrupt:
    print("interrupted", flush=True)
    sys.exit(130)
"""


@pytest.fixture
def start(tmp_path):
    """Starts a run, in a terminal or in a script's background, where SIGINT is ignored."""
    folder = make_folder(tmp_path / "project")
    started: list[subprocess.Popen[str]] = []

    def begin(stage: str, *, background: bool, kill_after: float = 30.0) -> "subprocess.Popen[str]":
        shell = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh"] if background else []
        if not background:
            signal.signal(signal.SIGINT, signal.default_int_handler)  # where the tests are in the background
        process = subprocess.Popen(
            [*shell, sys.executable, "-c", RUN, stage, str(kill_after)],
            cwd=folder,
            env=environment(folder),
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "at work\n"
        return process

    yield begin
    for process in started:
        for left in [*psutil.Process(process.pid).children(), process] if process.poll() is None else []:
            left.kill()


@pytest.mark.holds("ending")
@pytest.mark.parametrize(
    ("number", "background"), [(signal.SIGTERM, False), (signal.SIGTERM, True), (signal.SIGINT, False)]
)
def test_a_run_that_alone_is_told_to_end_ends_its_stage_first(start, number, background):
    run = start(STAGE, background=background)
    run.send_signal(number)
    assert run.communicate(timeout=15)[0].splitlines() == ["put in order", "interrupted"]
    assert run.returncode == 130


@pytest.mark.holds("ending")
def test_ctrl_c_which_reaches_both_interrupts_the_stage_once(start):
    run = start(STAGE, background=False)
    os.killpg(run.pid, signal.SIGINT)
    assert run.communicate(timeout=15)[0].splitlines() == ["put in order", "interrupted"]


@pytest.mark.holds("ending")
def test_ctrl_c_is_not_for_what_a_script_has_put_in_the_background(start):
    run = start(STAGE, background=True)
    os.killpg(run.pid, signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        run.wait(0.5)
    run.terminate()
    assert run.communicate(timeout=15)[0].splitlines() == ["put in order", "interrupted"]


@pytest.mark.holds("ending")
def test_a_stage_that_does_not_end_is_killed(start):
    run = start(STUBBORN, background=True, kill_after=0.5)
    [stage] = psutil.Process(run.pid).children()
    run.terminate()
    assert run.communicate(timeout=15)[0].splitlines() == ["interrupted"]
    assert not stage.is_running()
