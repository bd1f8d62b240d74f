from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlrec.data.dataset.cleaning import clean
from rlrec.data.dataset.tables import Tables, typed
from rlrec.errors import DataError
from rlrec.settings.dataset import DataConfig

PAIRS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=60, unique=True)


def tables(rows: list[tuple[int, int, float, int]]) -> Tables:
    """Of ten users and ten movies, whose ids are ten times their numbers."""
    frame = pd.DataFrame(rows, columns=["user", "movie", "rating", "timestamp"])
    frame = frame.assign(original_user=10 * frame["user"], original_movie=10 * frame["movie"])
    numbers = np.arange(10)
    users = pd.DataFrame({"user": numbers, "original_id": 10 * numbers, "sex": pd.NA, "age": pd.NA}).assign(
        occupation=pd.NA, zip=pd.NA
    )
    movies = pd.DataFrame({"movie": numbers, "original_id": 10 * numbers, "title": "T", "year": pd.NA}).assign(
        genres="Drama", violence=0.0
    )
    return Tables(typed("ratings", frame), typed("users", users), typed("movies", movies))


def cleaned(found: Tables, **settings: Any) -> tuple[Tables, Any]:
    return clean(found, DataConfig(**settings))


def test_what_nobody_asks_for_is_not_done() -> None:
    found = tables([(0, 0, 3, 1), (0, 0, 4, 2)])
    assert cleaned(found) == (found, ())


@pytest.mark.parametrize(("how", "value"), [("latest", 4), ("mean", 3)])
def test_of_repeated_pairs_one_is_left_whatever_the_order_of_rows(how: str, value: float) -> None:
    rows = [(0, 0, 3.0, 1), (0, 0, 4.0, 2), (0, 0, 2.0, 2), (1, 0, 5.0, 1)]
    for order in (rows, rows[::-1]):
        found, (step,) = cleaned(tables(order), repeated=how)
        assert found.ratings[["user", "rating", "timestamp"]].to_numpy().tolist() == [[0, value, 2], [1, 5, 1]]
        assert (step.ratings_before, step.ratings, step.users) == (4, 2, 10)
        assert "data.repeated" in step.step


@settings(max_examples=30, deadline=None)
@given(PAIRS, st.integers(0, 4), st.integers(0, 4))
def test_in_a_core_all_have_enough_and_no_larger_part_does(pairs: list[tuple[int, int]], user: int, movie: int) -> None:
    found = tables([(u, m, 3.0, 1) for u, m in pairs])
    left = set(pairs)
    while True:  # one at a time, in place of all at once
        few = next(
            (
                p
                for p in sorted(left)
                if sum(q[0] == p[0] for q in left) < user or sum(q[1] == p[1] for q in left) < movie
            ),
            None,
        )
        if few is None:
            break
        left.remove(few)
    if not left:
        with pytest.raises(DataError, match="no rating is left"):
            cleaned(found, least_of_user=user, least_of_movie=movie)
        return
    core, steps = cleaned(found, least_of_user=user, least_of_movie=movie)
    kept = {(u // 10, m // 10) for u, m in core.ratings[["original_user", "original_movie"]].to_numpy().tolist()}
    assert kept == left
    assert len(steps) == bool(user or movie)
    for name in ("user", "movie"):
        ids = core[f"{name}s"]["original_id"].to_numpy()
        np.testing.assert_array_equal(core[f"{name}s"][name], np.arange(len(ids)))
        np.testing.assert_array_equal(ids[core.ratings[name]], core.ratings[f"original_{name}"])


def test_a_sample_is_the_same_users_in_any_order_and_with_more_of_them() -> None:
    rows = [(u, m, 3.0, 1) for u in range(10) for m in range(3)]
    one, (step,) = cleaned(tables(rows), sample=4)
    other, _ = cleaned(tables(rows[::-1]), sample=4)
    more, _ = cleaned(tables(rows), sample=6)
    assert (step.users, step.ratings, step.movies) == (4, 12, 3)
    ids = [set(found.users["original_id"]) for found in (one, other, more)]
    assert ids[0] == ids[1] < ids[2]
