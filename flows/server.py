"""Which Prefect server a run talks to.

A chain of flows shares one server: the configured one, else the one that `make ui` keeps running, else a temporary one
of the process that was started first. Prefect would start a temporary one by itself, but in the terminal's process
group: there Ctrl-C ends the server too, and a flow that wants to tell it so waits for minutes. Hence this one, which is
in a session of its own and ends with the process that started it, whatever ends that (`python -m flows.server PORT`).
"""

import atexit
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.error import URLError
from urllib.request import urlopen

import prefect
from prefect.context import refresh_global_settings_context
from prefect.settings import get_current_settings

from rlrec.errors import RlrecError

_PROBE_SECONDS = 1.0
_LOOPBACK = "127.0.0.1"


class ServerError(RlrecError):
    """There is no Prefect server and none can be started."""


def connect() -> None:
    """Has this process and its children talk to one server until this process ends.

    Raises:
        ServerError: no server runs, and a temporary one does not start.
    """
    if get_current_settings().api.url:
        return
    ui = ui_url()
    running = running_api(ui)
    os.environ["PREFECT_UI_URL"] = ui
    os.environ["PREFECT_API_URL"] = running or _start_temporary_server()
    refresh_global_settings_context()


def running_api(ui: str) -> str | None:
    """The API beside a UI's address, if a server of this version of Prefect is there."""
    url = f"{ui}/api"
    try:
        with urlopen(f"{url}/admin/version", timeout=_PROBE_SECONDS) as answer:
            version = answer.read().decode().strip().strip('"')
    except (URLError, OSError, ValueError):
        return None
    return url if version == prefect.__version__ else None


def ui_url() -> str:
    """Where the UI is, once `make ui` has started it."""
    settings = get_current_settings()
    if settings.ui_url:
        return settings.ui_url.rstrip("/")
    return f"http://{settings.server.api.host}:{settings.server.api.port}"


@contextmanager
def environment(**values: str) -> Iterator[None]:
    """Sets environment variables for a while, for this process and those it starts."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})


def _start_temporary_server() -> str:
    """Starts a server and waits until it answers; the address of its API."""
    seconds = get_current_settings().server.ephemeral.startup_timeout_seconds
    with socket.socket() as free:
        free.bind((_LOOPBACK, 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "flows.server", str(port)],
        stdin=subprocess.PIPE,  # never written to: that it closes tells the server to end
        start_new_session=True,
        env=os.environ | {"PREFECT_SERVER_UI_ENABLED": "false"},
    )
    # Not earlier: what Prefect still has to tell the server, it tells before functions registered here are called.
    atexit.register(_stop, server)
    url = f"http://{_LOOPBACK}:{port}/api"
    until = time.monotonic() + seconds
    while not _healthy(url):
        if server.poll() is not None:
            raise ServerError(f"Prefect's temporary server ended with code {server.returncode}: see above")
        if time.monotonic() > until:
            raise ServerError(f"Prefect's temporary server at {url} did not start in {seconds} s")
        time.sleep(0.05)
    return url


def _stop(server: "subprocess.Popen[bytes]") -> None:
    with suppress(subprocess.TimeoutExpired):
        server.communicate(timeout=5)
    server.kill()
    server.wait()


def _healthy(url: str) -> bool:
    try:
        with urlopen(f"{url}/health", timeout=_PROBE_SECONDS) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def _serve(port: int) -> None:
    """Runs a server until standard input is closed."""
    import uvicorn
    from prefect.server.api.server import create_app

    def end_with_parent() -> None:
        sys.stdin.read()
        os.kill(os.getpid(), signal.SIGTERM)

    app = create_app(ephemeral=True, final=True)
    threading.Thread(target=end_with_parent, daemon=True).start()
    uvicorn.run(app, host=_LOOPBACK, port=port, log_level="error", lifespan="on")


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
