"""What `judge` finds; that it finds what Great Expectations does is held where that is tested."""

from dataclasses import replace

import pandas as pd

from rlrec.data.checking.wording import message
from rlrec.data.dataset.tables import Tables
from rlrec.data.judging import judge


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
