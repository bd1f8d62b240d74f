"""Which Prefect server a run talks to.

A chain of flows shares one server: the configured one, else the one that `make ui` or `make serve` keeps running, else
a temporary one of the process that was started first. Prefect would start a temporary one by itself, but in the
terminal's process group: there Ctrl-C ends the server too, and a flow that wants to tell it so waits for minutes. Hence
this one, which is in a session of its own and ends with the process that started it, whatever ends that
(`python -m flows.running.server HOST PORT`).
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
from typing import Any
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


def connect(*, with_ui: bool = False) -> None:
    """Has this process and its children talk to one server until this process ends.

    Args:
        with_ui: a server that has to be started is one for people: with the UI and the scheduler, at the configured
            address, which is on loopback where nobody has configured another.

    Raises:
        ServerError: no server runs, and none can be started.
    """
    if get_current_settings().api.url:
        return
    ui = ui_url()
    running = running_api(ui)
    os.environ["PREFECT_UI_URL"] = ui
    os.environ["PREFECT_API_URL"] = running or _start(with_ui)
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
    """Where the UI is, once `make ui` or `make serve` has started it."""
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


def _start(with_ui: bool) -> str:
    """Starts a server and waits until it answers; the address of its API."""
    settings = get_current_settings()
    seconds = settings.server.ephemeral.startup_timeout_seconds
    host, port = (settings.server.api.host, settings.server.api.port) if with_ui else (_LOOPBACK, 0)
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # the port of a server that has just ended
        try:
            free.bind((host, port))
        except OSError as error:
            raise ServerError(
                f"Prefect's server cannot listen at {host}, port {port} ({error.strerror}): set PREFECT_SERVER_API_PORT"
            ) from error
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "flows.running.server", host, str(port)],
        stdin=subprocess.PIPE,  # never written to: that it closes tells the server to end
        start_new_session=True,
        env=os.environ | {"PREFECT_SERVER_UI_ENABLED": str(with_ui).lower()},
    )
    # Not earlier: what Prefect still has to tell the server, it tells before functions registered here are called.
    atexit.register(_stop, server)
    url = f"http://{host}:{port}/api"
    until = time.monotonic() + seconds
    while not _healthy(url):
        if server.poll() is not None:
            raise ServerError(f"Prefect's server ended with code {server.returncode}: see above")
        if time.monotonic() > until:
            raise ServerError(f"Prefect's server at {url} did not start in {seconds} s")
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


def _serve(host: str, port: int) -> None:
    """Runs a server until standard input is closed."""
    import uvicorn
    from prefect.server.api.server import create_app
    from prefect.server.database.configurations import AioSqliteConfiguration

    begin = AioSqliteConfiguration.begin_transaction

    def begin_in_turn(configuration: Any, session: Any, with_for_update: bool = False) -> Any:
        return begin(configuration, session, with_for_update=True)

    # Prefect has SQLite refuse whoever has read before somebody else wrote. Its clients ask again, its UI does not: a
    # press of Run would come to nothing now and then.
    AioSqliteConfiguration.begin_transaction = begin_in_turn  # type: ignore[assignment]

    def end_with_parent() -> None:
        sys.stdin.read()
        os.kill(os.getpid(), signal.SIGTERM)

    # A server without a UI is a temporary one: it schedules nothing.
    app = create_app(ephemeral=not get_current_settings().server.ui.enabled, final=True)
    threading.Thread(target=end_with_parent, daemon=True).start()
    uvicorn.run(app, host=host, port=port, log_level="error", lifespan="on")


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]))
