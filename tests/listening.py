"""Somebody who listens on loopback: a webhook that is called, and a post office."""

import json
import socket
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self, TextIO, TypeVar

_Said = TypeVar("_Said")
_PATIENCE_SECONDS = 300.0


class Webhook:
    """What it was sent, in order, as long as the block lasts."""

    def __init__(self, port: int = 0, *, status: int = 200) -> None:
        self.said: list[dict[str, Any]] = []
        self.paths: list[str] = []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                listener.paths.append(self.path)
                listener.said.append(json.loads(content))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self._http.server_port
        self.url = f"http://127.0.0.1:{self.port}"

    def wait(self, count: int) -> list[dict[str, Any]]:
        """All that it was sent, as soon as that is so many messages."""
        return _until(self.said, count)

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._http.shutdown()
        self._http.server_close()


class Mail:
    """Takes messages as an SMTP server does, without asking who sends them."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        port = self._socket.getsockname()[1]
        self.url = f"mailto://127.0.0.1:{port}?from=rlrec@example.org&to=me@example.org"

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._socket.close()

    def wait(self, count: int) -> list[str]:
        """All messages, as soon as there are so many."""
        return _until(self.said, count)

    def _serve(self) -> None:
        with suppress(OSError):  # it is closed
            while True:
                connection, _ = self._socket.accept()
                with connection, connection.makefile("rw", newline="\r\n") as file:
                    self._talk(file)

    def _talk(self, file: TextIO) -> None:
        def answer(line: str) -> None:
            file.write(f"{line}\r\n")
            file.flush()

        answer("220 here")
        for line in file:
            verb = line[:4].upper()
            answer({"DATA": "354 go on", "QUIT": "221 bye"}.get(verb, "250 good"))
            if verb == "DATA":
                lines = []
                while (text := file.readline().rstrip("\r\n")) != ".":
                    lines.append(text)
                self.said.append("\n".join(lines))
                answer("250 taken")
            if verb == "QUIT":
                return


def _until(said: list[_Said], count: int) -> list[_Said]:
    until = time.monotonic() + _PATIENCE_SECONDS
    while len(said) < count:
        assert time.monotonic() < until, said
        time.sleep(0.05)
    return said
