import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support import slice_archive

from rlrec.data.dataset.tables import SCHEMAS, Tables, save_tables
from rlrec.data.reading import delimited
from rlrec.data.reading.parse import parse, read_data_set
from rlrec.errors import DataError
from rlrec.storage.archives import unpack

NAMES = {
    "ml-100k": "ml-100k",
    "recbole": "ml-100k",
    "ml-1m": "ml-1m",
    "ml-10m": "ml-10m",
    "ml-latest": "ml-latest-small",
}
RATINGS = {
    "ml-100k": "u.data",
    "recbole": "ml-100k.inter",
    "ml-1m": "ratings.dat",
    "ml-10m": "ratings.dat",
    "ml-latest": "ratings.csv",
}
MOVIES = {
    "ml-100k": "u.item",
    "recbole": "ml-100k.item",
    "ml-1m": "movies.dat",
    "ml-10m": "movies.dat",
    "ml-latest": "movies.csv",
}
IDS = {
    "u.item": "movie id",
    "u.user": "user id",
    "ml-100k.item": "item_id",
    "ml-100k.user": "user_id",
    "movies.dat": "MovieID",
    "users.dat": "UserID",
    "movies.csv": "movieId",
}
"""What each file itself, or its README, calls its first column."""
USERS = {"ml-100k": "u.user", "recbole": "ml-100k.user", "ml-1m": "users.dat"}
MakeFolder = Callable[..., Path]


def _assert_equal(left: Tables, right: Tables) -> None:
    for name in SCHEMAS:
        pd.testing.assert_frame_equal(left[name], right[name])


@pytest.mark.parametrize("layout", NAMES)
def test_every_layout_gives_the_canonical_columns(make_folder: MakeFolder, layout: str) -> None:
    tables = parse(make_folder(layout), NAMES[layout])
    for name, schema in SCHEMAS.items():
        assert {column: str(kind) for column, kind in tables[name].dtypes.items()} == schema
    np.testing.assert_array_equal(tables.users["user"], np.arange(6))
    np.testing.assert_array_equal(tables.movies["movie"], np.arange(30))
    for column, table in (("movie", tables.movies), ("user", tables.users)):
        joined = tables.ratings.merge(table, on=column)
        assert len(joined) == len(tables.ratings)
        assert (joined[f"original_{column}"] == joined["original_id"]).all()


def test_hetrecs_ratings_and_movies_are_those_of_other_layouts(make_folder: MakeFolder) -> None:
    """Its times are in milliseconds, its years and genres apart from the titles."""
    hetrec, other = (
        parse(make_folder(layout), name) for layout, name in (("hetrec", "hetrec-2011"), ("ml-10m", "ml-10m"))
    )
    for name in ("ratings", "users", "movies"):
        pd.testing.assert_frame_equal(hetrec[name], other[name])
    assert "left out of movies.dat: imdbID" in read_data_set(make_folder("hetrec"), "hetrec-2011").told


@pytest.mark.parametrize("layout", ["recbole", "ml-1m"])
def test_the_same_data_give_the_same_tables_in_each_layout(make_folder: MakeFolder, layout: str) -> None:
    _assert_equal(parse(make_folder(layout), NAMES[layout]), parse(make_folder("ml-100k"), "ml-100k"))


@pytest.mark.parametrize("layout", ["ml-10m", "ml-latest"])
def test_newer_layouts_have_the_same_ratings_and_movies_but_no_demographics(
    make_folder: MakeFolder, layout: str
) -> None:
    tables, old = parse(make_folder(layout), NAMES[layout]), parse(make_folder("ml-100k"), "ml-100k")
    pd.testing.assert_frame_equal(tables.ratings, old.ratings)
    pd.testing.assert_frame_equal(tables.movies, old.movies)
    assert tables.users[["sex", "age", "occupation", "zip"]].isna().all(axis=None)


def test_the_order_of_users_and_movies_in_the_files_does_not_matter(make_folder: MakeFolder) -> None:
    expected = parse(make_folder(), "ml-100k")
    for name in ("u.user", "u.item"):
        path = make_folder() / name
        path.write_bytes(b"".join(reversed(path.read_bytes().splitlines(keepends=True))))
        _assert_equal(parse(path.parent, "ml-100k"), expected)


