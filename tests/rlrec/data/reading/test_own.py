"""Tables of one's own and RecBole's atomic files."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from movielens import draw_files

from rlrec.data.dataset.tables import Tables
from rlrec.data.reading.parse import Parsed, parse, read_data_set
from rlrec.errors import DataError
from rlrec.settings.dataset import DataConfig


def frame(users: int = 4, items: int = 12) -> pd.DataFrame:
    """A complete table in LensKit's columns, values from 1 to 5, in an order of no meaning."""
    pairs = [
        (f"u{u}", f"i{i}", 1 + (u * i) % 5, 1_700_000_000 + 60 * i) for u in range(1, users + 1) for i in range(items)
    ]
    return pd.DataFrame(pairs, columns=["user", "item", "rating", "timestamp"]).sample(frac=1, random_state=1)


def read(folder: Path, table: pd.DataFrame | None = None, name: str = "mine.csv", **settings: Any) -> Parsed:
    folder.mkdir(exist_ok=True)
    if table is not None:
        if name.endswith(".parquet"):
            table.to_parquet(folder / name, index=False)
        else:
            table.to_csv(folder / name, index=False, sep="\t" if name.endswith(".tsv") else ",")
    return read_data_set(folder, "table", DataConfig(name="table", source="local", **settings))


def same(one: Tables, other: Tables) -> None:
    for name in ("ratings", "users", "movies"):
        pd.testing.assert_frame_equal(one[name], other[name])


@pytest.mark.parametrize("name", ["mine.csv", "mine.tsv", "mine.parquet"])
@pytest.mark.parametrize(
    "names",
    [
        ["user", "item", "rating", "timestamp"],
        ["user_id", "item_id", "rating", "timestamp"],
        ["user_id", "item_id", "weight", "datetime"],
        ["userId", "movieId", "rating", "timestamp"],
        ["reviewerID", "asin", "overall", "unixReviewTime"],
    ],
)
def test_the_names_that_libraries_use_are_understood_in_any_format(tmp_path: Path, name: str, names: list[str]) -> None:
    expected = read(tmp_path / "one", frame()).tables
    same(read(tmp_path / "other", frame().set_axis(names, axis=1), name).tables, expected)


def test_other_names_are_mapped_and_what_is_left_out_is_told(tmp_path: Path) -> None:
    table = frame().set_axis(["who", "what", "how", "when"], axis=1).assign(device="phone", rating=99)
    with pytest.raises(
        DataError, match=r"mine\.csv does not say who .* data\.columns\.user .*who, what, how, when, device"
    ):
        read(tmp_path, table)
    columns = {"user": "who", "item": "what", "value": "how", "time": "when"}
    parsed = read(tmp_path, columns=columns)
    same(parsed.tables, read(tmp_path / "plain", frame()).tables)
    assert "left out of mine.csv: device, rating" in parsed.told
    with pytest.raises(DataError, match=r"mine\.csv has no column 'stars' \(data\.columns\.value\); it has who, what"):
        read(tmp_path, columns=columns | {"value": "stars"})


def test_text_ids_get_numbers_that_do_not_depend_on_rows(tmp_path: Path) -> None:
    one, other = (read(tmp_path / str(seed), frame(12).sample(frac=1, random_state=seed)) for seed in (1, 2))
    same(one.tables, other.tables)
    assert one.vocabulary == other.vocabulary
    assert one.vocabulary["user"] == tuple(f"u{n}" for n in range(1, 13))  # u10 after u9
    assert one.tables.users["original_id"].tolist() == list(range(1, 13))


def test_whole_numbers_stay_what_they_are(tmp_path: Path) -> None:
    table = frame().assign(user=lambda found: found["user"].str[1:].astype(int) * 1000)
    parsed = read(tmp_path, table)
    assert parsed.tables.users["original_id"].tolist() == [1000, 2000, 3000, 4000]
    assert set(parsed.vocabulary) == {"movie"}


