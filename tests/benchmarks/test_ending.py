import sys
from pathlib import Path

import pytest

from benchmarks.ending import end
from rlrec.errors import RlrecError

RUN = """
import signal, subprocess, sys, time
stage = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"])
def take(*_):
    if sys.argv[1] == "all":
        stage.kill()
        stage.wait()
    sys.exit(130 + (signal.getsignal(signal.SIGINT) is signal.SIG_IGN))
signal.signal(signal.SIGTERM, take)
print("return 1.0 on validation users", flush=True)
time.sleep(30)
"""


@pytest.mark.parametrize(("background", "what", "left"), [(False, "all", 0), (True, "itself", 1)])
def test_a_run_is_ended_and_what_it_leaves_is_counted(
    background: bool, what: str, left: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [sys.executable, "-c", RUN, what]
    ended = end(command, background=background, folder=tmp_path, after=0.1)
    assert ended.seconds > 0
    assert ended.left == left
    assert ended.status >= 130
    if background:
        assert ended.status == 131


def test_a_run_that_ends_by_itself_is_an_error_with_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(RlrecError, match="ended before it was told to:\nno world"):
        end([sys.executable, "-c", "import sys; sys.exit('no world')"], background=False, folder=tmp_path, after=0)
