from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlrec.data.dataset.genres import GENRES
from rlrec.data.dataset.tables import (
    SCHEMAS,
    Tables,
    demographics,
    genre_flags,
    kinds_in,
    load_tables,
    save_tables,
    typed,
)
from rlrec.errors import DataError


def _users(**columns: list[object]) -> pd.DataFrame:
    rows = len(next(iter(columns.values())))
    blank = {"user": range(rows), "original_id": range(rows), "sex": None, "age": None, "occupation": None, "zip": None}
    return typed("users", pd.DataFrame(blank | columns, index=range(rows)))


def test_saved_tables_are_loaded_as_they_were(tables: Tables, tmp_path: Path) -> None:
    save_tables(tables, tmp_path)
    loaded = load_tables(tmp_path)
    for name in SCHEMAS:
        pd.testing.assert_frame_equal(loaded[name], tables[name])


def test_equal_tables_give_equal_bytes(tables: Tables, tmp_path: Path) -> None:
    save_tables(tables, tmp_path / "a")
    save_tables(load_tables(tmp_path / "a"), tmp_path / "b")
    for name in SCHEMAS:
        assert (tmp_path / f"a/{name}.parquet").read_bytes() == (tmp_path / f"b/{name}.parquet").read_bytes()


def test_missing_values_survive_saving(tmp_path: Path, tables: Tables) -> None:
    users = _users(sex=["F", None], age=[20, None], zip=[None, "12345"])
    save_tables(Tables(tables.ratings, users, tables.movies), tmp_path)
    pd.testing.assert_frame_equal(load_tables(tmp_path).users, users)


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_missing_or_broken_table_is_named(tables: Tables, tmp_path: Path, name: str) -> None:
    save_tables(tables, tmp_path)
    path = tmp_path / f"{name}.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=str(path)):
        load_tables(tmp_path)
    path.unlink()
    with pytest.raises(DataError, match=f"{path} is missing"):
        load_tables(tmp_path)


def test_a_table_with_other_columns_is_refused(tables: Tables, tmp_path: Path) -> None:
    save_tables(tables, tmp_path)
    tables.users.drop(columns="sex").to_parquet(tmp_path / "users.parquet")
    with pytest.raises(DataError, match=r"users\.parquet must have the columns\n.*sex string"):
        load_tables(tmp_path)


def test_an_unwritable_folder_is_named(tables: Tables, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where a folder should be")
    with pytest.raises(DataError, match=r"cannot write .*data/tables/ratings\.parquet"):
        save_tables(tables, tmp_path / "data" / "tables")


@given(st.lists(st.sets(st.sampled_from(GENRES)), min_size=1, max_size=20))
def test_genre_flags_say_which_words_are_there(genres: list[set[str]]) -> None:
    flags = genre_flags(pd.DataFrame({"genres": pd.array(["|".join(words) for words in genres], dtype="string")}))
    assert flags.shape == (len(genres), 19)
    assert flags.dtype == np.bool_
    assert [{GENRES[g] for g in np.flatnonzero(row)} for row in flags] == genres


@pytest.mark.parametrize(
    ("fields", "kinds"),
    [
        (["Drama", None], GENRES),
        (["Telenovela|Drama", None, "Poetry"], ("Drama", "Poetry", "Telenovela")),
        ([None, None], ()),
    ],
)
def test_kinds_are_the_datas_own_where_they_are_not_movielens(fields: list[str | None], kinds: tuple[str, ...]) -> None:
    movies = pd.DataFrame({"genres": pd.array(fields, dtype="string")})
    flags = genre_flags(movies)
    assert kinds_in(movies) == kinds
    told = [None if field is None else field.split("|") for field in fields]
    assert [[kinds[g] for g in np.flatnonzero(row)] for row in flags] == [sorted(words or []) for words in told]


def test_demographics_are_scaled_by_the_largest_possible_values() -> None:
    users = _users(sex=["F", "M"], age=[28, 56], occupation=[10, 20], zip=["00000", "99999"])
    expected = np.array([[0, 0.5, 0.5, 0], [1, 1, 1, 1]], dtype=np.float32)
    np.testing.assert_array_equal(demographics(users), expected)


def test_true_ages_are_scaled_by_the_oldest_user() -> None:
    np.testing.assert_allclose(demographics(_users(age=[73, 7]))[:, 1], [1, 7 / 73], rtol=1e-6)


@pytest.mark.parametrize(("code", "value"), [("T8H1N", 0), ("E2A4H", 0), ("98107-2117", 98107), ("123", 0), (None, 0)])
def test_zip_codes_count_with_five_digits_or_not_at_all(code: str | None, value: int) -> None:
    assert demographics(_users(zip=[code]))[0, 3] == pytest.approx(value / 99999)


def test_unknown_demographics_are_zero() -> None:
    np.testing.assert_array_equal(demographics(_users(sex=[None, None])), np.zeros((2, 4), dtype=np.float32))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["F", "M", None]),
            st.one_of(st.none(), st.integers(-5, 130)),
            st.one_of(st.none(), st.integers(0, 40)),
            st.one_of(st.none(), st.text(alphabet="0123456789-TX", max_size=10)),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_demographics_always_lie_between_0_and_1(people: list[tuple[object, ...]]) -> None:
    sex, age, occupation, code = (list(column) for column in zip(*people, strict=True))
    values = demographics(_users(sex=sex, age=age, occupation=occupation, zip=code))
    assert values.shape == (len(people), 4)
    assert values.dtype == np.float32
    assert ((values >= 0) & (values <= 1)).all()
