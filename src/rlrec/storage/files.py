"""Files and folders that are either whole under their final name or not there at all."""

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from rlrec.errors import WriteError


def checksum(path: Path, algorithm: str = "sha256") -> str:
    """Hexadecimal digest of a file's bytes; `algorithm` is a name that `hashlib` knows."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


def write_atomically(path: Path, content: bytes) -> None:
    """Writes `content` beside `path` and renames it into place.

    Raises:
        WriteError: the folder cannot be written to, or the disk is full.
    """
    with atomic_file(path) as part:
        part.write_bytes(content)


def write_together(contents: Mapping[Path, bytes]) -> None:
    """Writes several files; none is renamed into place before all of them are on the disk.

    Raises:
        WriteError: a folder cannot be written to, or the disk is full. All files are as they were before, then.
    """
    with ExitStack() as stack:
        for path, content in contents.items():
            stack.enter_context(atomic_file(path)).write_bytes(content)


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yields a temporary name in `path`'s folder; what was written there becomes `path` when the block succeeds.

    Raises:
        WriteError: the folder cannot be written to, or the disk is full. An error inside the block passes unchanged,
            unless it is an `OSError`, and leaves `path` as it was.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Always the same name: what a killed process left there is overwritten, not left for good.
        part = path.with_name(f".{path.name}.tmp")
        part.write_bytes(b"")
    try:
        with writing(path):
            yield part
            part.replace(path)
    finally:
        with suppress(OSError):  # the disk may have become read-only meanwhile; what is told is why writing failed
            part.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yields an empty folder beside `path` that replaces `path` when the block succeeds.

    A folder cannot be renamed over another one, so the old one steps aside for a moment; `restore` puts it back when
    the process died in that moment.

    Raises:
        WriteError: the parent folder cannot be written to, or the disk is full. An error inside the block passes
            unchanged, unless it is an `OSError`, and leaves `path` as it was.
    """
    fresh, aside = _names(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        restore(path)
        fresh.mkdir()
    try:
        with writing(path, fresh):
            yield fresh
            if path.exists():
                path.rename(aside)
            fresh.rename(path)
    finally:
        restore(path)


def restore(path: Path) -> None:
    """Puts in order what a killed `atomic_folder` left: the old folder comes back unless the new one was in place."""
    fresh, aside = _names(path)
    if aside.is_dir() and not path.exists():
        aside.rename(path)
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.rmtree(aside, ignore_errors=True)


def _names(path: Path) -> tuple[Path, Path]:
    return path.with_name(f".{path.name}.new"), path.with_name(f".{path.name}.old")


@contextmanager
def writing(path: Path, way: Path | None = None) -> Iterator[None]:
    """Turns an `OSError` of the block into a `WriteError` that names `path`, also where it is about the `way` there."""
    try:
        yield
    except WriteError as error:
        if way is None:
            raise
        raise WriteError(str(error).replace(str(way), str(path))) from error
    except OSError as error:
        file = None if error.filename is None else str(error.filename).replace(str(way or path), str(path))
        where = "" if file in (None, str(path)) else f" ({file})"
        raise WriteError(f"cannot write {path}: {error.strerror or error}{where}") from error
