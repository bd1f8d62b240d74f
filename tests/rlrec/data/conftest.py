"""Small data sets on disk, and a server on loopback."""

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from movielens import TOPS, Files, draw_files
from support import write_zip

from rlrec.data.dataset.tables import Tables
from rlrec.data.reading.parse import parse


@pytest.fixture(name="draw_files")
def _draw_files() -> Callable[..., Files]:
    return draw_files


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[..., Path]:
    """Writes the files of a layout into a folder; keyword arguments replace files, None leaves one out."""

    def make(layout: str = "ml-100k", changes: dict[str, bytes | None] | None = None, seed: int = 0) -> Path:
        folder = tmp_path / f"{layout}-files"
        folder.mkdir(exist_ok=True)
        for name, content in (draw_files(layout, seed) | (changes or {})).items():
            if content is not None:
                (folder / name).write_bytes(content)
        return folder

    return make


@pytest.fixture
def make_archive(tmp_path: Path) -> Callable[..., Path]:
    """A small archive in a layout, as GroupLens packs it."""

    def make(layout: str = "ml-100k", seed: int = 0, path: Path | None = None) -> Path:
        path = path or tmp_path / f"{TOPS[layout]}.zip"
        path.parent.mkdir(parents=True, exist_ok=True)
        return write_zip(path, {f"{TOPS[layout]}/{name}": text for name, text in draw_files(layout, seed).items()})

    return make


@pytest.fixture
def tables(make_folder: Callable[..., Path]) -> Tables:
    """Flawless tables in ml-100k's ranges."""
    return parse(make_folder("ml-100k"), "ml-100k")


@dataclass
class Server:
    """A web server of a few files, with a memory of what it was asked and a way to misbehave."""

    files: dict[str, bytes] = field(default_factory=dict)
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    """Statuses to answer with before behaving."""
    cut_at: int | None = None
    """Bytes after which the next answer breaks off, once."""
    ranges: bool = True
    url: str = ""


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            state.requests.append((self.path, asked))
            if state.statuses:
                self.send_error(state.statuses.pop(0))
                return
            content = state.files.get(self.path)
            if content is None:
                self.send_error(404)
                return
            etag = f'"{hash(content)}"'
            start = 0
            fresh = self.headers.get("If-Range") in (None, etag)
            if asked and state.ranges and fresh and (found := re.match(r"bytes=(\d+)-", asked)):
                start = int(found.group(1))
                if start >= len(content):
                    self.send_error(416)
                    return
            self.send_response(206 if start else 200)
            self.send_header("ETag", etag)
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            body = content[start:]
            if state.cut_at is not None:
                body, state.cut_at = body[: state.cut_at], None
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{http.server_address[1]}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield state
    http.shutdown()
    thread.join()
    http.server_close()
