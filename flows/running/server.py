"""Which Prefect server a run talks to.

A chain of flows shares one server: the one that is named for this project, else the one that `make ui` or `make serve`
of this folder keeps running, else a temporary one of the process that was started first. Prefect would start a
temporary one by itself, but in the terminal's process group: there Ctrl-C ends the server too, and a flow that wants to
tell it so waits for minutes. Hence this one, which is in a session of its own and ends with the process that started
it, whatever ends that (`flows/running/host.py`).
"""

import atexit
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

import prefect
from prefect.client.orchestration import get_client
from prefect.context import refresh_global_settings_context
from prefect.settings import get_current_settings

from flows.running.database import check_database
from rlrec.errors import RlrecError

WHOSE = "/rlrec"
"""Where a server of this project says whose it is."""
_PROBE_SECONDS = 5.0
"""A server on a busy machine takes its time; nobody there is known at once."""
_PATIENCE_SECONDS = 60.0
_LOOPBACK = "127.0.0.1"


class ServerError(RlrecError):
    """There is no Prefect server and none can be started."""


class Owner(NamedTuple):
    """What a server says of itself: the folder whose runs it has, and whether it is one for people."""

    folder: Path
    with_ui: bool

    def is_here(self) -> bool:
        """Whether its folder is the current one. Another folder's would run there what is asked for here."""
        return self.folder == Path.cwd().resolve()


def connect(*, with_ui: bool = False, patient: bool = False) -> None:
    """Has this process and its children talk to one server until this process ends.

    Args:
        with_ui: a server that has to be started is one for people: with the UI and the scheduler, at the configured
            address, which is on loopback where nobody has configured another.
        patient: a server that is named is waited for, since another is about to take its place.

    Raises:
        ServerError: no server runs, and none can be started; or the one that is named cannot be reached.
    """
    if named := get_current_settings().api.url:
        _check_named(named, _PATIENCE_SECONDS if patient else 0.0)
        return
    ui = ui_url()
    running = running_api(ui)
    owner = owner_of(ui) if running else None
    if running and not (owner and owner.is_here()):
        if with_ui:
            whose = f"is that of {owner.folder}" if owner else "was not started by `make ui` or `make serve`"
            raise ServerError(
                f"the Prefect server at {ui} {whose}: set PREFECT_SERVER_API_PORT to another port, or end that one"
            )
        running = None
    os.environ["PREFECT_UI_URL"] = ui
    os.environ["PREFECT_API_URL"] = running or _start(with_ui)
    refresh_global_settings_context()


def connect_anew() -> None:
    """Has this process and its children talk to a temporary server from now on, whichever they talked to before.

    Raises:
        ServerError: none can be started.
    """
    os.environ["PREFECT_API_URL"] = _start(False)
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


def owner_of(ui: str) -> Owner | None:
    """Whose server is at an address, as it says itself; None where it does not say, or there is none."""
    try:
        with urlopen(f"{ui}{WHOSE}", timeout=_PROBE_SECONDS) as answer:
            told = json.load(answer)
        return Owner(Path(told["folder"]), bool(told["ui"]))
    except (URLError, OSError, ValueError, KeyError, TypeError):
        return None


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


def start(host: str, port: int, with_ui: bool) -> str:
    """Starts a server that ends with this process, and waits until it answers.

    Args:
        host: where it listens.
        port: likewise; 0 for any that is free.
        with_ui: it has the UI and the scheduler.

    Returns:
        The address of its API.

    Raises:
        ServerError: it cannot listen there, or it did not start.
        DatabaseError: its database cannot be used.
    """
    settings = get_current_settings()
    check_database()
    seconds = settings.server.ephemeral.startup_timeout_seconds
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
        [sys.executable, "-m", "flows.running.host", host, str(port)],
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


def is_gone(url: str) -> bool:
    """Whether nobody listens at an address; a server that is merely busy is not gone."""
    address = urlsplit(url)
    try:
        with socket.create_connection((address.hostname or _LOOPBACK, address.port or 80), timeout=_PROBE_SECONDS):
            return False
    except ConnectionRefusedError:
        return True
    except OSError:
        return False


def _start(with_ui: bool) -> str:
    server = get_current_settings().server.api
    return start(server.host, server.port, True) if with_ui else start(_LOOPBACK, 0, False)


def _check_named(url: str, patience: float) -> None:
    until = time.monotonic() + patience
    with get_client(sync_client=True) as client:
        while error := client.api_healthcheck():
            if time.monotonic() > until:
                reason = (str(error) or type(error).__name__).splitlines()[0]
                raise ServerError(
                    f"no Prefect server answers at {url} ({reason}), which PREFECT_API_URL names: start it there, or "
                    "unset PREFECT_API_URL"
                )
            time.sleep(0.5)


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
