"""The names under which DVC knows what a stage read and made."""

import errno
import functools
import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from rlrec.settings.yaml import read_settings

GRAPH = Path("dvc.yaml")
"""Its paths are meant from the project's folder."""


@dataclass(frozen=True)
class StageFiles:
    """Paths that a graph gives a stage, in its order."""

    deps: tuple[str, ...]
    outs: tuple[str, ...]


def stage_files(stage: str, graph: Path = GRAPH) -> StageFiles | None:
    """What a stage reads and makes according to the graph; None where it is not in it.

    A stage of several has its key behind its name, as DVC has it: `train@a3c`. Settings in paths, as in
    `${data.local}`, are those of the `params.yaml` beside the graph.

    Raises:
        KeyError: there is no such setting.
    """
    name, _, key = stage.partition("@")
    described: dict[str, Any] | None = yaml.safe_load(graph.read_text(encoding="utf-8"))["stages"].get(name)
    if described is None:
        return None
    described = described["do"] if key else described
    deps = list(described.get("deps", []))
    outs = [entry for kind in ("outs", "metrics", "plots") for entry in described.get(kind, [])]
    outs = [next(iter(entry)) if isinstance(entry, dict) else entry for entry in outs]
    values: dict[str, Any] = {"key": key}
    if any("${" in path.replace("${key}", "") for path in deps + outs):
        values |= read_settings(graph.parent / "params.yaml")
    return StageFiles(*(tuple(_filled_in(path, values) for path in paths) for paths in (deps, outs)))


def _filled_in(path: str, values: Mapping[str, Any]) -> str:
    """The path with the values that it names: DVC's templates, of which the graph has no other kind."""

    def value(found: re.Match[str]) -> str:
        return str(functools.reduce(lambda section, name: section[name], found[1].split("."), values))

    return re.sub(r"\$\{([\w.]+)\}", value, path)


def dvc_hash(path: Path) -> str:
    """The hash under which DVC stores a file, or a folder (then it ends in `.dir`), as in `dvc.lock`.

    Computed here since DVC itself records it only after the stage has ended; a test holds the two together.

    Raises:
        FileNotFoundError: there is nothing at that path.
    """
    if not path.exists():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "md5").hexdigest()
    files = sorted((file.relative_to(path).as_posix(), file) for file in _versioned_files(path))
    listing = [{"md5": dvc_hash(file), "relpath": name} for name, file in files]
    return hashlib.md5(json.dumps(listing, sort_keys=True).encode(), usedforsecurity=False).hexdigest() + ".dir"


def size_of(path: Path) -> int:
    """Bytes of a file or of all files of a folder."""
    return path.stat().st_size if path.is_file() else sum(file.stat().st_size for file in _versioned_files(path))


def _versioned_files(folder: Path) -> list[Path]:
    """All files below a folder but those that `.dvcignore` leaves out."""
    return [file for file in folder.rglob("*") if file.is_file() and file.suffix != ".pyc"]