@pytest.mark.parametrize("layout", NAMES)
@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_rows_does_not_matter(make_folder: MakeFolder, tmp_path: Path, layout: str, seed: int) -> None:
    """Neither to the tables nor, byte for byte, to their files, also where a user rated several movies in a second."""
    folder, rng = make_folder(layout), np.random.default_rng(seed)
    path, separator = folder / RATINGS[layout], {"ml-1m": b"::", "ml-10m": b"::", "ml-latest": b","}.get(layout, b"\t")
    lines = path.read_bytes().splitlines(keepends=True)
    head = lines[: 0 if layout in ("ml-100k", "ml-1m", "ml-10m") else 1]
    same_second = [separator.join([*row.split(separator)[:3], b"880000000\n"]) for row in lines[len(head) :]]
    rows = [row if number % 3 else same_second[number] for number, row in enumerate(lines[len(head) :])]
    for name in ("straight", "shuffled"):
        path.write_bytes(b"".join([*head, *rows]))
        save_tables(parse(folder, NAMES[layout]), tmp_path / name)
        rng.shuffle(rows)
    for table in SCHEMAS:
        straight, shuffled = (tmp_path / name / f"{table}.parquet" for name in ("straight", "shuffled"))
        assert straight.read_bytes() == shuffled.read_bytes()


def test_genre_words_of_ml_latest_become_those_of_ml_100k(make_folder: MakeFolder) -> None:
    rows = (
        "1,A (2000),(no genres listed)\n2,B (2000),Sci-Fi|IMAX|Children\n3,C (2000),IMAX\n4,D (2000),Telenovela|Drama\n"
    )
    movies = parse(
        make_folder("ml-latest", {"movies.csv": b"movieId,title,genres\n" + rows.encode()}), "ml-latest"
    ).movies
    assert list(movies["genres"]) == ["unknown", "Children's|Sci-Fi", "unknown", "Drama|Telenovela"]


@pytest.mark.parametrize("layout", NAMES)
@pytest.mark.parametrize("rating", ["0", "6", "3.7"])
def test_ratings_out_of_range_are_left_to_the_validation(make_folder: MakeFolder, layout: str, rating: str) -> None:
    path = make_folder(layout) / RATINGS[layout]
    _replace_rating(path, layout, rating)
    assert _odd(parse(path.parent, NAMES[layout])) == [np.float32(rating)]


@pytest.mark.parametrize("layout", NAMES)
@pytest.mark.parametrize("rating", ["NaN", "", "good", "inf"])
def test_a_rating_that_is_no_number_is_named_with_its_line(make_folder: MakeFolder, layout: str, rating: str) -> None:
    path = make_folder(layout) / RATINGS[layout]
    line = _replace_rating(path, layout, rating)
    column = "Rating" if path.suffix == ".dat" else "rating"
    with pytest.raises(DataError) as error:
        parse(path.parent, NAMES[layout])
    assert str(error.value).startswith(f"{path}, line {line}: {column} must be a number, but is {rating!r}")


def _odd(tables: Tables) -> list[float]:
    """Ratings that are no whole number of stars from one to five."""
    stars = tables.ratings["rating"]
    return stars[~stars.isin([1, 2, 3, 4, 5])].tolist()


def _replace_rating(path: Path, layout: str, rating: str) -> int:
    separator = {"ml-1m": b"::", "ml-10m": b"::", "ml-latest": b","}.get(layout, b"\t")
    line = 3 if layout in ("ml-100k", "ml-1m", "ml-10m") else 4
    lines = path.read_bytes().splitlines()
    fields = lines[line - 1].split(separator)
    lines[line - 1] = separator.join([*fields[:2], rating.encode(), fields[3]])
    path.write_bytes(b"\n".join(lines) + b"\n")
    return line


def test_ratings_by_and_of_unknown_ids_get_minus_one(make_folder: MakeFolder) -> None:
    folder = make_folder()
    with (folder / "u.data").open("ab") as file:
        file.write(b"999\t10\t3\t880000000\n1\t77\t3\t880000000\n")
    ratings = parse(folder, "ml-100k").ratings
    odd = ratings[(ratings["user"] < 0) | (ratings["movie"] < 0)]
    assert odd["user"].tolist() == [-1, 0]
    assert odd["movie"].tolist() == [0, -1]
    assert odd["original_user"].tolist() == [999, 1]


