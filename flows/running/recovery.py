"""Puts in order what a run that was killed, or that found the disk full, has left of DVC's own files.

DVC writes `dvc.lock` and its record of who works on what in place, so either can be torn, and a torn one stops every
later run. The record outlives those who are in it, and so do copies that were begun in the cache.
"""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from dvc.dvcfile import Lockfile
from dvc.rwlock import SCHEMA, Invalid
from dvc.utils.serialize import ParseError
from dvc.utils.strictyaml import YAMLValidationError, load

from flows.running.repository import repository
from rlrec.errors import RlrecError
from rlrec.settings.yaml import conflict_in
from rlrec.storage.files import write_atomically
from tasks.versions import GRAPH

log = logging.getLogger(__name__)

_CLOCK_SECONDS = 1.0
"""How far the start of a process and the time of a file may be off."""


class ConflictError(RlrecError):
    """Git has left it to somebody to merge a file."""


def recover() -> None:
    """Makes DVC's files such that it can go on; to be called before it reads them, and again before each stage.

    A lock file that is whole is copied, a torn one replaced by the last copy: at most one stage is run again then.

    Raises:
        WriteError: the copy cannot be written.
        ConflictError: a merge has left both sides in the lock file or in the graph.
    """
    _check_merged()
    # Under DVC's own lock, so that what another DVC is just writing is not taken for torn.
    with repository(wait=True) as repo, repo.lock:
        _forget_the_dead(Path(repo.tmp_dir) / "rwlock")
        lock = GRAPH.with_suffix(".lock")
        _keep_or_restore(lock, Path(repo.tmp_dir) / f"{lock}.whole")
        cache = Path(repo.cache.local.path)
        if cache.is_relative_to(repo.root_dir):  # else other projects may be copying into it
            for unfinished in cache.rglob(".*.tmp"):
                unfinished.unlink(missing_ok=True)


@contextmanager
def raising_what_dvc_logs() -> Iterator[None]:
    """Makes it an error that what a stage made could not be copied into the cache.

    DVC only logs that, and records the stage as done. (The next run finds that the cache lacks it, and runs it again.)

    Raises:
        OSError: the first of what it has logged.
    """
    failed: list[OSError] = []

    def note(record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        if isinstance(error, OSError):
            failed.append(error)
        return not isinstance(error, OSError)

    logger = logging.getLogger("dvc_data.hashfile.transfer")
    logger.addFilter(note)
    try:
        yield
    except Exception:  # what DVC stumbles over then says less
        if not failed:
            raise
    finally:
        logger.removeFilter(note)
    if failed:
        raise OSError(failed[0].errno, failed[0].strerror, failed[0].filename2 or failed[0].filename)


def _check_merged() -> None:
    for path in (GRAPH.with_suffix(".lock"), GRAPH):
        if path.is_file() and conflict_in(path.read_text(encoding="utf-8", errors="replace")):
            choose = (
                f"`git checkout --ours {path}` (or `--theirs`) takes one side, `dvc checkout` brings its files, and "
                "the next run makes what does not fit"
            )
            how = choose if path.suffix == ".lock" else "edit it"
            raise ConflictError(f"{path} has a merge conflict: {how}; then `git add {path}`")


def _forget_the_dead(record: Path) -> None:
    """Removes DVC's record of who works on what if nobody does any more, or if it is torn.

    DVC forgets numbers of processes that are gone. It cannot know that a number was given to another process since, as
    happens in a container that is started again.
    """
    try:
        written, content = record.stat().st_mtime, SCHEMA(json.loads(record.read_bytes()))
    except FileNotFoundError:
        return
    except (ValueError, Invalid):
        record.unlink()
        return
    readers = [reader for those in content["read"].values() for reader in those]
    if not any(_lives(holder["pid"], written) for holder in [*content["write"].values(), *readers]):
        record.unlink()


def _lives(pid: int, written: float) -> bool:
    try:
        process = psutil.Process(pid)
        older = process.create_time() <= written + _CLOCK_SECONDS
        return bool(older and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _keep_or_restore(lock: Path, copy: Path) -> None:
    if not lock.exists():  # not made yet, or removed by somebody who knew why
        copy.unlink(missing_ok=True)
    elif copy.exists() and copy.read_bytes() == lock.read_bytes():
        pass  # it was whole when it was copied; to parse it before every stage takes longer than many of them
    elif _is_whole(lock):
        write_atomically(copy, lock.read_bytes())
    elif copy.exists():
        log.warning("%s is torn; the copy from before the last stage is used", lock)
        write_atomically(lock, copy.read_bytes())
    else:
        log.warning("%s is torn, and there is no copy of it: all stages are run again", lock)
        lock.unlink()


def _is_whole(lock: Path) -> bool:
    try:
        content, _ = load(str(lock), Lockfile.SCHEMA)
    except (ParseError, YAMLValidationError):
        return False
    return bool(content) and lock.read_bytes().endswith(b"\n")  # YAML that is cut off may be YAML still
