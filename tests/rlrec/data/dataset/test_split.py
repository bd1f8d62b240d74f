import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlrec.data.dataset.split import after_cut, future_rows, known_at_cut
from rlrec.data.dataset.tables import Tables
from rlrec.errors import DataError

ROWS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), max_size=60)


def table(rows: list[tuple[int, int]]) -> pd.DataFrame:
    """The n-th row is of the n-th movie, and the users' numbers are their ids."""
    frame = pd.DataFrame(rows, columns=["user", "timestamp"]).astype("int64")
    return frame.assign(original_user=frame["user"], original_movie=np.arange(len(rows)))


@given(rows=ROWS, users=st.lists(st.integers(0, 6), max_size=4), percent=st.integers(0, 100))
def test_each_users_last_rows_by_time_are_future(rows: list[tuple[int, int]], users: list[int], percent: int) -> None:
    found = future_rows(table(rows), np.array(users, np.int64), percent / 100)

    for user in range(6):
        own = [row for row, (of, _) in enumerate(rows) if of == user]
        past, future = ([rows[row][1] for row in own if found[row] == late] for late in (False, True))
        left = max(percent * len(own) // 100, 1) if user in users else len(own)
        assert len(past) == min(left, len(own))
        assert not future or max(past) <= min(future)


@given(rows=ROWS, seed=st.integers(0, 99))
def test_the_order_of_rows_does_not_matter(rows: list[tuple[int, int]], seed: int) -> None:
    straight, users = table(rows), np.arange(6)
    order = np.random.default_rng(seed).permutation(len(rows))

    found = future_rows(straight.iloc[order], users, 0.6)

    np.testing.assert_array_equal(found, future_rows(straight, users, 0.6)[order])


def test_neither_the_lower_nor_the_higher_numbers_come_first_in_the_same_second() -> None:
    ratings = table([(user, 7) for user in range(200) for _ in range(10)])
    ratings["original_movie"] %= 10

    future = future_rows(ratings, np.arange(200), 0.5)

    shares = np.bincount(ratings["original_movie"][future], minlength=10) / 200
    assert np.abs(shares - 0.5).max() < 0.15  # four standard errors


@pytest.mark.parametrize(
    ("n", "share", "future"), [(1, 0.8, 0), (2, 0.1, 1), (5, 0.8, 1), (100, 0.57, 43), (9, 0.8, 2)]
)
def test_sizes_by_hand(n: int, share: float, future: int) -> None:
    assert (
        future_rows(table([(3, t) for t in range(n)]), np.array([3]), share).tolist()
        == [False] * (n - future) + [True] * future
    )


@given(times=st.lists(st.integers(0, 9), min_size=1, max_size=40), percent=st.integers(1, 99))
def test_a_global_cut_is_one_moment_with_the_share_of_all_ratings_before_it(times: list[int], percent: int) -> None:
    frame = pd.DataFrame({"timestamp": times})
    if sum(time == min(times) for time in times) > max(percent * len(times) // 100, 1 if len(times) > 1 else 0):
        with pytest.raises(DataError, match=r"world\.split"):
            after_cut(frame, percent / 100)
        return
    later = after_cut(frame, percent / 100)
    before, after = ([time for time, late in zip(times, later, strict=True) if late == side] for side in (False, True))
    assert max(before) < min(after)
    assert len(before) <= max(percent * len(times) // 100, 1)
    assert len(before) + sum(time == min(after) for time in after) > percent * len(times) // 100


def test_what_may_be_learned_is_before_the_cut_if_there_is_one() -> None:
    frame = table([(0, 1), (0, 4), (1, 2), (1, 3)])
    found = Tables(frame, pd.DataFrame(), pd.DataFrame())
    assert known_at_cut(found, 0.5, "user") is found
    assert known_at_cut(found, 0.5, "time").ratings["timestamp"].tolist() == [1, 2]
