from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rlrec.data.dataset.tables import Tables, without_users
from rlrec.data.own.extra import add_users
from rlrec.errors import DataError


def test_each_file_is_one_more_user_with_what_was_found(tables: Tables, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("not a table")
    (tmp_path / "b.csv").write_text("title,stars\nCafé 3,4.5\nNo Such Film (1950),2\nThe Cafe 1,1\nCafé 3,0.5\n")
    (tmp_path / "a.csv").write_text("id,stars,date\n20,5,2024-01-02\n10,3,2024-01-01\n")
    found, added = add_users(tables, tmp_path, 100)
    assert [(one.user, one.file, one.ratings, one.not_found) for one in added] == [
        (100, "a.csv", 2, ()),
        (101, "b.csv", 2, ("No Such Film (1950)",)),
    ]
    mine = found.ratings[found.ratings["original_user"] >= 100]
    assert mine[["user", "original_movie", "rating"]].to_numpy().tolist() == [
        [6, 10, 3],
        [6, 20, 5],
        [7, 20, 1],
        [7, 40, 0.5],
    ]
    assert (mine["timestamp"].diff()[mine["user"].diff() == 0] > 0).all()
    np.testing.assert_array_equal(found.users["user"], np.arange(8))
    for name in ("ratings", "users", "movies"):
        pd.testing.assert_frame_equal(without_users(found, [100, 101])[name], tables[name])


def test_nobody_is_added_where_nobody_is(tables: Tables, tmp_path: Path) -> None:
    assert add_users(tables, tmp_path, 100) == (tables, ())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title,stars\nNo Such Film,3\n", r"data\.extra: .*mine\.csv: none of its movies is in the data set"),
        ("title,stars\nCafé 3,7\n", r"data\.extra: .*mine\.csv, line 2: a rating must be from 0\.5 to 5"),
        ("what\n", r"data\.extra: .*mine\.csv, line 1: no column"),
    ],
)
def test_a_file_that_says_nothing_is_named(tables: Tables, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "mine.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        add_users(tables, tmp_path / "mine.csv", 100)


def test_a_place_where_nothing_is_is_named(tables: Tables, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data\.extra: .*nowhere does not exist"):
        add_users(tables, tmp_path / "nowhere", 100)
