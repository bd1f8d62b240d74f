import os
import sys
from pathlib import Path

import psutil
import pytest

from benchmarks.workers import Unfinished, call, peak_memory_mib, run_worker
from rlrec.errors import RlrecError


@pytest.fixture
def worker(tmp_path: Path):
    """Runs a worker whose module is the given lines."""

    def run(lines: str, seconds: float = 20, memory_gib: float | None = None):
        (tmp_path / "some_worker.py").write_text(f"import json, os, sys, time\n{lines}\n")
        return run_worker("some_worker", {"n": 2}, seconds=seconds, memory_gib=memory_gib, folder=tmp_path)

    return run


def test_settings_go_in_and_figures_come_out(worker) -> None:
    told = worker("print('noise')\nprint(json.dumps({'n': json.loads(sys.argv[1])['n'] + 1, 'pid': os.getpid()}))")

    assert told["n"] == 3
    assert told["pid"] != os.getpid()


def test_a_failure_says_why(worker) -> None:
    told = worker("raise RuntimeError('no such movie')")

    assert isinstance(told, Unfinished)
    assert told.reason.startswith("exit code 1")
    assert "no such movie" in told.reason


def test_one_that_takes_too_long_is_stopped(worker, tmp_path: Path) -> None:
    told = worker("open('pid', 'w').write(str(os.getpid()))\ntime.sleep(60)", seconds=1.5)

    assert told == Unfinished("over 2 s")
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_one_that_takes_too_much_memory_is_stopped(worker) -> None:
    assert worker("x = bytearray(400 * 2**20)\nx[::4096] = b'1' * len(x[::4096])\ntime.sleep(60)", memory_gib=0.2) == (
        Unfinished("over 0.2 GiB")
    )


@pytest.mark.skipif(sys.platform != "linux", reason="what a process has held is read from /proc")
def test_peak_memory_stays_when_memory_is_given_back() -> None:
    resident = psutil.Process().memory_info().rss / 2**20
    held = bytearray(64 * 2**20)
    held[::4096] = b"1" * len(held[::4096])
    del held

    assert peak_memory_mib() > resident + 48  # the system's counters lag a little


def test_a_command_that_fails_is_an_error_with_what_it_said() -> None:
    call([sys.executable, "-c", "pass"])
    with pytest.raises(RlrecError, match="failed:\nno such package"):
        call([sys.executable, "-c", "import sys; sys.exit('no such package')"])
