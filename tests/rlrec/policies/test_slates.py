import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from rlrec.errors import ModelError
from rlrec.policies.slates import slates_in_turn, top_slates

SHAPES = st.tuples(st.integers(1, 4), st.integers(1, 12))


@given(st.data())
def test_top_slates_are_the_head_of_a_stable_sort(data: st.DataObject) -> None:
    shape = data.draw(SHAPES)
    # Few distinct values, so that most rows have ties at the edge of the slate; infinities are scores as well.
    values = st.sampled_from([-np.inf, -1.0, 0.0, 0.5, 2.0, np.inf])
    scores = data.draw(npst.arrays(data.draw(st.sampled_from([np.float32, np.float64])), shape, elements=values))
    available = data.draw(npst.arrays(bool, shape))
    available[:, data.draw(st.integers(0, shape[1] - 1))] = True
    k = data.draw(st.integers(1, int(available.sum(axis=1).min())))
    slates = top_slates(scores, available, k)
    assert slates.dtype == np.int64
    for row in range(shape[0]):
        movies = np.flatnonzero(available[row])
        expected = sorted(movies, key=lambda movie: (-scores[row, movie], movie))[:k]
        assert slates[row].tolist() == expected


def test_top_slates_take_integer_scores() -> None:
    assert top_slates(np.array([[3, 7, 7]]), np.ones((1, 3), bool), 2).tolist() == [[1, 2]]


@pytest.mark.parametrize("k", [1, 2])
def test_nan_scores_are_refused(k: int) -> None:
    with pytest.raises(ModelError, match="NaN"):
        top_slates(np.array([[1.0, np.nan, 0.0]]), np.ones((1, 3), bool), k)


def test_nan_scores_of_movies_that_are_gone_do_no_harm() -> None:
    assert top_slates(np.array([[1.0, np.nan]]), np.array([[True, False]]), 1).tolist() == [[0]]


def test_scores_of_the_wrong_shape_are_refused() -> None:
    with pytest.raises(ModelError, match=r"\(2, 3\), but gave \(3,\)"):
        top_slates(np.zeros(3), np.ones((2, 3), bool), 1)


@pytest.mark.parametrize("k", [1, 3])
def test_too_few_available_movies_are_refused(k: int) -> None:
    available = np.array([[True, True, True], [False] * 3])
    with pytest.raises(ValueError, match="available"):
        top_slates(np.zeros((2, 3)), available, k)


@given(st.data())
def test_slates_in_turn_hold_the_best_that_is_left_at_each_position(data: st.DataObject) -> None:
    rows, movies = data.draw(SHAPES)
    positions = data.draw(st.integers(1, 4))
    values = st.sampled_from([-1.0, 0.0, 0.5, 2.0])
    scores = data.draw(npst.arrays(np.float32, (rows, positions, movies), elements=values))
    available = data.draw(npst.arrays(bool, (rows, movies)))
    available[:, data.draw(st.integers(0, movies - 1))] = True
    k, given_to_it = data.draw(st.integers(1, int(available.sum(axis=1).min()))), available.copy()
    slates = slates_in_turn(scores, available, k)
    np.testing.assert_array_equal(available, given_to_it)
    for row in range(rows):
        left = set(np.flatnonzero(available[row]))
        for position, shown in enumerate(slates[row].tolist()):
            own = scores[row, min(position, positions - 1)]
            assert shown == min(left, key=lambda movie: (-own[movie], movie))
            left.remove(shown)


def test_slates_of_one_ranking_are_its_head() -> None:
    scores = np.random.default_rng(0).normal(size=(5, 20)).astype(np.float32)
    available = np.ones((5, 20), bool)
    np.testing.assert_array_equal(slates_in_turn(scores[:, None], available, 4), top_slates(scores, available, 4))
