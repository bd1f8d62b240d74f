"""Writers that are killed, or that find no space: what was there before is there still, and the next try succeeds."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pandas as pd
import pytest
from hardening import writers
from hardening.disks import fill, small_disk
from hardening.runs import contents
from hardening.writers import WRITERS, Writer, downloaded
from projects import ROOT
from support import slice_archive

from rlrec.data.dataset.provenance import Provenance
from rlrec.data.sources import download as sources
from rlrec.data.sources import genome
from rlrec.errors import RlrecError, WriteError
from rlrec.settings.dataset import DataConfig

_LIMIT = 4096


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory, ml100k_archive: Path) -> tuple[Path, Path]:
    top = tmp_path_factory.mktemp("archives")
    return tuple(slice_archive(ml100k_archive, top / str(users), users=users, movies=60) for users in (20, 24))


@contextmanager
def _file_size_limited(folder: Path) -> Iterator[None]:
    """As on a full disk, a file's first bytes can be written and the rest cannot, wherever it is."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (_LIMIT, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def _disk_full(folder: Path) -> Iterator[None]:
    """A page is left, which is enough for a file to be begun."""
    ballast = fill(folder, left=1)
    try:
        yield
    finally:
        ballast.unlink()


def _check_without_space(
    write: Writer, folder: Path, out_of_space: Callable[[Path], AbstractContextManager[None]]
) -> str:
    write(folder, 0)
    before = contents(folder)
    with out_of_space(folder), pytest.raises(RlrecError) as raised:
        write(folder, 1)
    assert contents(folder) == before
    write(folder, 1)
    assert contents(folder) != before
    return str(raised.value)


@pytest.mark.parametrize("name", WRITERS)
def test_a_writer_that_may_write_no_further_says_so_and_leaves_what_was_there(tmp_path: Path, name: str) -> None:
    message = _check_without_space(WRITERS[name], tmp_path, _file_size_limited)
    assert f"cannot write {tmp_path}" in message
    assert "File too large" in message
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize("name", WRITERS)
def test_a_writer_on_a_full_disk_says_so_and_leaves_what_was_there(tmp_path: Path, name: str) -> None:
    with small_disk(tmp_path / "disk", "2m"):
        message = _check_without_space(WRITERS[name], tmp_path / "disk", _disk_full)
    assert f"cannot write {tmp_path}" in message
    assert "No space left on device" in message
    assert len(message.splitlines()) == 1


@pytest.mark.realdata
@pytest.mark.parametrize("out_of_space", [_file_size_limited, _disk_full])
def test_a_download_without_space_keeps_the_tables_that_were_there(tmp_path: Path, archives, out_of_space) -> None:
    with small_disk(tmp_path / "disk", "4m"):
        message = _check_without_space(downloaded(*archives), tmp_path / "disk", out_of_space)
    assert f"cannot write {tmp_path / 'disk'}" in message
    assert len(message.splitlines()) == 1


def _no_space(*_: object) -> None:
    raise WriteError("cannot write data/raw: No space left on device")


def test_a_full_disk_is_not_taken_for_a_source_that_cannot_serve(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(sources.SOURCES, "grouplens", _no_space)
    with pytest.raises(WriteError, match=r"^cannot write data/raw: No space left on device$"):
        sources.download(DataConfig(), tmp_path / "raw")


def test_a_full_disk_is_no_reason_to_go_without_violence(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(genome, "_fetch_genome", _no_space)
    served = Provenance(
        dataset="ml-100k", requested="auto", source="grouplens", location="", known=True, archive=None, files={}
    )
    movies = pd.DataFrame({"title": ["Alien (1979)"]})
    with pytest.raises(WriteError):
        genome.fetch_violence(DataConfig(), tmp_path / "raw", movies, served)


def _kills(name: str, folder: Path, *archives: Path) -> int:
    """Kills the writer before each of its steps; see `writers`. How many kills there were."""
    command = [sys.executable, writers.__file__, name, str(folder), *map(str, archives)]
    env = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT / 'tests'}", "OPENBLAS_NUM_THREADS": "1"}
    ended = subprocess.run(command, env=env, capture_output=True, text=True, timeout=500, check=False)
    assert ended.returncode == 0, ended.stderr
    return int(json.loads(ended.stdout)["kills"])


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITERS)
def test_a_writer_killed_before_any_of_its_steps_leaves_nothing_torn(
    tmp_path: Path, name: str, record_property
) -> None:
    kills = _kills(name, tmp_path)
    record_property("kills", kills)
    assert kills >= 3


@pytest.mark.ci
@pytest.mark.slow
@pytest.mark.realdata
def test_a_download_killed_before_any_of_its_steps_leaves_nothing_torn(
    tmp_path: Path, archives, record_property
) -> None:
    kills = _kills("downloaded", tmp_path, *archives)
    record_property("kills", kills)
    assert kills >= 20
