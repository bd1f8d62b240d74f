"""Small data sets in every layout, drawn from a seed, and a server on loopback."""

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from support import write_zip

from rlrec.data.parse import OCCUPATIONS, parse
from rlrec.data.tables import GENRES, Tables
from rlrec.data.transfer import Patience

Files = dict[str, bytes]
LAYOUTS = ("ml-100k", "recbole", "ml-1m", "ml-latest")
TOPS = {"ml-100k": "ml-100k", "recbole": "ml-100k", "ml-1m": "ml-1m", "ml-latest": "ml-latest-small"}

FAST = Patience(connect_seconds=0.5, read_seconds=2.0, attempts=3, backoff_seconds=0.01)


def draw_files(layout: str, seed: int = 0, users: int = 6, movies: int = 30) -> Files:
    """The files of a small data set, the same one in whichever layout; every user has 20 ratings."""
    rng = np.random.default_rng(seed)
    genre_sets = [sorted(rng.choice(np.arange(1, 19), rng.integers(1, 4), replace=False)) for _ in range(movies)]
    titles = [f"Café {i}, The ({1950 + i})" for i in range(movies)]
    people = [
        (
            "FM"[rng.integers(2)],
            (1, 18, 25, 35, 45, 50, 56)[rng.integers(7)],
            rng.integers(21),
            f"{rng.integers(99999):05d}",
        )
        for _ in range(users)
    ]
    ratings = [
        (user + 1, 10 * (movie + 1), int(rng.integers(1, 6)), int(rng.integers(880_000_000, 890_000_000)))
        for user in range(users)
        for movie in (range(movies) if user == 0 else rng.permutation(movies)[:22])
    ]
    words = [[GENRES[g] for g in genres] for genres in genre_sets]
    ids = [10 * (i + 1) for i in range(movies)]

    def lines(rows: list[list[object]], separator: str, encoding: str, header: str = "") -> bytes:
        text = "".join(separator.join(map(str, row)) + "\n" for row in rows)
        return (header + text).encode(encoding)

    rows: list[list[object]] = [list(rating) for rating in ratings]
    if layout == "ml-100k":
        flags = [[int(g in genres) for g in range(19)] for genres in genre_sets]
        return {
            "u.data": lines(rows, "\t", "latin-1"),
            "u.user": lines(
                [[i + 1, a, s, OCCUPATIONS[o], z] for i, (s, a, o, z) in enumerate(people)], "|", "latin-1"
            ),
            "u.item": lines(
                [[i, t, "01-Jan-1995", "", "http://x", *f] for i, t, f in zip(ids, titles, flags, strict=True)],
                "|",
                "latin-1",
            ),
            "u.genre": lines([[g, i] for i, g in enumerate(GENRES)], "|", "latin-1") + b"\n",
            "u.occupation": lines([[o] for o in OCCUPATIONS], "|", "latin-1"),
        }
    if layout == "recbole":
        header = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
        return {
            "ml-100k.inter": lines(rows, "\t", "utf-8", header),
            "ml-100k.user": lines(
                [[i + 1, a, s, OCCUPATIONS[o], z] for i, (s, a, o, z) in enumerate(people)],
                "\t",
                "utf-8",
                "user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token\n",
            ),
            "ml-100k.item": lines(
                [[i, t[:-7], t[-5:-1], " ".join(w)] for i, t, w in zip(ids, titles, words, strict=True)],
                "\t",
                "utf-8",
                "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n",
            ),
        }
    if layout == "ml-1m":
        return {
            "ratings.dat": lines(rows, "::", "latin-1"),
            "users.dat": lines([[i + 1, s, a, o, z] for i, (s, a, o, z) in enumerate(people)], "::", "latin-1"),
            "movies.dat": lines(
                [[i, t, "|".join(w)] for i, t, w in zip(ids, titles, words, strict=True)], "::", "latin-1"
            ),
        }
    modern = [[{"Children's": "Children"}.get(word, word) for word in w] + ["IMAX"] for w in words]
    return {
        "ratings.csv": lines(rows, ",", "utf-8", "userId,movieId,rating,timestamp\n"),
        "movies.csv": lines(
            [[i, f'"{t}"', "|".join(w)] for i, t, w in zip(ids, titles, modern, strict=True)],
            ",",
            "utf-8",
            "movieId,title,genres\n",
        ),
        "links.csv": b"movieId,imdbId,tmdbId\n",
    }


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
