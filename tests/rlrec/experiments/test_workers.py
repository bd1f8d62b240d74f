import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from rlrec.errors import ConfigError
from rlrec.experiments import workers as module
from rlrec.experiments.workers import Died, Pruned, Report, Stopped, Workers


def pid(*_: object) -> int:
    return os.getpid()


def twice(number: int, report: Report) -> int:
    return 2 * number if report(number, 0.5) else 0


def raises(kind: type[Exception], _: Report) -> None:
    raise kind("no such thing")


def dies(_: Report) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def waits(_: Report) -> None:
    time.sleep(60)


def tells_and_waits(path: Path, _: Report) -> None:
    path.write_text(str(os.getpid()))
    time.sleep(60)


@pytest.fixture(scope="module")
def one():
    with Workers(1) as found:
        yield found


def test_work_is_done_in_another_process_that_is_kept(one: Workers) -> None:
    assert one.call(pid) == one.call(pid) != os.getpid()


def test_a_report_is_answered_here(one: Workers) -> None:
    told: list[tuple[int, float]] = []
    assert one.call(twice, 4, report=lambda *point: not told.append(point)) == 8
    assert one.call(twice, 4, report=lambda *_: False) == 0
    assert told == [(4, 0.5)]


@pytest.mark.parametrize("kind", [ConfigError, Pruned])
def test_what_a_user_can_act_on_is_raised_here_and_the_process_goes_on(one: Workers, kind: type[Exception]) -> None:
    before = one.call(pid)
    with pytest.raises(kind, match="no such thing"):
        one.call(raises, kind)
    assert one.call(pid) == before


def test_of_a_defect_it_is_told_where_it_is(one: Workers) -> None:
    with pytest.raises(RuntimeError, match=r"(?s)in raises.*ZeroDivisionError: no such thing"):
        one.call(raises, ZeroDivisionError)


def test_a_report_that_fails_here_leaves_no_process_waiting_for_its_answer(one: Workers) -> None:
    with pytest.raises(ZeroDivisionError):
        one.call(twice, 4, report=lambda *_: 1 // 0)
    assert one.call(twice, 4, report=lambda *_: True) == 8


def test_one_that_dies_is_told_with_the_signal_and_replaced(one: Workers) -> None:
    with pytest.raises(Died, match="SIGSEGV"):
        one.call(dies)
    assert one.call(twice, 3, report=lambda *_: True) == 6


def test_a_process_is_renewed_after_some_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RENEW", 2)
    with Workers(1) as some:
        first, second, third = (some.call(pid) for _ in range(3))
    assert first == second != third


def test_closing_ends_what_is_under_way() -> None:
    outcomes: list[BaseException] = []

    def work() -> None:
        try:
            some.call(waits)
        except BaseException as error:
            outcomes.append(error)

    with Workers(1) as some:
        some.call(pid)
        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        time.sleep(0.2)
    for thread in threads:
        thread.join(30)
    assert [type(outcome) for outcome in outcomes] == [Stopped, Stopped]
    with pytest.raises(Stopped):
        some.call(pid)


def test_processes_end_with_the_one_that_started_them(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; import test_workers;"
        "from rlrec.experiments.workers import Workers;"
        "Workers(1).call(test_workers.tells_and_waits, Path(sys.argv[1]))"
    )
    here = [str(Path(__file__).parent), *filter(None, sys.path)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(here)}
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "pid")], env=env)
    wait_for(lambda: (tmp_path / "pid").is_file() and (tmp_path / "pid").read_text())
    child = int((tmp_path / "pid").read_text())
    parent.kill()
    parent.wait()
    wait_for(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE)


def wait_for(condition) -> None:
    for _ in range(600):
        if condition():
            return
        time.sleep(0.1)
    pytest.fail("it took too long")
