from collections.abc import Callable
from pathlib import Path

import pytest
from movielens import draw_files
from support import write_zip

from rlrec.data.survey import survey
from rlrec.errors import DataError
from rlrec.settings.dataset import DataConfig


def _put(folder: Path, layout: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in draw_files(layout).items():
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize(
    ("layout", "name"),
    [
        ("recbole", "ml-100k"),
        ("ml-1m", "ml-1m"),
        ("ml-latest", "ml-latest"),
        ("hetrec", "hetrec-2011"),
        ("table", "table"),
        ("atomic", "recbole"),
    ],
)
def test_what_a_folder_is_is_found_out(tmp_path: Path, layout: str, name: str) -> None:
    found = survey(_put(tmp_path, layout), DataConfig())
    assert (found.name, found.fails) == (name, [])
    assert any(line.endswith(" ratings, 6 users, 30 movies") for line in found.found)


def test_what_is_left_alone_is_named_in_archives_too(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "mine.zip", {f"top/{k}": v for k, v in draw_files("ml-10m").items()})
    found = survey(archive, DataConfig())
    assert found.name == "ml-10m"
    assert "left alone: tags.dat" in found.found


def test_a_file_by_itself_is_a_table(tmp_path: Path) -> None:
    found = survey(_put(tmp_path, "table") / "mine.csv", DataConfig())
    assert found.name == "table"
    assert "read: mine.csv" in found.found
    assert any(line.startswith("ids of users are texts: reader 1, reader 2") for line in found.found)


def _twice(folder: Path) -> None:
    path = folder / "mine.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines, lines[1]]) + "\n")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda folder: (folder / "mine.csv").write_text("user,item,rating\n1,2,good\n"),
            "mine.csv, line 2: rating must",
        ),
        (lambda folder: (folder / "mine.csv").write_text("a,b\n1,2\n"), "mine.csv does not say who"),
        (_twice, "a user rates a movie once"),
        (_twice, "user reader 1, movie b10, rating"),
        (lambda folder: (folder / "mine.csv").write_text("user,item\n1,2\n"), "three users are needed"),
    ],
)
def test_what_would_fail_is_said_with_the_users_file(
    tmp_path: Path, spoil: Callable[[Path], None], message: str
) -> None:
    folder = _put(tmp_path, "table")
    (folder / "books.csv").unlink()
    spoil(folder)
    failed = "\n".join(survey(folder, DataConfig()).fails)
    assert message in failed
    assert "/tmp/" not in failed.replace(str(tmp_path), "")


def test_what_is_wrong_with_a_file_by_itself_is_said_with_its_name_once(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("user,item,rating\n1,2,good\n")
    (failure,) = survey(tmp_path / "mine.csv", DataConfig()).fails
    assert failure.startswith(f"{tmp_path / 'mine.csv'}, line 2: rating must be a number")


def test_nothing_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere does not exist"):
        survey(tmp_path / "nowhere", DataConfig())
