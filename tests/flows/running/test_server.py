import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import prefect
import psutil
import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_UI_URL, temporary_settings
from projects import DEAD_PROXY, environment, make_folder, run

from flows.running import server
from flows.running.server import owner_of, running_api, ui_url


@contextmanager
def answering(content: bytes, status: int = 200, delay: float = 0.0) -> Iterator[str]:
    """An HTTP server on loopback that answers every request so; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            time.sleep(delay)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{http.server_port}"
        finally:
            http.shutdown()
            thread.join()


def test_a_server_of_this_version_is_used():
    with answering(f'"{prefect.__version__}"'.encode()) as ui:
        assert running_api(ui) == f"{ui}/api"


@pytest.mark.parametrize(
    ("content", "status"),
    [(b'"2.19.0"', 200), (b"<html>something else</html>", 200), (b"\xff\xfe", 200), (b"", 200), (b"no", 404)],
)
def test_what_is_not_a_server_of_this_version_is_left_alone(content, status):
    with answering(content, status) as ui:
        assert running_api(ui) is None


def test_no_server_and_one_that_hangs_are_left_alone(monkeypatch):
    monkeypatch.setattr(server, "_PROBE_SECONDS", 0.1)
    with answering(b"", delay=0.5) as ui:
        assert running_api(ui) is None
    assert running_api(ui) is None  # nobody listens any more


@pytest.fixture
def no_other(monkeypatch):
    """Fails where another server is looked for than the one that is named."""

    def fail(*_: object) -> str:
        raise AssertionError("looked for another server")

    monkeypatch.setattr(server, "running_api", fail)
    monkeypatch.setattr(server, "_start", fail)


def test_a_server_that_is_named_is_kept(no_other):
    with answering(b"true") as named, temporary_settings({PREFECT_API_URL: f"{named}/api"}):
        server.connect()
        assert os.environ.get("PREFECT_API_URL") != f"{named}/api"


@pytest.mark.holds("profile")
def test_a_server_that_is_named_and_cannot_be_reached_is_told_in_a_line(no_other):
    with (
        temporary_settings({PREFECT_API_URL: "http://127.0.0.1:1/api"}),
        pytest.raises(server.ServerError, match=r"http://127\.0\.0\.1:1/api \(.*refused.*PREFECT_API_URL") as told,
    ):
        server.connect()
    assert len(str(told.value).splitlines()) == 1


@pytest.fixture
def found(monkeypatch):
    """Nothing is named, and something of this version of Prefect answers where `make ui` starts it."""

    @contextmanager
    def found(owner: bytes) -> Iterator[str]:
        with answering(owner) as ui, temporary_settings({PREFECT_UI_URL: ui}, restore_defaults={PREFECT_API_URL}):
            monkeypatch.setattr(server, "running_api", lambda ui: f"{ui}/api")
            monkeypatch.setattr(server, "_start", lambda with_ui: "one of its own")
            for name in ("PREFECT_API_URL", "PREFECT_UI_URL"):
                monkeypatch.setenv(name, "")  # put back afterwards
            yield ui

    return found


@pytest.mark.holds("folders")
def test_a_server_of_this_folder_is_found(found):
    with found(json.dumps({"folder": str(Path.cwd()), "ui": True}).encode()) as ui:
        server.connect()
        assert os.environ["PREFECT_API_URL"] == f"{ui}/api"


@pytest.mark.holds("folders")
@pytest.mark.parametrize("owner", [b'{"folder": "/another", "ui": true}', b"<html>Prefect's own</html>", b"[]"])
def test_a_server_of_another_folder_is_left_alone_and_never_served_from(found, owner):
    with found(owner) as ui:
        server.connect()
        assert os.environ["PREFECT_API_URL"] == "one of its own"
        with pytest.raises(server.ServerError, match=f"the Prefect server at {ui}.*PREFECT_SERVER_API_PORT") as told:
            server.connect(with_ui=True)
    assert ("/another" in str(told.value)) == (b"/another" in owner)


@pytest.mark.holds("profile")
def test_a_profile_in_the_home_folder_is_of_no_account(tmp_path):
    (tmp_path / ".prefect").mkdir()
    (tmp_path / ".prefect" / "profiles.toml").write_text(
        'active = "company"\n[profiles.company]\nPREFECT_API_URL = "http://127.0.0.1:1/api"\n'
    )
    folder = make_folder(tmp_path / "project")
    ask = "import flows; from prefect.settings import get_current_settings as now; print(now().api.url)"
    told = run(folder, sys.executable, "-c", ask, env=environment(folder, HOME=str(tmp_path)))
    assert told.stdout == "None\n"


def test_the_ui_s_address_is_the_configured_one_or_where_make_ui_starts_it():
    with temporary_settings({PREFECT_UI_URL: "http://example.org/ui/"}):
        assert ui_url() == "http://example.org/ui"
    with temporary_settings(restore_defaults={PREFECT_API_URL, PREFECT_UI_URL}):
        assert ui_url() == "http://127.0.0.1:4200"


def test_environment_is_put_back(monkeypatch):
    monkeypatch.setenv("RLREC_A", "before")
    monkeypatch.delenv("RLREC_B", raising=False)
    with server.environment(RLREC_A="x", RLREC_B="y"):
        assert (os.environ["RLREC_A"], os.environ["RLREC_B"]) == ("x", "y")
    assert os.environ["RLREC_A"] == "before"
    assert "RLREC_B" not in os.environ


CONNECT = """
import os, sys
from flows.running.server import connect
connect()
print(os.environ["PREFECT_API_URL"], os.environ["PREFECT_UI_URL"], flush=True)
sys.stdin.readline()
"""


@pytest.mark.holds("proxy")
@pytest.mark.slow
def test_a_temporary_server_ends_with_the_process_that_started_it_however_that_ends(tmp_path):
    folder = make_folder(tmp_path / "project")
    nobody = {"PREFECT_SERVER_API_PORT": "1"}  # so that a server which happens to run here is not taken
    nobody |= DEAD_PROXY
    process = subprocess.Popen(
        [sys.executable, "-c", CONNECT],
        cwd=folder,
        env=environment(folder, **nobody),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    api, ui = process.stdout.readline().split()
    servers = psutil.Process(process.pid).children()
    assert len(servers) == 1
    assert os.getpgid(servers[0].pid) != os.getpgid(process.pid)  # Ctrl-C does not reach it
    assert running_api(api.removesuffix("/api")) == api
    assert owner_of(api.removesuffix("/api")) == (folder.resolve(), False)
    assert ui == "http://127.0.0.1:1"  # the temporary server has no UI: links go where there will be one
    process.kill()
    process.communicate(timeout=20)
    _, alive = psutil.wait_procs(servers, timeout=10)
    assert alive == []
    assert running_api(api.removesuffix("/api")) is None