@pytest.mark.parametrize("layout", NAMES)
def test_a_missing_table_is_named(make_folder: MakeFolder, layout: str) -> None:
    for name in (RATINGS[layout], MOVIES[layout]):
        folder = make_folder(layout)
        (folder / name).unlink()
        with pytest.raises(DataError, match=f"lacks {name}"):
            parse(folder, NAMES[layout])


@pytest.mark.parametrize("layout", NAMES)
def test_an_empty_table_is_named(make_folder: MakeFolder, layout: str) -> None:
    for files in (RATINGS, MOVIES, USERS):
        if layout in files:
            folder = make_folder(layout, {files[layout]: b""})
            with pytest.raises(DataError, match=f"{files[layout]} is empty"):
                parse(folder, NAMES[layout])


@pytest.mark.parametrize("layout", NAMES)
def test_an_id_that_stands_there_twice_is_named_with_its_line(make_folder: MakeFolder, layout: str) -> None:
    for files in (MOVIES, USERS):
        if layout in files:
            path = make_folder(layout) / files[layout]
            lines = path.read_bytes().splitlines(keepends=True)
            path.write_bytes(b"".join([*lines, lines[-1]]))
            with pytest.raises(
                DataError, match=rf"{path.name}, line {len(lines) + 1}: {IDS[path.name]} \d+ stands there"
            ):
                parse(path.parent, NAMES[layout])


@pytest.mark.parametrize("layout", NAMES)
def test_a_file_in_utf16_is_recognised(make_folder: MakeFolder, layout: str) -> None:
    path = make_folder(layout) / MOVIES[layout]
    path.write_bytes(path.read_bytes().decode("latin-1").encode("utf-16"))
    with pytest.raises(DataError, match=f"{path.name} is encoded in UTF-16"):
        parse(path.parent, NAMES[layout])


