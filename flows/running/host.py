"""The process of a Prefect server that this project starts: `python -m flows.running.host HOST PORT`.

It ends when standard input is closed, so with the process that started it, whatever ends that.
"""

import os
import signal
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

from prefect.settings import get_current_settings
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from flows.running import notices  # noqa: F401, a kind of block that the server is to know
from flows.running.server import WHOSE

_EVENTS_OVERTAKE = timedelta(seconds=2)
"""How late an event may come that another one follows; all of them are of this process."""


def _serve(host: str, port: int) -> None:
    import uvicorn
    from prefect.server.api.server import create_app
    from prefect.server.database.configurations import AioSqliteConfiguration
    from prefect.server.events.ordering import memory

    begin = AioSqliteConfiguration.begin_transaction

    def begin_in_turn(configuration: Any, session: Any, with_for_update: bool = False) -> Any:
        return begin(configuration, session, with_for_update=True)

    # Prefect has SQLite refuse whoever has read before somebody else wrote. Its clients ask again, its UI does not: a
    # press of Run would come to nothing now and then.
    AioSqliteConfiguration.begin_transaction = begin_in_turn  # type: ignore[assignment]

    # An alert would come a quarter of an hour late, or never, where what it is about follows something that this
    # process has not seen: the last state of a run that was killed with the server before it.
    memory.PRECEDING_EVENT_LOOKBACK = _EVENTS_OVERTAKE  # type: ignore[attr-defined]

    def end_with_parent() -> None:
        sys.stdin.read()
        os.kill(os.getpid(), signal.SIGTERM)

    with_ui = get_current_settings().server.ui.enabled
    app = create_app(
        ephemeral=not with_ui, final=True
    )  # a server without a UI is a temporary one: it schedules nothing
    app.router.routes.insert(0, _whose(Path.cwd().resolve(), with_ui))  # before the UI, which answers to any path
    threading.Thread(target=end_with_parent, daemon=True).start()
    uvicorn.run(app, host=host, port=port, log_level="error", lifespan="on")


def _whose(folder: Path, with_ui: bool) -> Route:
    async def answer(_: Request) -> JSONResponse:
        return JSONResponse({"folder": str(folder), "ui": with_ui})

    return Route(WHOSE, answer)


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]))
