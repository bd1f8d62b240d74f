import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from movielens import draw_files

from rlrec.data.reading.parse import detect_layout
from rlrec.errors import DataError

MakeFolder = Callable[..., Path]


def put(folder: Path, layout: str, *names: str) -> Path:
    """Writes files of a layout, all of them where none is named."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in draw_files(layout).items():
        if not names or name in names:
            (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("inside", ["", "ml-1m", "download/ml-1m", "a/b/c"])
def test_files_are_found_however_deep_they_are(tmp_path: Path, inside: str) -> None:
    place = put(tmp_path / inside, "ml-1m")
    (tmp_path / "notes").mkdir(exist_ok=True)
    (tmp_path / "notes" / "read.me").write_text("mine")
    found, layout = detect_layout(tmp_path, "ml-1m")
    assert (found, layout.name) == (place, "ml-1m")


def test_what_a_file_manager_leaves_is_not_looked_into(tmp_path: Path) -> None:
    put(tmp_path / "__MACOSX" / "ml-1m", "ml-1m")
    put(tmp_path / ".trash", "ml-1m")
    with pytest.raises(DataError, match="holds no MovieLens files"):
        detect_layout(tmp_path, "ml-1m")


def test_files_that_lie_deeper_than_anybody_puts_them_are_not_searched_for(tmp_path: Path) -> None:
    put(tmp_path / "a/b/c/d", "ml-1m")
    with pytest.raises(DataError, match="holds no MovieLens files"):
        detect_layout(tmp_path, "ml-1m")


def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    """DVC does not see what changes behind them."""
    put(tmp_path / "elsewhere", "ml-1m")
    mine = tmp_path / "mine" / "deeper"
    mine.mkdir(parents=True)
    for name, target in (("again", mine), ("there", tmp_path / "elsewhere")):
        (mine / name).symlink_to(target)
    with pytest.raises(DataError, match="holds no MovieLens files"):
        detect_layout(tmp_path / "mine", "ml-1m")


def test_of_several_data_sets_the_named_one_is_taken(tmp_path: Path) -> None:
    put(tmp_path / "old", "ml-100k")
    put(tmp_path / "new", "ml-1m")
    assert detect_layout(tmp_path, "ml-1m")[0] == tmp_path / "new"
    assert detect_layout(tmp_path, "ml-100k")[0] == tmp_path / "old"
    with pytest.raises(DataError, match=r"new holds files of ml-1m, so data\.name must be ml-1m, not ml-latest"):
        detect_layout(tmp_path, "ml-latest")


def test_the_nearest_is_taken_and_of_two_as_near_none(tmp_path: Path) -> None:
    put(tmp_path / "a", "ml-1m")
    put(tmp_path / "b" / "older", "ml-1m")
    assert detect_layout(tmp_path, "ml-1m")[0] == tmp_path / "a"
    shutil.move(tmp_path / "b" / "older", tmp_path / "c")
    with pytest.raises(DataError, match=f"{tmp_path}/a and {tmp_path}/c both hold files of ml-1m: name one of them"):
        detect_layout(tmp_path, "ml-1m")


def test_another_data_set_than_the_named_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds files of ml-100k, so data\.name must be ml-100k, not ml-1m$"):
        detect_layout(put(tmp_path, "ml-100k"), "ml-1m")
    with pytest.raises(DataError, match=r"must be ml-20m or ml-25m or ml-32m or ml-latest-small or ml-latest, not"):
        detect_layout(put(tmp_path / "csv", "ml-latest"), "ml-100k")


def test_ml_10m_and_an_ml_1m_without_users_say_what_they_need_and_not_the_contrary_of_each_other(
    tmp_path: Path,
) -> None:
    folder = put(tmp_path, "ml-1m", "ratings.dat", "movies.dat")
    assert detect_layout(folder, "ml-10m")[1].name == "ml-10m"
    with pytest.raises(DataError, match=r"data\.name must be ml-10m, not ml-1m; for ml-1m it lacks users\.dat$"):
        detect_layout(folder, "ml-1m")
    put(tmp_path, "ml-1m", "users.dat")
    assert detect_layout(folder, "ml-1m")[1].name == "ml-1m"
    with pytest.raises(DataError, match=r"holds files of ml-1m, so data\.name must be ml-1m, not ml-10m$"):
        detect_layout(folder, "ml-10m")


def test_whoever_does_what_a_message_says_is_not_sent_back(tmp_path: Path) -> None:
    """Whatever files there are: the name that one message asks for is one that the next call takes."""
    for layout, kept in (("ml-1m", 2), ("ml-1m", 3), ("ml-10m", 2), ("ml-latest", 2), ("ml-100k", 5)):
        names = [name for name in draw_files(layout) if name not in ("tags.dat", "links.csv")][:: 2 if kept == 2 else 1]
        folder = put(tmp_path / f"{layout}-{kept}", layout, *names)
        for name in ("ml-100k", "ml-1m", "ml-10m", "ml-latest"):
            try:
                detect_layout(folder, name)
            except DataError as error:
                asked = str(error).partition("data.name must be ")[2].partition(",")[0].split(" or ")
                for other in filter(None, asked):
                    detect_layout(folder, other)


def test_one_file_is_no_data_set(tmp_path: Path) -> None:
    folder = put(tmp_path, "ml-1m", "movies.dat")
    for name in ("ml-100k", "ml-latest"):
        with pytest.raises(DataError) as error:
            detect_layout(folder, name)
        assert str(error.value) == (
            f"{folder} has movies.dat, but not all files of a data set: ml-1m (ml-1m) also has ratings.dat, users.dat; "
            "ml-10m (ml-10m) also has ratings.dat; "
            "hetrec (hetrec-2011) also has user_ratedmovies-timestamps.dat, movie_genres.dat"
        )
    with pytest.raises(DataError, match=r"lacks ratings\.dat, users\.dat of ml-1m's files ratings\.dat, users\.dat"):
        detect_layout(folder, "ml-1m")
    with pytest.raises(DataError, match=r"lacks ratings\.dat of ml-10m's files"):
        detect_layout(folder, "ml-10m")


def test_a_folder_without_movielens_files_says_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no MovieLens files(.|\n)*ratings\.dat"):
        detect_layout(tmp_path, "ml-1m")
    with pytest.raises(DataError, match="is not a folder"):
        detect_layout(tmp_path / "none", "ml-1m")