def test_a_table_of_items_gives_titles_years_and_kinds(tmp_path: Path) -> None:
    read(tmp_path, frame())
    items = pd.DataFrame(
        {
            "item_id": [f"i{n}" for n in range(14)],  # two that nobody rated
            "title": [f"Book {n}" for n in range(14)],
            "year": 1990,
            "genres": ["Crime, Poetry", "Crime"] * 7,
            "pages": 300,
        }
    )
    items.to_csv(tmp_path / "books.csv", index=False)
    parsed = read(tmp_path)
    movies = parsed.tables.movies
    assert movies["title"].tolist()[:2] == ["Book 0 (1990)", "Book 1 (1990)"]
    assert len(movies) == 14
    assert movies["genres"].tolist()[:2] == ["Crime|Poetry", "Crime"]
    assert movies["year"].tolist() == [1990] * 14
    assert "left out of books.csv: pages" in parsed.told


def test_rated_items_that_the_table_of_items_lacks_are_called_by_their_ids(tmp_path: Path) -> None:
    read(tmp_path, frame())
    pd.DataFrame({"item": ["i0", "i1"], "title": ["Zero", "One"]}).to_csv(tmp_path / "books.csv", index=False)
    parsed = read(tmp_path)
    assert parsed.tables.movies["title"].tolist()[:3] == ["Zero", "One", "i2"]
    assert (parsed.tables.ratings["movie"] >= 0).all()
    assert "10 of the items that were rated are not in books.csv: known by their ids" in parsed.told
    pd.DataFrame({"item": ["x"], "title": ["Zero"]}).to_csv(tmp_path / "books.csv", index=False)
    with pytest.raises(DataError, match=r"books\.csv: no item is one of those that were rated"):
        read(tmp_path)


def test_without_times_values_and_kinds_it_is_said_what_takes_their_place(tmp_path: Path) -> None:
    parsed = read(tmp_path, frame()[["user", "item"]])
    assert (parsed.tables.ratings["timestamp"] == 0).all()
    assert (parsed.tables.ratings["rating"] == 5).all()
    assert parsed.tables.movies["genres"].isna().all()
    told = " ".join(parsed.told)
    assert all(words in told for words in ("no values", "no times", "no titles", "clusters"))


def test_titles_in_the_table_of_ratings_are_used_whatever_the_order_of_rows(tmp_path: Path) -> None:
    table = frame().assign(title=lambda found: "Title of " + found["item"])
    one, other = read(tmp_path / "one", table), read(tmp_path / "two", table.iloc[::-1])
    same(one.tables, other.tables)
    assert one.tables.movies["title"].tolist()[0] == "Title of i0"


def test_of_several_tables_that_with_values_is_meant(tmp_path: Path) -> None:
    read(tmp_path, frame())
    frame()[["user", "item"]].assign(tag="dull").to_csv(tmp_path / "tags.csv", index=False)
    assert "left alone: tags.csv" in read(tmp_path).told
    frame().to_csv(tmp_path / "older.csv", index=False)
    with pytest.raises(DataError, match=r"mine\.csv and .*older\.csv are both ratings: set data\.local"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("rating", "good", r"mine\.csv, line 4: rating must be a number, but is 'good'"),
        ("rating", "", r"mine\.csv, line 4: rating must be a number, but is ''"),
        ("rating", "inf", r"mine\.csv, line 4: rating must be a number"),
        ("timestamp", "yesterday", r"mine\.csv, line 4: timestamp must be a number, but is 'yesterday'"),
        ("user", " ", r"mine\.csv, line 4: user must be an id, but is ''"),
    ],
)
def test_what_a_value_must_be_is_said_with_file_and_line(tmp_path: Path, column: str, value: str, message: str) -> None:
    table = frame().astype(object)
    table.iloc[2, table.columns.get_loc(column)] = value
    with pytest.raises(DataError, match=message):
        read(tmp_path, table)


