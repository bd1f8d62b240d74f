import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlrec.statistics.gaussian import beyond, clipped, density, expected_clip, quick_expected_clip

DRAWS = np.random.default_rng(0).standard_normal(400_000)


@pytest.mark.parametrize(("mean", "deviation"), [(3.0, 0.5), (4.8, 1.0), (0.2, 2.0), (9.0, 1.5), (2.0, 0.0)])
def test_moments_are_those_of_draws_that_were_clipped(mean: float, deviation: float) -> None:
    drawn = mean + deviation * DRAWS
    ended = np.clip(drawn, 1, 5)
    found = clipped(np.array([mean]), np.array([deviation]), 1, 5)
    assert found.mean[0] == pytest.approx(ended.mean(), abs=0.01)
    assert found.variance[0] == pytest.approx(ended.var(), abs=0.02)
    assert found.inside[0] == pytest.approx(((drawn >= 1) & (drawn <= 5)).mean(), abs=0.005)
    if deviation:
        assert np.cov(ended, drawn)[0, 1] == pytest.approx(found.inside[0] * deviation**2, abs=0.03)


@given(st.floats(-1e3, 1e3), st.floats(0, 100))
def test_what_was_clipped_lies_between_the_bounds_and_varies_no_more_than_it_did(mean: float, deviation: float) -> None:
    found = clipped(np.array([mean]), np.array([deviation]), -5, 5)
    assert -5 - 1e-6 <= found.mean[0] <= 5 + 1e-6
    assert 0 <= found.inside[0] <= 1
    assert 0 <= found.variance[0] <= max(deviation, 1e-9) ** 2 * (1 + 1e-6) + 1e-9


@given(st.floats(-30, 30), st.floats(0.01, 10))
def test_the_expected_clip_grows_with_the_mean(mean: float, deviation: float) -> None:
    means = np.array([mean, mean + 0.1])
    lower, upper = expected_clip(means, np.full(2, deviation), 1, 5)
    assert lower <= upper + 1e-9


@given(st.floats(-30, 30), st.floats(0, 20))
def test_the_quick_way_gives_the_same(mean: float, deviation: float) -> None:
    exact = expected_clip(np.array([mean]), np.array([deviation]), 1, 5)
    quick = quick_expected_clip(np.float32([mean]), np.float32([deviation]), 1, 5)
    assert quick.dtype == np.float32
    assert quick[0] == pytest.approx(exact[0], abs=5e-6 * max(1, deviation) + 1e-6 * abs(mean))


@pytest.mark.parametrize("distance", [-3.0, 0.0, 1.5, 2.5])
def test_beyond_a_bound_is_what_draws_beyond_it_are(distance: float) -> None:
    drawn = DRAWS[distance < DRAWS]
    mean, gone = beyond(np.array([distance]))
    assert mean[0] == pytest.approx(drawn.mean(), abs=0.02)
    assert 1 - gone[0] == pytest.approx(drawn.var(), abs=0.02)


def test_far_beyond_a_bound_nothing_is_lost() -> None:
    mean, gone = beyond(np.array([-500.0, 40.0, 1e4]))
    assert mean == pytest.approx([0, 40 + 1 / 40, 1e4], rel=1e-4)
    assert np.all((gone >= 0) & (gone <= 1))
    assert gone[2] == pytest.approx(1, abs=1e-3)


def test_the_density_is_that_of_a_standard_gaussian() -> None:
    assert density(np.array([0.0, 1.0])) == pytest.approx([0.398942, 0.241971], abs=1e-6)
