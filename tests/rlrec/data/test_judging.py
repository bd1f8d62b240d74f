"""What is found wrong with tables; that Great Expectations finds the same is held where that is tested."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from ratings import changed_in

from rlrec.data.checking.wording import message
from rlrec.data.dataset.tables import Tables
from rlrec.data.judging import judge
from rlrec.data.registry import DATASETS


def test_flawless_tables_have_nothing_that_fails(tables: Tables) -> None:
    found = judge(tables, "ml-100k")
    assert found.success
    assert not any(one.failed for one in found.tables.values())


def test_people_and_movies_are_called_what_the_data_call_them(tables: Tables) -> None:
    ratings, users, movies = tables.ratings.copy(), tables.users.copy(), tables.movies.copy()
    ratings.loc[40, "rating"], users.loc[1, "age"], movies.loc[2, "violence"] = 9, 0, 2
    called = {
        "user": {int(number): f"reader {number}" for number in users["original_id"]},
        "movie": {int(number): f"b-{number}" for number in movies["original_id"]},
    }
    told = message(judge(Tables(ratings, users, movies), "ml-100k", called=called))
    user, movie = ratings.loc[40, ["original_user", "original_movie"]].astype(int)
    assert f"    user reader {user}, movie b-{movie}, rating 9, timestamp" in told
    assert "    user reader 2, sex" in told
    assert "    movie b-30, title" in told


def test_texts_of_the_data_are_shown_so_that_no_terminal_obeys_them(tables: Tables) -> None:
    spoilt = changed_in(tables, "movies", 2, violence=2, title="A\nB\x1b[31m")
    told = message(judge(spoilt, "ml-100k", called={"movie": {30: "\x07"}}))
    assert r"    movie \x07, title A B\x1b[31m, year" in told


def test_users_may_have_fewer_ratings_where_some_were_left_out(tables: Tables) -> None:
    few = replace(tables, ratings=tables.ratings.drop_duplicates("user"))
    movies = tables.movies[tables.movies["movie"].isin(few.ratings["movie"])]
    assert "users.n_ratings: a user has at least 20" in message(judge(few, "ml-100k"))
    assert "n_ratings: a user" not in message(judge(replace(few, movies=movies), "ml-100k", cleaned=True))


def test_what_is_missing_meets_all_but_that_it_must_not_be(tables: Tables) -> None:
    users = tables.users.assign(age=pd.array([pd.NA] * len(tables.users), "Int16"))
    told = message(judge(replace(tables, users=users), "ml-100k"))
    assert "users.age: age is never missing" in told
    assert "fails 1 of its expectations" in told


def _told(tables: Tables, name: str = "ml-100k") -> str:
    """What is said of tables that are refused."""
    found = judge(tables, name)
    assert not found.success
    return message(found)


@pytest.mark.parametrize("rating", [0, 6, 3.7])
def test_a_rating_that_is_not_allowed_is_shown_with_its_original_ids(tables: Tables, rating: float) -> None:
    told = _told(changed_in(tables, "ratings", 40, rating=rating))
    row = tables.ratings.iloc[40]
    assert "ratings.rating: a rating is one of 1, 2, 3, 4, 5 (expect_column_values_to_be_in_set)" in told
    assert f"; 1 of {len(tables.ratings)} rows fail" in told
    assert f"user {row.original_user:.0f}, movie {row.original_movie:.0f}, rating {rating:g}" in told
    assert told.count("rows fail") == 1


def test_half_stars_are_for_ml_latest_only(tables: Tables) -> None:
    changed = changed_in(tables, "ratings", 3, rating=3.5)
    assert "a rating is one of" in _told(changed)
    assert judge(changed, "ml-latest-small").success


def test_a_missing_rating_is_found(tables: Tables) -> None:
    told = _told(changed_in(tables, "ratings", 3, rating=np.nan))
    assert "ratings.rating: rating is never missing" in told
    assert "rating missing, timestamp" in told


@pytest.mark.parametrize(("column", "kind"), [("user", "user"), ("movie", "movie")])
def test_a_rating_by_or_of_an_unknown_id_is_found(tables: Tables, column: str, kind: str) -> None:
    told = _told(changed_in(tables, "ratings", 3, **{column: -1, f"original_{column}": 4321}))
    assert f"ratings.{column}: the {kind} is in the {kind}s table" in told
    assert f"{kind} 4321" in told


@pytest.mark.parametrize("seconds", [700_000_000, 1_500_000_000])
def test_a_rating_from_another_time_is_found(tables: Tables, seconds: int) -> None:
    told = _told(changed_in(tables, "ratings", 3, timestamp=seconds))
    assert "ratings.timestamp: rated from 1995-01-01 to 1998-05-01" in told


@pytest.mark.parametrize(("number", "problem"), [(99, "numbers are from 0 to 29"), (1, "numbers rise from row to row")])
def test_a_gap_or_a_repeat_in_the_numbers_is_found(tables: Tables, number: int, problem: str) -> None:
    assert f"movies.movie: {problem}" in _told(changed_in(tables, "movies", 3, movie=number))


def test_a_user_with_few_ratings_is_named(tables: Tables) -> None:
    few = tables.ratings[(tables.ratings["user"] != 2) | (tables.ratings.index % 2 == 0)].reset_index(drop=True)
    count = int((few["user"] == 2).sum())
    told = _told(Tables(few, tables.users, tables.movies))
    assert "users.n_ratings: a user has at least 20 ratings" in told
    assert re.search(rf"user 3, .* ratings {count}\b", told)


@pytest.mark.parametrize("name", DATASETS)
def test_users_may_have_as_few_ratings_as_the_data_sets_readme_says(tables: Tables, name: str) -> None:
    fewest = DATASETS[name].fewest_ratings
    least = _rated(tables, user=2, count=fewest)
    assert judge(least, name).success
    told = _told(_rated(tables, user=2, count=fewest - 1), name)
    assert f"a user has at least {'one rating' if fewest == 1 else f'{fewest} ratings'}" in told


def _rated(tables: Tables, user: int, count: int) -> Tables:
    """The tables with that many ratings of one of the users."""
    own = tables.ratings["user"] == user
    kept = tables.ratings[~own | (own.cumsum() <= count)].reset_index(drop=True)
    return Tables(kept, tables.users, tables.movies)


@pytest.mark.parametrize("users", [1, 2, 3])
def test_three_users_are_needed(tables: Tables, users: int) -> None:
    ratings = tables.ratings[tables.ratings["user"] < users]
    few = Tables(ratings, tables.users[:users], tables.movies)  # the first has rated every movie
    if users == 3:
        assert judge(few, "ml-100k").success
    else:
        told = _told(few)
        assert "users: three users are needed: one to learn from, one to choose by and one to judge by" in told
        assert f"found {users}" in told
