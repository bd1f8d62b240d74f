"""Whatever is wrong with what a user names: one message that names it, and nothing of ours."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from movielens import draw_files
from support import write_zip

from rlrec.data.prepare import prepare
from rlrec.data.sources.source import Endpoints
from rlrec.errors import DataError, WriteError
from rlrec.settings.dataset import DataConfig
from rlrec.storage.files import atomic_folder

MakeArchive = Callable[..., Path]
OURS = re.compile(r"\.raw|/raw|\.part|\.new|original_|\bitem_id\b")
LAYOUT, NAME = "ml-latest", "ml-latest-small"


def damaged(damage: str) -> dict[str, bytes]:
    """The files of a data set with something wrong in them."""
    files = draw_files(LAYOUT)
    match damage:
        case "no number":
            files["ratings.csv"] = files["ratings.csv"].replace(b"\n1,10,", b"\nme,10,", 1)
        case "a field less":
            files["movies.csv"] = files["movies.csv"].replace(b"10,", b"", 1)
        case "twice":
            files["movies.csv"] += files["movies.csv"].splitlines(keepends=True)[-1]
        case "empty":
            files["movies.csv"] = b""
        case "lacks":
            del files["movies.csv"]
        case "another":
            files = draw_files("ml-100k")
    return files


WORDS = {
    "no number": "ratings.csv, line 2: userId must be a whole number, but is 'me'",
    "a field less": "movies.csv, line 2: has 2 fields, expected 3",
    "twice": "movies.csv, line 32: movieId 300 stands there twice",
    "empty": "movies.csv is empty",
    "lacks": " lacks movies.csv of ml-latest's files ratings.csv, movies.csv",
    "another": " holds files of ml-100k, so data.name must be ml-100k",
}


@pytest.mark.parametrize("damage", WORDS)
@pytest.mark.parametrize("kind", ["path", "deeper", "url", "folder", "folder inside"])
def test_what_is_wrong_is_told_of_the_users_own_file(
    server: Any, offline: Endpoints, tmp_path: Path, damage: str, kind: str
) -> None:
    files, archive = damaged(damage), tmp_path / "mine.zip"
    top = {"deeper": "one/two/", "folder inside": "inside/"}.get(kind, "")
    told = f"{archive}"
    if kind.startswith("folder"):
        told = str(tmp_path / "mine")
        for name, content in files.items():
            path = tmp_path / "mine" / f"{top}{name}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    else:
        write_zip(archive, {f"{top}{name}": content for name, content in files.items()})
    if kind == "url":
        told = f"{server.url}/mine.zip"
        server.files["/mine.zip"] = archive.read_bytes()
    place = {"source": told} if kind == "url" else {"source": "local", "local": told}
    config = DataConfig.model_validate({"name": NAME, "tag_genome": "none", **place})
    for _ in range(2):  # the second time the files may be there already
        with pytest.raises(DataError) as error:
            prepare(config, tmp_path / "data/raw", tmp_path / "data/tables", None, offline)
        message = str(error.value)
        assert WORDS[damage] in message
        assert message.startswith(told)
        assert not OURS.search(message)


@pytest.mark.parametrize("kind", ["path", "url", "auto"])
def test_an_archive_that_is_cut_off_is_told_by_its_own_name(
    make_archive: MakeArchive, server: Any, offline: Endpoints, tmp_path: Path, kind: str
) -> None:
    archive = make_archive()
    archive.write_bytes(content := archive.read_bytes()[:2000])
    server.files |= {"/mine.zip": content, "/movielens/ml-100k.zip": content}
    source = {"path": str(archive), "url": f"{server.url}/mine.zip", "auto": "auto"}[kind]
    md5 = {"ml-100k": hashlib.md5(content).hexdigest()}
    endpoints = replace(offline, grouplens=server.url, md5=md5)
    config = DataConfig(source="local" if kind == "path" else source, local=str(archive))
    with pytest.raises(DataError) as error:
        prepare(config, tmp_path / "data/raw", tmp_path / "data/tables", None, endpoints)
    named = f"{server.url}/movielens/ml-100k.zip" if kind == "auto" else source
    assert f"{named} is not a whole zip archive" in str(error.value)
    assert not OURS.search(str(error.value))


def test_what_cannot_be_written_is_called_what_it_would_have_been(tmp_path: Path) -> None:
    raw = tmp_path / "data" / "raw"
    with pytest.raises(WriteError) as error, atomic_folder(raw) as fresh, atomic_folder(fresh / "ml-1m") as inner:
        (inner / "none" / "file").write_text("x")
    assert str(error.value) == f"cannot write {raw}/ml-1m: No such file or directory ({raw}/ml-1m/none/file)"
    with pytest.raises(WriteError) as error, atomic_folder(raw) as fresh:
        (fresh / "none" / "file").write_text("x")
    assert str(error.value) == f"cannot write {raw}: No such file or directory ({raw}/none/file)"


def test_a_genome_is_told_by_its_own_name(
    server: Any, make_folder: MakeArchive, offline: Endpoints, tmp_path: Path
) -> None:
    server.files["/genome.zip"] = write_zip(tmp_path / "genome.zip", {"tags.dat": b""}).read_bytes()
    config = DataConfig(source="local", local=str(make_folder()), tag_genome=f"{server.url}/genome.zip")
    with pytest.raises(DataError) as error:
        prepare(config, tmp_path / "data/raw", tmp_path / "data/tables", None, offline)
    assert str(error.value).startswith(f"{server.url}/genome.zip is no tag genome: it lacks movies.dat")
