import io

import pytest

from tasks import progress
from tasks.progress import progress_bar


class Stream(io.StringIO):
    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


def stderr_as(monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> Stream:
    """Replaces standard error. In the test itself, since pytest sets its own after the fixtures."""
    stream = Stream(terminal)
    monkeypatch.setattr("sys.stderr", stream)
    return stream


def test_a_terminal_shows_a_bar_with_share_and_note_and_clears_it(monkeypatch):
    stderr = stderr_as(monkeypatch, terminal=True)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    with progress_bar("training") as advance:
        advance(30, 120, "4,000 steps/s")
    shown = stderr.getvalue()
    assert "training" in shown
    assert "25%" in shown
    assert "4,000 steps/s" in shown
    assert shown.rstrip().endswith("\x1b[2K")  # the line is erased


def test_a_log_file_gets_plain_lines_with_share_and_note(monkeypatch):
    stderr = stderr_as(monkeypatch, terminal=False)
    monkeypatch.setattr(progress, "LINE_EVERY_SECONDS", 0.0)
    with progress_bar("downloading") as advance:
        advance(1_500, 6_000, "bytes")
        advance(7_000, None, "bytes")
    assert stderr.getvalue() == "downloading:  25% bytes\ndownloading: 7,000 bytes\n"


def test_a_log_file_gets_a_line_only_now_and_then(monkeypatch):
    stderr = stderr_as(monkeypatch, terminal=False)
    clock = iter(range(0, 100, 4))
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(clock)))
    with progress_bar("training") as advance:
        for done in range(10):  # told at 4, 8, 12, ... seconds, with a line not before ten have passed
            advance(done, 10, "")
    lines = stderr.getvalue().splitlines()
    assert [line.split()[1] for line in lines] == ["20%", "50%", "80%"]


@pytest.mark.parametrize("terminal", [True, False])
def test_an_error_passes_through(terminal, monkeypatch):
    stderr_as(monkeypatch, terminal=terminal)
    with pytest.raises(KeyError), progress_bar("x"):
        raise KeyError("inside")
