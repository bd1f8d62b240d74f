"""The replay buffer: nothing of what was given changes, whatever is added and drawn."""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlrec.agents.replay import Replay, added, drawn, prioritised, rows_of


class Played(NamedTuple):
    number: np.ndarray  # (rows,)
    state: np.ndarray  # (rows, 2)


def played(first: int, rows: int) -> Played:
    number = np.arange(first, first + rows)
    return Played(number, np.column_stack([number, -number]).astype(np.float32))


def filled(sizes: list[int], capacity: int = 10**6) -> Replay:
    replay, first = Replay(), 0
    for rows in sizes:
        replay, first = added(replay, played(first, rows), capacity), first + rows
    return replay


def numbers(replay: Replay) -> list[int]:
    return [number for chunk in replay.chunks for number in chunk.number.tolist()]


SIZES = st.lists(st.integers(1, 6), min_size=1, max_size=8)


@given(SIZES, st.integers(1, 20))
def test_the_newest_rows_are_kept_in_order_up_to_the_capacity(sizes: list[int], capacity: int) -> None:
    replay = filled(sizes, capacity)

    kept = numbers(replay)
    assert kept == list(range(sum(sizes) - len(kept), sum(sizes)))
    assert rows_of(replay) == len(kept)
    assert len(kept) <= capacity or len(replay.chunks) == 1
    dropped = len(sizes) - len(replay.chunks)
    assert dropped == 0 or len(kept) + sizes[dropped - 1] > capacity  # no chunk went that had room


@given(SIZES, st.integers(0, 2**31 - 1), st.sampled_from([0.0, 0.6]))
def test_what_was_given_stays_as_it_was_and_gives_the_same_again(sizes: list[int], seed: int, exponent: float) -> None:
    replay = filled(sizes)
    before, priorities = numbers(replay), np.concatenate(replay.priorities)

    one = drawn(replay, 5, seed, exponent=exponent, correction=0.4)
    prioritised(replay, one.places, np.arange(1.0, 6.0))
    longer = added(replay, played(100, 3), sum(sizes))
    again = drawn(replay, 5, seed, exponent=exponent, correction=0.4)

    assert numbers(replay) == before
    np.testing.assert_array_equal(np.concatenate(replay.priorities), priorities)
    assert numbers(longer)[-3:] == [100, 101, 102]
    for part, same in zip((*one.rows, *one[1:]), (*again.rows, *again[1:]), strict=True):
        np.testing.assert_array_equal(part, same)


@given(SIZES, st.integers(0, 2**31 - 1), st.sampled_from([0.0, 1.0]))
def test_a_row_is_drawn_whole_from_its_place(sizes: list[int], seed: int, exponent: float) -> None:
    replay = filled(sizes, 15)

    found = drawn(replay, 7, seed, exponent=exponent)

    assert isinstance(found.rows, Played)
    np.testing.assert_array_equal(found.rows.number, np.array(numbers(replay))[found.places])
    np.testing.assert_array_equal(found.rows.state[:, 0], found.rows.number)
    np.testing.assert_array_equal(found.rows.state[:, 1], -found.rows.number)
    np.testing.assert_array_equal(found.weights, 1.0)  # equal priorities, nothing to correct


def test_a_chunk_is_shared_and_not_copied() -> None:
    replay = filled([4, 3])
    longer = prioritised(added(replay, played(7, 2), 100), np.array([0]), [3.0])
    assert all(one is other for one, other in zip(replay.chunks, longer.chunks, strict=False))
    assert longer.priorities[1] is replay.priorities[1]


def test_uniform_draws_take_every_row_as_often() -> None:
    counts = np.bincount(drawn(filled([3, 1, 6]), 50_000, [1, 2]).rows.number, minlength=10)
    np.testing.assert_allclose(counts / 50_000, 0.1, atol=0.006)


def test_draws_by_priority_go_with_its_power_and_weights_make_up_for_it() -> None:
    """Schaul et al. 2016, equation 1 and section 3.4: a weighted mean over the draws is the mean over the rows."""
    errors = np.array([-4.0, 1.0, 0.25, 2.0])
    replay = prioritised(filled([1, 3]), np.arange(4), errors)
    chances = np.abs(errors) ** 0.5 / np.sum(np.abs(errors) ** 0.5)

    found = drawn(replay, 20_000, 3, exponent=0.5, correction=1.0)

    number = found.rows.number
    np.testing.assert_allclose(np.bincount(number) / 20_000, chances, atol=1e-3)
    expected = (1 / (4 * chances)) / (1 / (4 * chances)).max()
    np.testing.assert_allclose(found.weights, expected[number], rtol=1e-5)
    values = np.array([1.0, 10.0, 100.0, 1000.0])
    assert np.average(values[number], weights=found.weights) == pytest.approx(values.mean(), rel=0.01)
    half = drawn(replay, 20_000, 3, exponent=0.5, correction=0.5)
    np.testing.assert_allclose(half.weights, np.sqrt(found.weights), rtol=1e-5)


def test_new_rows_have_the_highest_priority_and_no_row_is_lost_for_good() -> None:
    replay = added(prioritised(filled([2]), np.array([0, 1]), [5.0, 0.0]), played(2, 1), 100)
    np.testing.assert_allclose(np.concatenate(replay.priorities), [5, 0, 5], atol=1e-5)
    assert min(np.concatenate(replay.priorities)) > 0
