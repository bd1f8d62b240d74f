import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlrec.data.dataset.order import known_of, mixed, time_order

ROWS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3), st.integers(0, 40)), max_size=50, unique=True)


def columns(rows: list[tuple[int, int, int]]) -> list[np.ndarray]:
    """Users, times, original users and original movies."""
    user, time, movie = np.array(rows, np.int64).reshape(-1, 3).T
    return [user, time, user * 7 + 1, movie]


@given(rows=ROWS)
def test_rows_come_by_user_and_then_by_time(rows: list[tuple[int, int, int]]) -> None:
    order = time_order(*columns(rows))

    assert sorted(order.tolist()) == list(range(len(rows)))
    found = [rows[row][:2] for row in order]
    assert found == sorted(found)


@given(rows=ROWS, seed=st.integers(0, 99))
def test_where_a_rating_stands_does_not_matter(rows: list[tuple[int, int, int]], seed: int) -> None:
    given_order = columns(rows)
    shuffle = np.random.default_rng(seed).permutation(len(rows))
    shuffled = [column[shuffle] for column in given_order]

    for column, other in zip(given_order, shuffled, strict=True):
        np.testing.assert_array_equal(other[time_order(*shuffled)], column[time_order(*given_order)])


@given(rows=ROWS.filter(bool), gone=st.integers(0, 49))
def test_the_others_keep_their_order_when_a_rating_is_left_out(rows: list[tuple[int, int, int]], gone: int) -> None:
    left = [row for number, row in enumerate(rows) if number != gone % len(rows)]

    found, fewer = ([of[row] for row in time_order(*columns(of))] for of in (rows, left))

    assert fewer == [row for row in found if row != rows[gone % len(rows)]]


def test_whoever_is_renumbered_keeps_his_order() -> None:
    """Numbers depend on who else is in the tables; the ids of the data set decide."""
    movies, times, original = np.arange(30), np.full(30, 9), np.full(30, 5)
    orders = [time_order(np.full(30, number), times, original, movies) for number in (0, 17)]

    np.testing.assert_array_equal(*orders)
    assert orders[0].tolist() != list(range(30))


def test_in_the_same_second_two_users_rate_in_different_orders() -> None:
    movies, times = np.arange(30), np.full(30, 9)
    one, other = (time_order(np.zeros(30, int), times, np.full(30, original), movies) for original in (1, 2))

    assert one.tolist() != other.tolist()


def test_the_mixture_is_that_of_splitmix64() -> None:
    """Its first output for the seed 0, as published with Steele et al. 2014."""
    assert int(mixed(np.array([0]), np.array([0]))[0]) == 0xE220A8397B1DCDAF


@pytest.mark.parametrize(
    ("count", "share", "known"), [(100, 0.57, 57), (1, 0.8, 1), (2, 0.1, 1), (9, 0.8, 7), (5, 1.0, 5), (10, 0.29, 2)]
)
def test_how_many_are_known_by_hand(count: int, share: float, known: int) -> None:
    assert known_of(count, share) == known
    found = known_of(np.array([count, count]), share)
    assert (found.tolist(), found.dtype) == ([known, known], np.int64)


@given(count=st.integers(1, 10_000), percent=st.integers(0, 100))
def test_the_share_is_that_of_whole_numbers(count: int, percent: int) -> None:
    assert known_of(count, percent / 100) == max(percent * count // 100, 1)
