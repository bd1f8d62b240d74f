import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from movielens import LAYOUTS, draw_files
from support import write_zip

from rlrec.data.dataset.tables import SCHEMAS
from rlrec.data.prepare import prepare
from rlrec.data.sources.download import download
from rlrec.data.sources.given import local_ratings, split_pin
from rlrec.data.sources.source import Endpoints
from rlrec.errors import DataError
from rlrec.settings.dataset import DataConfig

MakeArchive = Callable[..., Path]
NAMES = {
    "ml-100k": "ml-100k",
    "recbole": "ml-100k",
    "ml-1m": "ml-1m",
    "ml-10m": "ml-10m",
    "ml-latest": "ml-latest-small",
    "hetrec": "hetrec-2011",
}


def test_a_local_archive_is_used_instead(make_archive: MakeArchive, offline: Endpoints, tmp_path: Path) -> None:
    archive = make_archive()
    provenance = download(DataConfig(source="local", local=str(archive)), tmp_path / "raw", None, offline)
    assert (provenance.source, provenance.location, provenance.known) == ("path", str(archive), False)
    assert "not known to be GroupLens's own archive" in provenance.notes[0]
    assert archive.exists()


def test_a_url_is_used_instead(make_archive: MakeArchive, server: Any, offline: Endpoints, tmp_path: Path) -> None:
    content = make_archive().read_bytes()
    server.files["/mine.zip"] = content
    source = f"{server.url}/mine.zip#sha256={hashlib.sha256(content).hexdigest()}"
    provenance = download(DataConfig(source=source), tmp_path / "raw", None, offline)
    assert provenance.source == "url"
    assert provenance.archive is not None
    assert provenance.archive.checksum == "pinned"


def test_a_folder_is_copied(make_folder: MakeArchive, offline: Endpoints, tmp_path: Path) -> None:
    folder = make_folder("ml-1m")
    provenance = download(DataConfig(name="ml-1m", source="local", local=str(folder)), tmp_path / "raw", None, offline)
    assert (provenance.source, provenance.archive) == ("folder", None)
    assert (tmp_path / "raw" / "ml-1m" / "users.dat").read_bytes() == (folder / "users.dat").read_bytes()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("packed", ["on a Mac", "with another folder", "two levels deep", "with backslashes", "flat"])
def test_an_archive_gives_the_same_tables_however_it_was_packed(
    offline: Endpoints, tmp_path: Path, layout: str, packed: str
) -> None:
    name, files = NAMES[layout], draw_files(layout)
    config = DataConfig(name=name, source="local", local=str(tmp_path / "mine.zip"), tag_genome="none")
    write_zip(tmp_path / "mine.zip", {f"{name}/{file}": content for file, content in files.items()})
    _, expected = prepare(config, tmp_path / "raw", tmp_path / "tables", None, offline)
    members = {
        "on a Mac": {f"{name}/{file}": content for file, content in files.items()}
        | {f"__MACOSX/{name}/._{file}": b"\0\5\x16\7" for file in files}
        | {"__MACOSX/._": b"\0", f"{name}/.DS_Store": b"\0\0\0\1Bud1"},
        "with another folder": {f"{name}/{file}": content for file, content in files.items()}
        | {"notes/read.me": b"mine", "notes/movies.txt": b"none"},
        "two levels deep": {f"download/{name}/{file}": content for file, content in files.items()},
        "with backslashes": {f"{name}\\": b""} | {f"{name}\\{file}": content for file, content in files.items()},
        "flat": files,
    }
    write_zip(tmp_path / "mine.zip", members[packed])
    _, tables = prepare(config, tmp_path / "raw", tmp_path / "tables", None, offline)
    for table in SCHEMAS:
        pd.testing.assert_frame_equal(tables[table], expected[table])


def test_a_url_may_be_written_in_capitals(
    make_archive: MakeArchive, server: Any, offline: Endpoints, tmp_path: Path
) -> None:
    content = make_archive().read_bytes()
    server.files["/mine.zip"] = content
    source = f"{server.url.replace('http', 'HTTP')}/mine.zip#MD5={hashlib.md5(content).hexdigest().upper()}"
    provenance = download(DataConfig(source=source), tmp_path / "raw", None, offline)
    assert (provenance.source, provenance.known) == ("url", False)


