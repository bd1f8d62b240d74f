"""Files and folders that are either whole under their final name or not there at all."""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rlrec.errors import DataError


def checksum(path: Path, algorithm: str = "sha256") -> str:
    """Hexadecimal digest of a file's bytes; `algorithm` is a name that `hashlib` knows."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


def write_atomically(path: Path, content: bytes) -> None:
    """Writes `content` beside `path` and renames it into place.

    Raises:
        DataError: the folder cannot be written to.
    """
    with atomic_file(path) as part:
        part.write_bytes(content)


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yields a temporary name in `path`'s folder; what was written there becomes `path` when the block succeeds.

    Raises:
        DataError: the folder cannot be written to. An error inside the block passes unchanged, unless it is an
            `OSError`, and leaves `path` as it was.
    """
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Always the same name: what a killed process left there is overwritten, not left for good.
        part = path.with_name(f".{path.name}.tmp")
        part.write_bytes(b"")
    try:
        with _writing(path):
            yield part
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yields an empty folder beside `path` that replaces `path` when the block succeeds.

    A folder cannot be renamed over another one, so the old one steps aside for a moment; `restore` puts it back when
    the process died in that moment.

    Raises:
        DataError: the parent folder cannot be written to. An error inside the block passes unchanged, unless it is an
            `OSError`, and leaves `path` as it was.
    """
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        restore(path)
        fresh, aside = path.with_name(f".{path.name}.new"), _aside(path)
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(aside, ignore_errors=True)
        fresh.mkdir()
    try:
        with _writing(path):
            yield fresh
            if path.exists():
                path.rename(aside)
            fresh.rename(path)
    finally:
        restore(path)
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(aside, ignore_errors=True)


def restore(path: Path) -> None:
    """Puts a folder back that an interrupted `atomic_folder` had moved aside."""
    aside = _aside(path)
    if aside.is_dir() and not path.exists():
        aside.rename(path)


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}.old")


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = error.filename or path
        raise DataError(f"cannot write {path}: {error.strerror or error} ({where})") from error
