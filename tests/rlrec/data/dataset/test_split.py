import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlrec.data.dataset.split import future_rows

ROWS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), max_size=60)


def table(rows: list[tuple[int, int]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["user", "timestamp"]).astype("int64")


@given(rows=ROWS, users=st.lists(st.integers(0, 6), max_size=4), percent=st.integers(0, 100))
def test_each_users_last_rows_by_time_and_then_by_row_are_future(
    rows: list[tuple[int, int]], users: list[int], percent: int
) -> None:
    found = future_rows(table(rows), np.array(users, np.int64), percent / 100)

    expected = np.zeros(len(rows), bool)
    for user in users:
        own = sorted((row for row, (of, _) in enumerate(rows) if of == user), key=lambda row: (rows[row][1], row))
        expected[own[max(percent * len(own) // 100, 1) :]] = True
    np.testing.assert_array_equal(found, expected)


@given(rows=ROWS, seed=st.integers(0, 99))
def test_the_order_of_rows_matters_only_to_ratings_of_the_same_second(rows: list[tuple[int, int]], seed: int) -> None:
    distinct = list(dict.fromkeys(rows))
    order = np.random.default_rng(seed).permutation(len(distinct))
    users = np.arange(6)

    straight = future_rows(table(distinct), users, 0.6)
    shuffled = future_rows(table([distinct[row] for row in order]), users, 0.6)

    np.testing.assert_array_equal(shuffled, straight[order])


@pytest.mark.parametrize(
    ("n", "share", "future"), [(1, 0.8, 0), (2, 0.1, 1), (5, 0.8, 1), (100, 0.57, 43), (9, 0.8, 2)]
)
def test_sizes_by_hand(n: int, share: float, future: int) -> None:
    assert (
        future_rows(table([(3, t) for t in range(n)]), np.array([3]), share).tolist()
        == [False] * (n - future) + [True] * future
    )
