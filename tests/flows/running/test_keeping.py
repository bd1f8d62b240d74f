"""A server that goes away while a run reports to it: toys on real sockets."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.running import keeping
from flows.running.server import ServerError, is_gone


class Toy:
    """A server of a folder, which can be ended and started again at its address."""

    def __init__(self, folder: Path) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps({"folder": str(folder), "ui": True}).encode())

            def log_message(self, *_: object) -> None:
                pass

        self.handler = Handler
        self.port = 0
        self.start()

    def start(self) -> None:
        self.http = HTTPServer(("127.0.0.1", self.port), self.handler)
        self.port = self.http.server_port
        threading.Thread(target=self.http.serve_forever, args=(0.01,)).start()

    def end(self) -> None:
        self.http.shutdown()
        self.http.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"


@contextmanager
def reporting_to(toy: Toy) -> Iterator[None]:
    with temporary_settings({PREFECT_API_URL: toy.url}), keeping.kept():
        yield


def until(look: Callable[[], bool]) -> None:
    for _ in range(1000):
        if look():
            return
        threading.Event().wait(0.02)
    raise AssertionError("did not come about")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, int, bool]]:
    """What servers were asked for; the current folder is a new one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(keeping, "_LOOK_EVERY_SECONDS", 0.02)
    return []


@pytest.mark.holds("server")
def test_another_takes_its_place_each_time_and_that_is_told_once(asked, tmp_path, monkeypatch, capsys):
    toy = Toy(tmp_path)

    def start(host: str, port: int, with_ui: bool) -> str:
        asked.append((host, port, with_ui))
        toy.start()
        return toy.url

    monkeypatch.setattr(keeping, "start", start)
    with reporting_to(toy), reporting_to(toy):  # two runs, of which one starts another
        for times in (1, 2):
            toy.end()
            until(lambda times=times: len(asked) == times and not is_gone(toy.url))
    toy.end()
    assert asked == [("127.0.0.1", toy.port, True)] * 2
    told = capsys.readouterr().err.splitlines()
    assert set(told) == {f"The Prefect server at http://127.0.0.1:{toy.port} has ended: another takes its place."}
    assert len(told) <= 2


@pytest.mark.holds("server")
def test_a_server_of_another_folder_is_not_replaced(asked, tmp_path, monkeypatch):
    toy = Toy(tmp_path / "another")
    monkeypatch.setattr(keeping, "start", lambda *what: asked.append(what))
    with reporting_to(toy):
        toy.end()
        assert not [thread for thread in threading.enumerate() if thread.name == "server watch"]
    assert asked == []


@pytest.mark.holds("server")
@pytest.mark.parametrize("made", [True, False])
def test_a_server_that_cannot_be_replaced_costs_its_record_and_no_result(made, capsys, monkeypatch):
    left: list[int] = []
    monkeypatch.setattr(keeping, "_lost", False)
    monkeypatch.setattr(keeping.os, "_exit", left.append)
    keeping.leave_if_lost(0)
    assert left == []
    with (
        nullcontext() if made else pytest.raises(ServerError, match="does not answer any more"),
        keeping.outliving_the_server(lambda: made),
    ):
        raise httpx.ConnectError("refused")
    assert ("its record of this run is not complete" in capsys.readouterr().err) == made
    keeping.leave_if_lost(3)
    assert left == [3]


@pytest.mark.holds("server")
def test_where_none_can_be_started_that_is_told_and_the_run_goes_on(asked, tmp_path, monkeypatch, capsys):
    def start(*_: object) -> str:
        asked.append(("", 0, True))
        raise ServerError("the disk is full")

    toy = Toy(tmp_path)
    monkeypatch.setattr(keeping, "start", start)
    with reporting_to(toy):
        toy.end()
        until(lambda: bool(asked))
    until(lambda: "the disk is full" in capsys.readouterr().err)
