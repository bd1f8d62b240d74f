import copy
import pickle

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector.utils import batch_space
from hypothesis import given
from hypothesis import strategies as st

from rlrec.environments.gym.slates import Slates, nearest_allowed


@pytest.mark.parametrize("space", [Slates(6, (5,)), batch_space(Slates(6, (5,)), 4)], ids=["one", "batch"])
def test_a_slate_that_is_drawn_has_no_movie_twice(space: Slates) -> None:
    space.seed(3)
    drawn = [space.sample() for _ in range(50)]
    for slates in drawn:
        assert slates in space
        assert all(len(set(slate)) == 5 for slate in slates.reshape(-1, 5).tolist())
    assert {movie for slates in drawn for movie in slates.ravel().tolist()} == set(range(6))
    space.seed(3)
    np.testing.assert_array_equal([space.sample() for _ in range(50)], drawn)


def test_to_others_it_is_a_multi_discrete() -> None:
    space = Slates(6, (3,))
    assert isinstance(space, spaces.MultiDiscrete)
    assert space == spaces.MultiDiscrete([6, 6, 6])
    assert [1, 1, 1] in space
    assert space.sample(mask=(np.array([0, 1, 0, 0, 0, 0], np.int8),) * 3).tolist() == [1, 1, 1]
    for twin in (copy.deepcopy(space), pickle.loads(pickle.dumps(space))):
        assert twin == space
        np.testing.assert_array_equal(twin.sample(), copy.deepcopy(space).sample())


def test_a_slate_is_drawn_of_what_an_array_of_masks_allows() -> None:
    one, many = Slates(6, (2,), seed=1), batch_space(Slates(6, (2,), seed=1), 3)
    mask = np.array([[0, 1, 1, 0, 0, 1], [1, 1, 0, 0, 0, 0], [0, 0, 0, 1, 1, 1]], np.int8)
    for _ in range(20):
        for row, slate in zip(mask, many.sample(mask=mask), strict=True):
            assert row[slate].all()
            assert len(set(slate.tolist())) == 2
        assert mask[0][one.sample(mask=mask[0])].all()
    assert many.sample(mask=mask).dtype == many.dtype


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    n, k, b = draw(st.integers(4, 9)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    available = np.zeros((b, n), np.bool_)
    for row in available:
        row[rng.choice(n, rng.integers(k, n + 1), replace=False)] = True
    vectors = rng.normal(size=(n, 4))
    return rng.integers(0, n, (b, k)), available, vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@given(cases())
def test_what_may_not_be_shown_gives_way_to_the_nearest_that_may(case) -> None:
    slates, available, vectors = case
    before = slates.copy(), available.copy()
    shown = nearest_allowed(slates, available, vectors)
    np.testing.assert_array_equal(slates, before[0])
    np.testing.assert_array_equal(available, before[1])
    for asked, got, may in zip(slates, shown, available, strict=True):
        left = may.copy()
        for want, have in zip(asked, got, strict=True):
            best = np.where(left, vectors @ vectors[want], -np.inf)
            assert have == want if left[want] else best[have] == pytest.approx(best.max())
            assert left[have]
            left[have] = False
