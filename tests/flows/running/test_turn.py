"""The lock, between real processes."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from projects import environment, make_folder

from flows.running import turn

HOLD = """
import sys
from pathlib import Path
from flows.running.turn import turn
with turn(Path("lock"), lambda message: print(message, flush=True)):
    print("mine", flush=True)
    sys.stdin.readline()
print("over", flush=True)
"""


@pytest.fixture
def start(tmp_path):
    """Starts processes that want the lock, hold it until they read a line, and say what they do."""
    folder = make_folder(tmp_path / "project")
    started: list[subprocess.Popen[str]] = []

    def begin() -> "subprocess.Popen[str]":
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD],
            cwd=folder,
            env=environment(folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def test_the_second_says_for_whom_it_waits_and_goes_on_when_that_has_ended(start):
    first = start()
    assert first.stdout.readline() == "mine\n"
    second = start()
    said = second.stdout.readline()
    assert said.startswith(f"Waiting for process {first.pid}, at work since 20")
    first.communicate("done\n")
    assert second.stdout.readline() == "mine\n"
    assert second.communicate("done\n")[0] == "over\n"


def test_what_a_killed_process_has_left_blocks_nobody(start):
    first = start()
    assert first.stdout.readline() == "mine\n"
    first.kill()
    first.wait()
    second = start()
    assert second.stdout.readline() == "mine\n"  # and says nothing of waiting


def test_ctrl_c_ends_the_wait(start):
    first = start()
    assert first.stdout.readline() == "mine\n"
    second = start()
    assert second.stdout.readline().startswith("Waiting for process")
    second.send_signal(signal.SIGINT)
    out, err = second.communicate(timeout=20)
    assert second.returncode != 0
    assert "KeyboardInterrupt" not in err  # flows says nothing of Ctrl-C
    assert out == ""
    assert first.poll() is None


def test_it_is_free_again_after_the_block_whatever_ended_that(tmp_path):
    lock = tmp_path / "deep" / "lock"
    assert turn.is_free(lock)

    def fail() -> None:
        with turn.turn(lock, print):
            assert not turn.is_free(lock)
            assert json.loads(lock.read_text())["pid"] == os.getpid()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert turn.is_free(lock)


def test_locks_are_where_git_does_not_look():
    for lock in (turn.PIPELINE, turn.STAGE, turn.SERVING):
        assert lock.parent == Path(".dvc/tmp")
    assert len({turn.PIPELINE, turn.STAGE, turn.SERVING}) == 3
