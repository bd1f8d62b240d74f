"""Everything that writes a result, and a program that kills each of them before every one of its steps.

`python writers.py NAME FOLDER [ARCHIVE OTHER]` is a process of its own because it forks, which threads would not bear.
"""

import contextlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from worlds import small_world

from rlrec.agents.distributed.checkpoints import Checkpoints
from rlrec.data.prepare import prepare
from rlrec.policies.networks import NUMPY, Bilinear
from rlrec.policies.saved import save_policy
from rlrec.policies.scored import NetworkPolicy
from rlrec.reporting.figures.style import new_figure, render
from rlrec.settings.dataset import DataConfig
from rlrec.storage.files import atomic_folder, write_atomically, write_together

Writer = Callable[[Path, int], None]
"""Writes something into a folder; what it is depends on the number."""

_BYTES = 40_000
_STEPS = frozenset({"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree"})
"""What Python tells before it touches a file."""


def one_file(folder: Path, number: int) -> None:
    write_atomically(folder / "deep" / "file", str(number).encode() * _BYTES)


def several_files(folder: Path, number: int) -> None:
    write_together({folder / name: f"{name}{number}".encode() * _BYTES for name in ("first", "second", "third")})


def a_folder(folder: Path, number: int) -> None:
    with atomic_folder(folder / "made") as fresh:
        for name in ("first", f"only in {number}"):
            (fresh / name).write_bytes(str(number).encode() * _BYTES)


def world(folder: Path, number: int) -> None:
    small_world(number, n_users=200).save(folder / "world.npz")


def policy(folder: Path, number: int) -> None:
    network = Bilinear(50, 40, 20, 80)
    weights = network.unflatten(np.full(network.size(), number, np.float32), NUMPY)
    nothing = np.zeros(50, np.float32)
    made = NetworkPolicy(
        network=network, weights=weights, center=nothing, scale=nothing, observation="history", features="world",
        fingerprint="0", algorithm="a3c", name="a3c", label="A3C",
    )  # fmt: skip
    with atomic_folder(folder / "a3c") as fresh:
        save_policy(made, fresh)


def checkpoint(folder: Path, number: int) -> None:
    """Always of the same version: a newer one lies beside the older ones."""
    Checkpoints(folder / "checkpoints", "id").save_version(1, {"weights": np.full(_BYTES, number, np.float32)}, {})


def figure(folder: Path, number: int) -> None:
    drawn = new_figure(6, 3)
    drawn.subplots().plot(range(number + 2))
    write_atomically(folder / "figure.png", render(drawn, "png"))


def downloaded(archive: Path, other: Path) -> Writer:
    """The stage `download`, from one archive or another."""

    def write(folder: Path, number: int) -> None:
        config = DataConfig(source="local", local=str((archive, other)[number]), tag_genome="none")
        prepare(config, folder / "raw", folder / "tables")

    return write


WRITERS: dict[str, Writer] = {
    writer.__name__: writer for writer in (one_file, several_files, a_folder, world, policy, checkpoint, figure)
}


def killed_before_every_step(write: Writer, folder: Path) -> int:
    """Has the writer replace what it wrote before, killed before its first step, its second, and so on.

    Each time, whatever has its final name is whole, and the next try ends as if there had been no kill.

    Returns:
        How many kills there were.
    """
    old, new, tried = (folder / name for name in ("old", "new", "tried"))
    for place, number in ((old, 0), (new, 1)):
        assert not _forked(lambda place=place, number=number: write(place, number))
    steps = 0
    while True:
        shutil.rmtree(tried, ignore_errors=True)
        shutil.copytree(old, tried)
        steps += 1
        killed = _forked(lambda: write(tried, 1), tried, steps)
        _check_whole(tried, old, new)
        assert not _forked(lambda: write(tried, 1))
        assert _files(tried, hidden=True) == _files(new), f"after a kill before step {steps}"
        if not killed:
            return steps - 1


def _forked(action: Callable[[], None], folder: Path | None = None, step: int = 0) -> bool:
    """Runs the action in a process of its own, which ends before its `step`-th step in the folder; whether it did."""
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            if folder:
                _die_before(step, str(folder))
            action()
            os._exit(0)
        os._exit(1)
    _, status = os.waitpid(pid, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    assert killed or os.WEXITSTATUS(status) == 0, f"step {step}: the writer failed"
    return killed


def _die_before(step: int, folder: str) -> None:
    left = step

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if event in _STEPS and str(arguments[0]).startswith(folder):
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


def _check_whole(tried: Path, old: Path, new: Path) -> None:
    before, after, found = (_by_top(_files(folder)) for folder in (old, new, tried))
    for top, files in found.items():
        assert files in (before.get(top), after.get(top)), f"{top} is torn"


def _by_top(files: dict[str, bytes]) -> dict[str, dict[str, bytes]]:
    """By file or folder of the top, what is in it."""
    tops: dict[str, dict[str, bytes]] = {}
    for name, content in files.items():
        # The first version of it says nothing of violence, which is looked for once the movies have been read.
        if not name.endswith("provenance.json"):
            tops.setdefault(name.split("/")[0], {})[name] = content
    return tops


def _files(folder: Path, *, hidden: bool = False) -> dict[str, bytes]:
    return {
        name: path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
        and (hidden or not any(part.startswith(".") for part in path.relative_to(folder).parts))
        and (hidden or path.suffix != ".part")
        for name in [path.relative_to(folder).as_posix()]
    }


if __name__ == "__main__":
    chosen, where, *archives = sys.argv[1:]
    writer = downloaded(*map(Path, archives)) if chosen == "downloaded" else WRITERS[chosen]
    print(json.dumps({"kills": killed_before_every_step(writer, Path(where))}))
