"""Sources that are not the real ones: a GroupLens on loopback, a wheel in a folder, and neither."""

import hashlib
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support import write_zip

from rlrec.data.sources.source import Endpoints
from rlrec.data.sources.transfer import Patience
from rlrec.data.sources.wheel import WHEEL_FILES, WHEEL_FOLDER

FAST = Patience(connect_seconds=0.5, read_seconds=2.0, attempts=2, backoff_seconds=0.01)
MakeArchive = Callable[..., Path]


@pytest.fixture
def unreachable() -> str:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{closed.getsockname()[1]}"


@pytest.fixture
def wheelhouse(tmp_path: Path, draw_files: Any) -> Path:
    """A folder with a wheel that carries the small data set where recbole carries ml-100k."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    files = draw_files("recbole")
    info = "recbole-1.2.1.dist-info"
    content = {f"{WHEEL_FOLDER}/{name}": files[name] for name in WHEEL_FILES}
    content |= {
        "recbole/__init__.py": b"raise SystemExit('never run')\n",
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: recbole\nVersion: 1.2.1\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": b"",
    }
    write_zip(folder / "recbole-1.2.1-py3-none-any.whl", content)
    return folder


@pytest.fixture
def offline(unreachable: str, tmp_path: Path) -> Endpoints:
    """Neither GroupLens nor a package index."""
    (tmp_path / "empty").mkdir()
    options = ("--isolated", "--no-index", f"--find-links={tmp_path / 'empty'}")
    return Endpoints(grouplens=unreachable, pip_options=options, patience=FAST)


@pytest.fixture
def online(server: Any, make_archive: MakeArchive, tmp_path: Path, offline: Endpoints) -> Endpoints:
    """A GroupLens that serves the small data set under ml-100k's name."""
    content = make_archive(path=tmp_path / "served" / "ml-100k.zip").read_bytes()
    server.files["/movielens/ml-100k.zip"] = content
    return replace(offline, grouplens=server.url, md5={"ml-100k": hashlib.md5(content).hexdigest()})
