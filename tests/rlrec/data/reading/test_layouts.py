"""The real ml-100k in each layout is the same data set: equal tables, and an equal world, byte for byte."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from layouts import PEOPLE, files_of, without_people
from movielens import TOPS

from rlrec.data.dataset.tables import SCHEMAS, Tables, save_tables
from rlrec.data.reading.parse import LAYOUTS, detect_layout, parse
from rlrec.settings.config import Config
from rlrec.storage.archives import unpack
from rlrec.worlds.fit import fit_world

pytestmark = [pytest.mark.realdata, pytest.mark.slow, pytest.mark.ci]


@pytest.fixture(scope="module")
def real(ml100k_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    folder = tmp_path_factory.mktemp("real") / "ml-100k"
    unpack(ml100k_archive, folder)
    return parse(folder, "ml-100k")


def written(real: Tables, layout: str, folder: Path) -> Tables:
    """The tables, written in a layout and read again."""
    folder.mkdir()
    for name, content in files_of(real, layout).items():
        (folder / name).write_bytes(content)
    return parse(folder, TOPS[layout])


def files(tables: Tables, folder: Path) -> Iterator[bytes]:
    save_tables(tables, folder)
    for name in SCHEMAS:
        yield (folder / f"{name}.parquet").read_bytes()


def test_every_layout_is_among_those_that_are_written(tmp_path: Path, real: Tables) -> None:
    slim = Tables(real.ratings.head(300), real.users, real.movies)
    found = set()
    for layout in TOPS:
        written(slim, layout, tmp_path / layout)
        found.add(detect_layout(tmp_path / layout, TOPS[layout])[1].name)
    assert found == {layout.name for layout in LAYOUTS}


@pytest.mark.parametrize("layout", TOPS)
def test_the_tables_are_the_same_byte_for_byte(tmp_path: Path, real: Tables, layout: str) -> None:
    expected = real if layout in PEOPLE else without_people(real)
    found = list(files(written(real, layout, tmp_path / "files"), tmp_path / "found"))
    assert found == list(files(expected, tmp_path / "expected"))


@pytest.fixture(scope="module")
def worlds(real: Tables, tmp_path_factory: pytest.TempPathFactory) -> dict[bool, bytes]:
    """Fitted to the archive's own files; by whether users are known."""
    folder = tmp_path_factory.mktemp("worlds")
    return {True: world_of(real, folder / "whole.npz"), False: world_of(without_people(real), folder / "bare.npz")}


def world_of(tables: Tables, path: Path) -> bytes:
    world, _ = fit_world(tables, Config(), has_violence=False)
    world.save(path)
    return path.read_bytes()


@pytest.mark.long
@pytest.mark.parametrize("layout", TOPS)
def test_the_world_is_the_same_byte_for_byte(
    tmp_path: Path, real: Tables, worlds: dict[bool, bytes], layout: str
) -> None:
    assert world_of(written(real, layout, tmp_path / "files"), tmp_path / "w.npz") == worlds[layout in PEOPLE]
