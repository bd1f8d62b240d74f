import stat
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from movielens import draw_files
from support import write_zip

from rlrec.errors import DataError
from rlrec.storage.archives import Limits, check_members, unpack


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A small data set as GroupLens packs it."""
    files = draw_files("ml-100k")
    return write_zip(tmp_path / "ml-100k.zip", {f"ml-100k/{name}": content for name, content in files.items()})


def test_the_folder_that_all_members_share_is_left_out(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "a.zip", {"top/x": b"1", "top/in/y": b"2"})
    files = unpack(archive, tmp_path / "out")
    assert files == [tmp_path / "out/in/y", tmp_path / "out/x"]
    assert (tmp_path / "out/in/y").read_bytes() == b"2"


def test_only_the_named_members_are_taken_and_renamed(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "a.whl", {"pkg/data/x": b"1", "pkg/code.py": b"2"})
    unpack(archive, tmp_path / "out", only={"pkg/data/x": "x"})
    assert [path.name for path in (tmp_path / "out").rglob("*")] == ["x"]
    with pytest.raises(DataError, match=r"a\.whl lacks pkg/data/z"):
        unpack(archive, tmp_path / "out", only={"pkg/data/z": "z"})


def test_what_a_file_manager_packs_beside_the_files_is_left_out(tmp_path: Path) -> None:
    left = (
        "__MACOSX/._top",
        "__MACOSX/top/._x",
        "top/.DS_Store",
        "top/._x",
        "top/Icon\r",
        "top/in/Thumbs.db",
        "desktop.ini",
    )
    archive = write_zip(tmp_path / "a.zip", {"top/x": b"1", **dict.fromkeys(left, b"2"), "top/in/y": b"3"})
    assert unpack(archive, tmp_path / "out") == [tmp_path / "out/in/y", tmp_path / "out/x"]
    assert sorted(path.name for path in (tmp_path / "out").rglob("*")) == ["in", "x", "y"]
    with pytest.raises(DataError, match="holds no file"):
        unpack(write_zip(tmp_path / "b.zip", dict.fromkeys(left, b"2")), tmp_path / "out")


@pytest.mark.parametrize("name", ["__MACOSX/../../evil", "__MACOSX\\..\\..\\evil", "/._evil", "C:\\._evil"])
def test_what_is_left_out_must_be_safe_as_well(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="not safe to unpack"):
        unpack(write_zip(tmp_path / "a.zip", {"x": b"1", name: b"2"}), tmp_path / "out")
    with pytest.raises(DataError, match="would grow"):
        unpack(write_zip(tmp_path / "a.zip", {"x": b"1", "._x": bytes(30 * 2**20)}), tmp_path / "out")


def test_backslashes_between_folders_are_read_as_slashes(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "a.zip", {"top\\": b"", "top\\x": b"1", "top\\in\\": b"", "top\\in\\y": b"2"})
    assert unpack(archive, tmp_path / "out") == [tmp_path / "out/in/y", tmp_path / "out/x"]
    assert (tmp_path / "out/in/y").read_bytes() == b"2"


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["a/x", "a\\x"], "stands there twice"),
        (["a/x", "A\\X"], "stands there twice"),
        (["a", "a/x"], "is both a file and a folder"),
        (["a/x/y", "a\\x"], "is both a file and a folder"),
        (["a\x1b[31m/x"], "has a control character in its name"),
    ],
)
def test_names_that_cannot_stand_beside_each_other_or_be_shown_are_refused(
    tmp_path: Path, names: list[str], problem: str
) -> None:
    with pytest.raises(DataError, match=problem) as error:
        unpack(write_zip(tmp_path / "a.zip", dict.fromkeys(names, b"1")), tmp_path / "out")
    assert str(error.value).isprintable()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("../evil", "leads out"),
        ("a/../../evil", "leads out"),
        ("a\\..\\..\\evil", "leads out"),
        ("/etc/passwd", "absolute"),
        ("C:\\evil", "absolute"),
        ("\\\\server\\share\\evil", "absolute"),
    ],
)
def test_a_member_that_leads_out_is_named_and_nothing_is_written(tmp_path: Path, name: str, problem: str) -> None:
    archive = write_zip(tmp_path / "a.zip", {"good": b"1", name: b"2"})
    with pytest.raises(DataError, match=problem) as error:
        unpack(archive, tmp_path / "in" / "out")
    assert repr(name) in str(error.value)
    assert "a.zip" in str(error.value)
    assert not (tmp_path / "in").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


@given(
    st.lists(st.sampled_from(["..", ".", "a", "b", "", "...", "/", "\\", "C:"]), min_size=1, max_size=9).map("".join)
)
def test_no_accepted_name_leads_out(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    folder = tmp_path_factory.mktemp("zip")
    archive = write_zip(folder / "a.zip", {"x": b"1", name: b"2"})
    try:
        files = unpack(archive, folder / "out")
    except DataError:
        return
    assert all(path.resolve().is_relative_to((folder / "out").resolve()) for path in files)
    assert {path.name for path in folder.iterdir()} == {"a.zip", "out"}


def test_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(DataError, match="'link' is a link"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


def test_bombs_are_refused(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "a.zip", {"zeros": bytes(30 * 2**20), "x": b"1"})
    with pytest.raises(DataError, match="'zeros' would grow"):
        unpack(archive, tmp_path / "out")
    with pytest.raises(DataError, match="would unpack to"):
        unpack(archive, tmp_path / "out", limits=Limits(bytes=2**20, ratio=1e9))
    with pytest.raises(DataError, match="2 members"):
        unpack(archive, tmp_path / "out", limits=Limits(members=1))
    assert not (tmp_path / "out").exists()


def test_a_name_that_stands_there_twice_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("u.data", "1")
        archive.writestr("U.DATA", "2")
    with zipfile.ZipFile(tmp_path / "a.zip") as archive, pytest.raises(DataError, match="twice"):
        check_members(archive)


@pytest.mark.parametrize("keep", [0, 10, 0.3, 0.9, -1])
def test_a_truncated_archive_leaves_the_old_folder(archive: Path, tmp_path: Path, keep: float) -> None:
    content = archive.read_bytes()
    archive.write_bytes(content[: int(keep * len(content)) if isinstance(keep, float) else int(keep)])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").write_text("x")
    with pytest.raises(DataError, match=r"ml-100k\.zip is not a whole zip archive"):
        unpack(archive, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["old"]


def test_a_flipped_byte_is_found_by_the_checksum(archive: Path, tmp_path: Path) -> None:
    content = bytearray(archive.read_bytes())
    content[300] ^= 0xFF
    archive.write_bytes(content)
    with pytest.raises(DataError, match="truncated or corrupt"):
        unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_archive_without_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no file"):
        unpack(write_zip(tmp_path / "a.zip", {}), tmp_path / "out")
    with pytest.raises(DataError, match="cannot read"):
        unpack(tmp_path / "missing.zip", tmp_path / "out")
