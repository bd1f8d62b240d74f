import hashlib
from pathlib import Path

import pytest

from rlrec.errors import DataError, WriteError
from rlrec.storage.files import atomic_file, atomic_folder, checksum, restore, write_atomically, write_together


def test_checksum_is_the_digest_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert checksum(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()
    assert checksum(tmp_path / "a", "md5") == "900150983cd24fb0d6963f7d28e17f72"


def test_atomic_file_failing_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "a"
    write_atomically(target, b"old")
    with pytest.raises(RuntimeError), atomic_file(target) as part:  # noqa: PT012
        part.write_bytes(b"half")
        raise RuntimeError
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_atomic_folder_replaces_the_whole_folder(tmp_path: Path) -> None:
    target = tmp_path / "raw"
    target.mkdir()
    (target / "stale").write_text("x")
    with atomic_folder(target) as fresh:
        (fresh / "new").write_text("y")
        assert (target / "stale").exists()
    assert [path.name for path in target.iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_atomic_folder_failing_leaves_the_old_folder_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "raw"
    target.mkdir()
    (target / "old").write_text("x")
    with pytest.raises(KeyboardInterrupt), atomic_folder(target) as fresh:  # noqa: PT012
        (fresh / "half").write_text("y")
        raise KeyboardInterrupt
    assert [path.name for path in target.iterdir()] == ["old"]
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_what_a_killed_process_left_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / ".raw.new").mkdir()
    (tmp_path / ".raw.new" / "half").write_text("x")
    with atomic_folder(tmp_path / "raw") as fresh:
        assert list(fresh.iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_restore_brings_back_what_a_killed_process_had_moved_aside(tmp_path: Path) -> None:
    (tmp_path / ".raw.old").mkdir()
    (tmp_path / ".raw.old" / "precious").write_text("x")
    restore(tmp_path / "raw")
    assert (tmp_path / "raw" / "precious").read_text() == "x"


def test_restore_clears_what_a_process_killed_just_before_its_end_had_left(tmp_path: Path) -> None:
    for name in (".raw.old", ".raw.new", "raw"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    restore(tmp_path / "raw")
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]
    assert (tmp_path / "raw" / "file").read_text() == "raw"


def test_of_files_written_together_none_is_new_where_one_cannot_be_written(tmp_path: Path) -> None:
    write_together({tmp_path / "a": b"old", tmp_path / "b": b"old"})
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(WriteError, match=str(tmp_path / "file" / "c")):
        write_together({tmp_path / "a": b"new", tmp_path / "file" / "c": b"new", tmp_path / "b": b"new"})
    assert {path.name: path.read_text() for path in tmp_path.iterdir() if path.name in "ab"} == {"a": "old", "b": "old"}
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("context", [atomic_file, atomic_folder])
def test_an_unwritable_place_is_named(tmp_path: Path, context: type) -> None:
    (tmp_path / "file").write_text("not a folder")
    target = tmp_path / "file" / "raw"
    with pytest.raises(DataError, match=str(target)), context(target):
        pass
