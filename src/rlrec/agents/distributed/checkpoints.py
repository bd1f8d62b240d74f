"""Checkpoints of a training under way: what a killed process goes on from.

A checkpoint is an `.npz` archive, whose members carry checksums, with a JSON description; nothing is unpickled. The
newest two are kept, so that one that was torn leaves the one before it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np

from rlrec.errors import DataError, ModelError
from rlrec.settings.config import Job
from rlrec.storage.files import atomic_file, writing
from rlrec.storage.untrusted import Arrays, read_arrays
from rlrec.worlds.world import World

log = logging.getLogger(__name__)

_KEPT = 2
_META = "meta"
_JOURNAL = struct.Struct("<qqq")
_LARGEST_COUNT = 2**48


class Checkpoints:
    """A folder of checkpoints of one training.

    Everything in it belongs to the training that `identity` names: checkpoints of other settings or
    another world are never gone on from.
    """

    def __init__(self, folder: str | os.PathLike[str], identity: str) -> None:
        """Nothing is read or written yet."""
        self.folder, self.identity = Path(folder), identity

    def save(self, name: str, arrays: Arrays, meta: dict[str, Any]) -> None:
        """Writes one archive, atomically.

        Raises:
            DataError: the folder cannot be written to.
        """
        described = np.frombuffer(json.dumps(meta | {"identity": self.identity}).encode(), np.uint8)
        members: dict[str, Any] = {**arrays, _META: described}
        with atomic_file(self.folder / f"{name}.npz") as part, part.open("wb") as file:
            np.savez(file, **members)

    def load(self, name: str) -> tuple[Arrays, dict[str, Any]] | None:
        """Reads one archive; None where there is none of this training.

        Raises:
            ModelError: it is torn.
        """
        path = self.folder / f"{name}.npz"
        if not path.exists():
            return None
        try:
            arrays = read_arrays(path, path.stat().st_size)  # nothing is compressed
            meta = json.loads(arrays.pop(_META).tobytes())
            identity = meta["identity"]
        except (OSError, DataError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise ModelError(f"the checkpoint {path} is torn: {error}") from error
        if identity != self.identity:
            log.warning("the checkpoint %s is of other settings or another world: it is not gone on from", path)
            return None
        return arrays, meta

    def save_version(self, version: int, arrays: Arrays, meta: dict[str, Any]) -> None:
        """Writes the checkpoint of a version and forgets all but the newest.

        Raises:
            DataError: the folder cannot be written to.
        """
        self.save(f"version-{version:09d}", arrays, meta)
        for old in self._versions()[_KEPT:]:
            (self.folder / f"{old}.npz").unlink(missing_ok=True)

    def newest(self) -> tuple[Arrays, dict[str, Any]] | None:
        """The newest checkpoint that is whole; one that is torn is told of and removed."""
        for name in self._versions():
            try:
                found = self.load(name)
            except ModelError as error:
                log.warning("%s; the one before is used", error)
                (self.folder / f"{name}.npz").unlink(missing_ok=True)
                continue
            if found is not None:
                return found
        return None

    def clear(self) -> None:
        """Removes what is there: the training has ended, or was another one.

        Raises:
            DataError: the folder cannot be written to.
        """
        with writing(self.folder):
            for path in [*self.folder.glob("*.npz"), *self.folder.glob(".*.tmp"), self.folder / "journal"]:
                path.unlink(missing_ok=True)
            if self.folder.is_dir() and not any(self.folder.iterdir()):
                self.folder.rmdir()

    def journal(self) -> Journal:
        """The journal of this folder.

        Raises:
            WriteError: the folder cannot be written to.
        """
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            return Journal(self.folder / "journal")

    def _versions(self) -> list[str]:
        """Names of the checkpoints by version, the newest first; those of other trainings may be among them."""
        return sorted((path.stem for path in self.folder.glob("version-*.npz") if path.is_file()), reverse=True)


class Journal:
    """The number of the last update, in a file that outlives the process that applied it.

    It is written at every update, which costs microseconds, and says how many updates a kill has lost.

    Attributes:
        incarnation: how often the global model was started.
        version: of the last update.
        lost: updates lost by all kills together.
    """

    def __init__(self, path: Path) -> None:
        """Opens the file, at zeros if it is new."""
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        content = os.pread(self._file, _JOURNAL.size, 0)
        counts = _JOURNAL.unpack(content) if len(content) == _JOURNAL.size else (0, 0, 0)
        if not all(0 <= count <= _LARGEST_COUNT for count in counts):
            log.warning("the journal %s is corrupt: what was lost before is not known", path)
            counts = (0, 0, 0)
        self.incarnation, self.version, self.lost = counts

    def start(self, version: int) -> None:
        """The global model goes on from a version: what came after it is lost."""
        self.incarnation, self.lost = self.incarnation + 1, self.lost + self.version - version
        self.write(version)

    def write(self, version: int) -> None:
        """An update was applied."""
        self.version = version
        os.pwrite(self._file, _JOURNAL.pack(self.incarnation, version, self.lost), 0)

    def __del__(self) -> None:
        os.close(self._file)


def identity_of(world: World, job: Job, weights: int) -> str:
    """Hash of what a training is decided by: its settings, wherever its agents run, its world and P, its `weights`."""
    values = job.model_dump(mode="json")
    for name in ("executor", "ray"):
        del values["training"][name]
    digest = hashlib.sha256(json.dumps([values, weights], sort_keys=True).encode())
    simulated = world.user_vectors, world.movie_vectors, world.violence, world.demographics, world.pools
    logged = world.watched_movie_vectors, world.log_starts, world.log_movies, world.log_stars
    for array in (*simulated, *logged):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