@pytest.mark.parametrize("layout", NAMES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_copy_that_was_saved_as_utf8_gives_the_same_tables(
    make_folder: MakeFolder, layout: str, encoding: str
) -> None:
    expected, folder = parse(make_folder(layout), NAMES[layout]), make_folder(layout)
    published = "utf-8" if layout in ("recbole", "ml-10m", "ml-latest") else "latin-1"
    for path in folder.iterdir():
        path.write_text(path.read_bytes().decode(published), encoding=encoding, newline="")
    assert "é".encode() in (folder / MOVIES[layout]).read_bytes()
    _assert_equal(parse(folder, NAMES[layout]), expected)


@pytest.mark.parametrize("layout", ["recbole", "ml-10m", "ml-latest"])
def test_a_copy_that_was_saved_as_latin1_is_refused_with_what_to_do(make_folder: MakeFolder, layout: str) -> None:
    path = make_folder(layout) / MOVIES[layout]
    path.write_bytes(path.read_bytes().decode("utf-8").encode("latin-1"))
    with pytest.raises(DataError, match=rf"{path.name}, line \d+: byte 0xe9 is not UTF-8 text: save the file as UTF-8"):
        parse(path.parent, NAMES[layout])


@pytest.mark.parametrize("layout", NAMES)
def test_no_message_has_a_name_of_ours_for_a_column(make_folder: MakeFolder, layout: str) -> None:
    path = make_folder(layout) / RATINGS[layout]
    first = 0 if layout in ("ml-100k", "ml-1m", "ml-10m") else 1
    lines = path.read_bytes().splitlines()
    for field, name in enumerate(("user", "item|movie", "rating", "timestamp")):
        separator = {"ml-1m": b"::", "ml-10m": b"::", "ml-latest": b","}.get(layout, b"\t")
        fields = lines[first].split(separator)
        fields[field] = b"x"
        path.write_bytes(b"\n".join([*lines[:first], separator.join(fields), *lines[first + 1 :]]))
        with pytest.raises(DataError) as error:
            parse(path.parent, NAMES[layout])
        assert re.search(
            rf"line {first + 1}: ({name})\S*( id)? must be a (whole )?number, but is 'x'", str(error.value), re.I
        )
        assert "original" not in str(error.value)


def test_bad_genre_flags_are_named_with_their_line(make_folder: MakeFolder) -> None:
    path = make_folder() / "u.item"
    lines = path.read_bytes().splitlines()
    lines[4] = lines[4][:-1] + b"7"
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(DataError, match="line 5: Western must be 0 or 1, but is '7'"):
        parse(path.parent, "ml-100k")


def test_genres_in_another_order_are_refused(make_folder: MakeFolder) -> None:
    with pytest.raises(DataError, match=r"u\.genre must list unknown, Action"):
        parse(make_folder(changes={"u.genre": b"Action|0\nunknown|1\n"}), "ml-100k")


def test_an_unknown_occupation_is_named_with_its_line(make_folder: MakeFolder) -> None:
    path = make_folder() / "u.user"
    path.write_bytes(path.read_bytes() + b"7|30|F|astronaut|12345\n")
    with pytest.raises(DataError, match="line 7: unknown occupation 'astronaut'"):
        parse(path.parent, "ml-100k")


def test_an_occupation_that_is_listed_twice_is_one(make_folder: MakeFolder) -> None:
    expected, path = parse(make_folder(), "ml-100k"), make_folder() / "u.occupation"
    path.write_bytes(path.read_bytes() + b"writer\nartist\n")
    _assert_equal(parse(path.parent, "ml-100k"), expected)


@pytest.mark.parametrize("ending", [b"\r", b"\n\r"])
def test_files_with_other_line_ends_are_refused_by_name(make_folder: MakeFolder, ending: bytes) -> None:
    path = make_folder() / "u.user"
    path.write_bytes(path.read_bytes().replace(b"\n", ending) * 2)
    with pytest.raises(DataError, match=r"u\.user, line \d+: "):
        parse(path.parent, "ml-100k")


@pytest.mark.filterwarnings("error")
def test_a_rating_beyond_all_bounds_is_infinite_without_a_warning(make_folder: MakeFolder) -> None:
    path = make_folder() / "u.data"
    _replace_rating(path, "ml-100k", "1e300")
    assert _odd(parse(path.parent, "ml-100k")) == [np.inf]


def test_many_ratings_are_parsed_the_quick_way(make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a million of them take is measured by `benchmarks.checking`."""
    rng, rows = np.random.default_rng(0), 50_000
    drawn = np.stack([rng.integers(1, 7, rows), 10 * rng.integers(1, 31, rows), rng.integers(1, 6, rows)], axis=1)
    text = "\n".join(f"{u}::{m}::{r}::978300760" for u, m, r in drawn.tolist()).encode()
    folder = make_folder("ml-1m", {"ratings.dat": text})
    monkeypatch.delattr(delimited, "_checked")  # line by line
    tables = parse(folder, "ml-1m")
    found = tables.ratings[["original_user", "original_movie", "rating"]].to_numpy(np.int64)
    np.testing.assert_array_equal(*(table[np.lexsort(table.T)] for table in (found, drawn)))
    assert tables.ratings["user"].is_monotonic_increasing


@pytest.mark.realdata
def test_real_ml_100k_has_its_published_shape(ml100k_archive: Path, tmp_path: Path) -> None:
    unpack(ml100k_archive, tmp_path / "ml-100k")
    tables = parse(tmp_path / "ml-100k", "ml-100k")
    assert (len(tables.ratings), len(tables.users), len(tables.movies)) == (100_000, 943, 1_682)
    first = tables.ratings[(tables.ratings["original_user"] == 196) & (tables.ratings["original_movie"] == 242)]
    assert first.values.tolist() == [[195, 241, 196, 242, 3, 881250949]]
    assert tables.movies.iloc[0].tolist() == [0, 1, "Toy Story (1995)", 1995, "Animation|Children's|Comedy", 0]
    assert tables.users.iloc[0].tolist() == [0, 1, "M", 24, 19, "85711"]


@pytest.mark.realdata
def test_a_slice_of_real_data_keeps_20_ratings_a_user(ml100k_archive: Path, tmp_path: Path) -> None:
    unpack(slice_archive(ml100k_archive, tmp_path / "a"), tmp_path / "ml-100k")
    tables = parse(tmp_path / "ml-100k", "ml-100k")
    assert len(tables.users) == 60
    assert 150 <= len(tables.movies) <= 200
    assert tables.ratings["user"].value_counts().min() >= 20
    assert set(tables.ratings["movie"]) == set(range(len(tables.movies)))
    again = slice_archive(ml100k_archive, tmp_path / "b")
    assert again.read_bytes() == (tmp_path / "a" / "ml-100k.zip").read_bytes()
