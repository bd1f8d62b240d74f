"""Which Prefect server a run talks to.

With no server, each process that runs a flow starts a temporary one, which takes seconds. A chain shares one: the one
that `make ui` keeps running if there is one, else the temporary one of the pipeline.
"""

import os
from urllib.error import URLError
from urllib.request import urlopen

import prefect
from prefect.context import refresh_global_settings_context
from prefect.settings import get_current_settings

_PROBE_SECONDS = 1.0


def use_running_server() -> None:
    """Lets this process and its children use the server at the configured address, if one of this version is there."""
    if get_current_settings().api.url:
        return
    url = f"{ui_url()}/api"
    try:
        with urlopen(f"{url}/admin/version", timeout=_PROBE_SECONDS) as answer:
            version = answer.read().decode().strip().strip('"')
    except (URLError, OSError):
        return
    if version == prefect.__version__:
        os.environ["PREFECT_API_URL"] = url
        refresh_global_settings_context()


def ui_url() -> str:
    """Where the UI is, once `make ui` has started it."""
    settings = get_current_settings()
    if settings.ui_url:
        return settings.ui_url.rstrip("/")
    return f"http://{settings.server.api.host}:{settings.server.api.port}"
