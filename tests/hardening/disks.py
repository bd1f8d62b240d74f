"""Disks that are too small, or that nobody may write to."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

PAGE = 4096
"""Bytes in which a file system in memory counts."""


@dataclass(frozen=True)
class Disk:
    """A file system in memory, of a given size."""

    folder: Path

    def resize(self, size: str) -> None:
        """Makes it larger or smaller; what is on it stays."""
        _mount("-o", f"remount,size={size}", self.folder)

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """Nobody may write to it while the block lasts, not even root."""
        _mount("-o", "remount,ro", self.folder)
        try:
            yield
        finally:
            _mount("-o", "remount,rw", self.folder)


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Disk]:
    """A disk of so many bytes (`300k`, `2m`) at a folder, while the block lasts; the test is skipped where none can be.

    What the folder held before is hidden meanwhile.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        _mount("-t", "tmpfs", "-o", f"size={size}", "rlrec-test", folder)
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        pytest.skip(f"no disk can be mounted here: {getattr(error, 'stderr', None) or error}")
    try:
        yield Disk(folder)
    finally:
        # Lazily: a process that is just being killed may still have its hands on it.
        subprocess.run(["umount", "--lazy", folder], check=True)


def _mount(*options: str | Path) -> None:
    subprocess.run(["mount", *options], check=True, capture_output=True, text=True)


def fill(folder: Path, left: int) -> Path:
    """Leaves so many pages of a disk; the file that takes the rest."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"0" * PAGE)
        except OSError:
            os.ftruncate(file.fileno(), max(file.tell() // PAGE - left, 0) * PAGE)
    return ballast