def test_a_row_with_too_many_fields_is_told(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("user,item,rating\n1,2,3\n1,3,4,5\n")
    with pytest.raises(DataError, match=r"mine\.csv, row 2: has 4 fields, but the header has 3: '1,3,4,5'"):
        read(tmp_path)


def test_a_damaged_parquet_file_is_refused_in_words_that_a_terminal_takes_for_words(tmp_path: Path) -> None:
    read(tmp_path, frame(), "mine.parquet")
    path = tmp_path / "mine.parquet"
    whole = path.read_bytes()
    footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    path.write_bytes(whole[:footer] + b"\x15\x04\x0e" + whole[footer + 3 :])  # a field of a type that there is not
    with pytest.raises(DataError, match=r"mine\.parquet is not a readable Parquet file: .*\\x0e") as error:
        read(tmp_path)
    assert str(error.value).isprintable()


def test_recboles_files_of_ml100k_give_the_tables_of_ml100k(tmp_path: Path) -> None:
    for name, content in draw_files("recbole").items():
        (tmp_path / name.replace("ml-100k", "mine")).write_bytes(content)
    whole = tmp_path / "whole"
    whole.mkdir()
    for name, content in draw_files("ml-100k").items():
        (whole / name).write_bytes(content)
    same(parse(tmp_path, "recbole"), parse(whole, "ml-100k"))


def test_recboles_fields_may_be_called_and_typed_anyhow(tmp_path: Path) -> None:
    table = frame().set_axis(["who:token", "item_id:token", "weight:float", "t:float"], axis=1)
    table.assign(**{"words:token_seq": "a b"}).to_csv(tmp_path / "my.inter", sep="\t", index=False)
    config = DataConfig.model_validate({"name": "recbole", "source": "local", "columns": {"user": "who", "time": "t"}})
    with pytest.raises(DataError, match="no field is called user_id"):
        read_data_set(tmp_path, "recbole")
    parsed = read_data_set(tmp_path, "recbole", config)
    same(parsed.tables, read(tmp_path / "plain", frame()).tables)
    assert "left out of my.inter: words" in parsed.told
    (tmp_path / "my.inter").write_text("user_id\titem_id:token\n1\t2\n")
    with pytest.raises(DataError, match=r"fields must be called name:type"):
        parse(tmp_path, "recbole")


def test_people_of_recbole_are_taken_where_they_fit(tmp_path: Path) -> None:
    ratings = pd.DataFrame({"user_id:token": np.repeat([1, 2, 3], 4), "item_id:token": [1, 2, 3, 4] * 3})
    ratings.to_csv(tmp_path / "x.inter", sep="\t", index=False)
    people = {"user_id:token": [3, 1], "age:float": [30, 40], "gender:token": ["F", "other"], "city:token": "B"}
    pd.DataFrame(people).to_csv(tmp_path / "x.user", sep="\t", index=False)
    parsed = read_data_set(tmp_path, "recbole")
    assert parsed.tables.users["age"].fillna(0).tolist() == [40, 0, 30]
    assert parsed.tables.users["sex"].isna().all()
    assert "left out of x.user: gender, city" in parsed.told


def test_people_of_recbole_are_known_by_text_ids_too(tmp_path: Path) -> None:
    ratings = pd.DataFrame({"user_id:token": np.repeat(["ann", "bo", "u9"], 4), "item_id:token": [1, 2, 3, 4] * 3})
    ratings.to_csv(tmp_path / "x.inter", sep="\t", index=False)
    # "zoe" rated nothing, nor did the "guest" who stands there twice.
    people = {"user_id:token": ["u9", "zoe", "guest", "guest", "ann"], "age:float": [30, 20, 1, 2, 40]}
    pd.DataFrame(people).to_csv(tmp_path / "x.user", sep="\t", index=False)
    parsed = read_data_set(tmp_path, "recbole")
    assert parsed.vocabulary["user"] == ("ann", "bo", "u9")
    assert parsed.tables.users["age"].fillna(0).tolist() == [40, 0, 30]
    assert "read from x.user: user_id, age" in parsed.told
    pd.DataFrame({"user_id:token": ["1", "2"], "age:float": 9}).to_csv(tmp_path / "x.user", sep="\t", index=False)
    parsed = read_data_set(tmp_path, "recbole")
    assert parsed.tables.users["age"].isna().all()
    assert "left out of x.user: all, since its ids are not those of the ratings" in parsed.told


@pytest.mark.parametrize("again", ["ann", "bo"])
def test_of_people_who_stand_there_twice_the_line_is_named(tmp_path: Path, again: str) -> None:
    ratings = pd.DataFrame({"user_id:token": ["ann", "bo"], "item_id:token": 1})
    ratings.to_csv(tmp_path / "x.inter", sep="\t", index=False)
    (tmp_path / "x.user").write_text(f"user_id:token\tage:float\nann\t4\nbo\t5\n{again}\t6\n")
    with pytest.raises(DataError, match=r"x\.user, line 4: the user_id of another row stands there again"):
        parse(tmp_path, "recbole")