def test_what_a_file_manager_leaves_beside_an_archive_is_none(
    make_archive: MakeArchive, offline: Endpoints, tmp_path: Path
) -> None:
    place = make_archive(path=tmp_path / "local" / "mine.ZIP").parent
    for name in ("._mine.ZIP", ".DS_Store", ".gitkeep", "README.md"):
        (place / name).write_bytes(b"\0")
    config = DataConfig(source="local", local=str(place))
    assert download(config, tmp_path / "raw", None, offline).location == str(place / "mine.ZIP")
    (place / "mine.ZIP").unlink()
    with pytest.raises(DataError, match=f"data.local: {place} is empty"):
        download(config, tmp_path / "raw", None, offline)


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_a_pinned_archive_must_match(
    make_archive: MakeArchive, server: Any, offline: Endpoints, tmp_path: Path, algorithm: str
) -> None:
    content = make_archive().read_bytes()
    server.files["/mine.zip"], url = content, f"{server.url}/mine.zip"
    digest = hashlib.new(algorithm, content).hexdigest()
    download(DataConfig(source=f"{url}#{algorithm}={digest}"), tmp_path / "raw", None, offline)
    wrong = "0" * len(digest)
    with pytest.raises(DataError, match=f"has the wrong checksum: {algorithm} {digest}, expected {wrong}"):
        download(DataConfig(source=f"{url}#{algorithm}={wrong}"), tmp_path / "raw2", None, offline)
    with pytest.raises(DataError, match="digits, not 4"):
        split_pin(f"{url}#{algorithm}=abcd")


def test_a_folder_may_hold_an_archive_beside_the_tag_genome(make_archive: MakeArchive, tmp_path: Path) -> None:
    config = DataConfig(source="local", local=str(tmp_path / "local"))
    (tmp_path / "local").mkdir()
    with pytest.raises(DataError, match=r"local is empty: put an archive or the files of ml-100k there"):
        local_ratings(config)
    for name in ("README.md", "tag-genome.zip"):
        (tmp_path / "local" / name).write_text("not ratings")
    with pytest.raises(DataError, match="local is empty"):
        local_ratings(config)
    (tmp_path / "local" / "mine.zip").symlink_to(make_archive(path=tmp_path / "elsewhere.zip"))
    assert local_ratings(config) == tmp_path / "local" / "mine.zip"
    (tmp_path / "local" / "yours.zip").touch()
    with pytest.raises(DataError, match=r"several archives, mine\.zip, yours\.zip: set data\.local to the path of one"):
        local_ratings(config)


@pytest.mark.parametrize("damage", ["truncated", "leads out", "lacks", "another"])
def test_a_bad_local_archive_leaves_nothing(
    make_archive: MakeArchive, draw_files: Any, offline: Endpoints, tmp_path: Path, damage: str
) -> None:
    archive, files = make_archive(), draw_files("ml-100k")
    match damage:
        case "truncated":
            archive.write_bytes(archive.read_bytes()[:2000])
        case "leads out":
            write_zip(archive, files | {"../evil": b"x"})
        case "lacks":
            del files["u.user"]
            write_zip(archive, files)
        case "another":
            make_archive("ml-1m", path=archive)
    reason = {"lacks": r"lacks u\.user", "another": r"data\.name must be ml-1m"}.get(damage, damage)
    with pytest.raises(DataError, match=reason):
        download(DataConfig(source="local", local=str(archive)), tmp_path / "data" / "raw", None, offline)
    assert list((tmp_path / "data").iterdir()) == []
    assert not (tmp_path / "evil").exists()


def test_a_linked_folder_inside_is_refused_since_its_changes_would_not_be_noticed(tmp_path: Path) -> None:
    (tmp_path / "local").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "local" / "mine").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=r"local/mine is a link to a folder: set data\.local to the folder itself"):
        local_ratings(DataConfig(source="local", local=str(tmp_path / "local")))


def test_a_place_where_nothing_is_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data\.local: .*nowhere\.zip does not exist"):
        download(DataConfig(source="local", local=str(tmp_path / "nowhere.zip")), tmp_path / "raw", None)
