from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rlrec.statistics import intervals as statistics
from rlrec.statistics.intervals import (
    Estimate,
    Linearised,
    Resampling,
    across_seeds,
    mean,
    ratio,
    resample,
    resample_seeds,
)


def test_resamples_hold_as_many_users_as_there_are() -> None:
    weights = resample(30, 500, np.random.default_rng(0))
    assert weights.shape == (500, 30)
    assert (weights.sum(axis=1) == 30).all()
    assert weights.mean(axis=0) == pytest.approx(np.ones(30), abs=0.25)  # every user as often as any other


def test_the_same_seed_gives_the_same_resamples() -> None:
    draws = [resample(10, 100, np.random.default_rng(seed)) for seed in (3, 3, 4)]
    assert np.array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])


def test_replicates_are_what_the_resampled_users_give() -> None:
    rng = np.random.default_rng(5)
    weights = resample(12, 200, rng)
    values, counts = rng.random(12), rng.integers(0, 6, (12, 4))
    users = [np.repeat(np.arange(12), row.astype(int)) for row in weights]
    assert statistics.mean(values, weights).replicates == pytest.approx([values[u].mean() for u in users])
    parts = np.column_stack([share.replicates for share in statistics.shares(counts, weights)])
    assert parts == pytest.approx(np.array([counts[u].sum(axis=0) / counts[u].sum() for u in users]))


def test_estimates_are_the_metrics_of_the_users_as_they_are() -> None:
    rng = np.random.default_rng(6)
    weights = resample(12, 100, rng)
    shown, counts = rng.random((12, 9)) < 0.1, rng.integers(0, 6, (12, 4))
    assert statistics.coverage(shown, weights).value == shown.any(axis=0).mean()
    assert [s.value for s in statistics.shares(counts, weights)] == pytest.approx(counts.sum(axis=0) / counts.sum())


def test_nothing_shown_has_no_coverage_and_no_shares() -> None:
    weights = resample(4, 100, np.random.default_rng(0))
    assert statistics.coverage(np.zeros((4, 3), bool), weights).summary(0.9) == dict.fromkeys(
        ("mean", "ci_low", "ci_high"), 0.0
    )
    assert [s.value for s in statistics.shares(np.zeros((4, 2), np.int64), weights)] == [0.0, 0.0]


def test_coverage_varies_with_the_users_who_alone_were_shown_a_movie() -> None:
    # Movie 0 was shown to all, movies 1 and 2 to the first user alone, movie 3 to the second alone, movie 4 to none.
    shown = np.array([[1, 1, 1, 0, 0], [1, 0, 0, 1, 0], [1, 0, 0, 0, 0]], bool)
    weights = np.array([[1, 1, 1], [0, 2, 1], [0, 1, 2], [0, 0, 3]], np.float32)
    assert statistics.coverage(shown, weights).replicates == pytest.approx([0.8, 0.6, 0.4, 0.2])


def test_coverage_of_users_who_are_shown_the_same_is_certain() -> None:
    shown = np.tile(np.arange(10) < 3, (20, 1))
    assert statistics.coverage(shown, resample(20, 100, np.random.default_rng(0))).interval(0.95) == (0.3, 0.3)


@given(st.integers(0, 1000))
def test_pairing_cancels_what_users_have_in_common(seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights = resample(40, 200, rng)
    user_effect = rng.normal(0, 5, 40)
    better, worse = statistics.mean(user_effect + 0.1, weights), statistics.mean(user_effect, weights)
    low, high = better.interval(0.95)
    assert high - low > 1
    difference = better - worse
    assert difference.value == pytest.approx(0.1)
    assert difference.interval(0.95) == pytest.approx((0.1, 0.1), abs=1e-6)


def test_a_higher_confidence_gives_a_wider_interval_around_the_value() -> None:
    values = np.random.default_rng(0).random(50)
    estimate = statistics.mean(values, resample(50, 1000, np.random.default_rng(1)))
    (low99, high99), (low80, high80) = estimate.interval(0.99), estimate.interval(0.8)
    assert low99 < low80 < estimate.value < high80 < high99


def test_intervals_of_a_mean_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(11)
    held = 0
    for _ in range(400):
        low, high = statistics.mean(rng.gamma(4, 0.5, 100), resample(100, 300, rng)).interval(0.9)
        held += int(low <= 2.0 <= high)
    assert 0.85 <= held / 400 <= 0.94  # binomial error 0.015; percentile intervals are a little short


Draw = Callable[[np.random.Generator, int], NDArray[np.float64]]
NORMAL: Draw = lambda rng, n_users: rng.normal(0, 1, n_users)  # noqa: E731
SKEWED: Draw = lambda rng, n_users: rng.gamma(4, 0.5, n_users) - 2  # noqa: E731
"""Of skewness 1."""


@pytest.mark.parametrize("n_users", [2, 3, 5, 9, 10, 20, 30, 140])
@pytest.mark.parametrize(("users", "least"), [(NORMAL, 0.935), (SKEWED, 0.92)])
def test_intervals_of_few_users_hold_the_truth_as_often_as_they_say(users: Draw, least: float, n_users: int) -> None:
    """At 95 %. Of normal figures to within the simulation's error; of skewed ones up to three points less often."""
    rng = np.random.default_rng(17)
    held = []
    for _ in range(25):  # the resamples are the same for several draws of users: that is much quicker
        weights = resample(n_users, 400, rng)
        drawn = np.column_stack([users(rng, n_users) for _ in range(100)])
        ends = np.array([found.interval(0.95) for found in statistics.means(drawn, weights)])
        held.append(np.mean((ends[:, 0] <= 0) & (ends[:, 1] >= 0)))
    assert least <= np.mean(held) <= 0.965  # binomial error 0.0045


def test_with_many_users_an_interval_is_that_of_the_percentiles() -> None:
    values = np.random.default_rng(0).gamma(2, 1, 142)
    estimate = statistics.mean(values, resample(142, 10_000, np.random.default_rng(1)))
    plain = np.quantile(estimate.replicates, (0.025, 0.975))
    assert np.ptp(estimate.interval(0.95)) / np.ptp(plain) == pytest.approx(1.013, abs=0.002)


def test_a_single_user_has_no_interval_of_resamples() -> None:
    weights, shown = resample(1, 100, np.random.default_rng(0)), np.ones((1, 3), np.bool_)
    for found in (statistics.mean(np.array([3.0]), weights), statistics.coverage(shown, weights)):
        assert np.isnan(found.interval(0.95)).all()
        assert np.isfinite(found.value)


def test_an_interval_ends_where_the_figure_does() -> None:
    clicked = np.array([0.95, 0.99, 0.9])
    found = statistics.mean(clicked, resample(3, 500, np.random.default_rng(0)))
    assert found.interval(0.95)[1] > 1
    assert found.within(0, 1).interval(0.95) == (found.interval(0.95)[0], 1)
    seeds = resample_seeds(2, 500, np.random.default_rng(0))
    assert across_seeds([found.within(0, 1)] * 2, seeds).interval(0.95)[1] == 1
    weights = resample(4, 500, np.random.default_rng(0))
    for share in statistics.shares(np.array([[1, 3], [0, 5], [2, 2], [0, 4]]), weights):
        low, high = share.interval(0.99)
        assert 0 <= low <= share.value <= high <= 1


def test_figures_of_other_users_have_no_paired_difference() -> None:
    rng = np.random.default_rng(0)
    three, four = (statistics.mean(rng.random(n), resample(n, 100, rng)) for n in (3, 4))
    with pytest.raises(ValueError, match="of 3 and of 4 users"):
        three - four


def test_what_is_made_of_estimates_knows_its_users() -> None:
    rng = np.random.default_rng(0)
    weights, seeds = resample(6, 100, rng), resample_seeds(2, 100, rng)
    low, middle, high = (statistics.mean(rng.random(6) + more, weights) for more in (0, 1, 2))
    made = (middle - low, across_seeds([low, high], seeds), statistics.share_of_gap(middle, low, high))
    assert [found.n_users for found in made] == [6, 6, 6]


@pytest.mark.parametrize("clustered", [False, True])
def test_intervals_of_coverage_hold_the_truth_at_least_as_often_as_they_say(clustered: bool) -> None:
    """The truth is the expected coverage of as many new users.

    Movies differ in how likely they are shown; where clustered, a user is shown movies of one of ten kinds only.
    """
    rng = np.random.default_rng(12)
    chances, kinds, favourites = 0.3 * rng.random(200) ** 4, rng.integers(10, size=200), rng.dirichlet(np.ones(10))

    def shown() -> NDArray[np.bool_]:
        drawn = rng.random((60, 200)) < chances
        return drawn & (kinds == rng.choice(10, size=(60, 1), p=favourites)) if clustered else drawn

    truth = np.mean([shown().any(axis=0).mean() for _ in range(1000)])
    held = 0
    for _ in range(300):
        estimate = statistics.coverage(shown(), resample(60, 300, rng))
        low, high = estimate.interval(0.9)
        assert low <= estimate.value <= high
        held += int(low <= truth <= high)
    assert held / 300 >= 0.87  # binomial error 0.017


def draw(n_seeds: int, n_users: int, samples: int, rng: np.random.Generator) -> tuple[Resampling, Resampling]:
    return resample_seeds(n_seeds, samples, rng), resample(n_users, samples, rng)


def over_seeds(values: NDArray[np.float64], seeds: Resampling, users: Resampling) -> Estimate:
    return across_seeds([mean(row, users) for row in values], seeds)


def returns(
    n_seeds: int, n_users: int, seed_sd: float, user_sd: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    return rng.normal(0, seed_sd, (n_seeds, 1)) + rng.normal(0, user_sd, (1, n_users)) + 40


def test_several_means_at_once_are_the_means_one_by_one() -> None:
    rng = np.random.default_rng(2)
    weights, values = resample(12, 50, rng), rng.normal(size=(12, 3))
    for column, found in zip(values.T, statistics.means(values, weights), strict=True):
        alone = mean(column, weights)
        assert found.value == pytest.approx(alone.value)
        assert found.replicates == pytest.approx(alone.replicates)


@given(st.integers(1, 6))
def test_a_resample_of_seeds_has_one_fewer_than_there_are(n_seeds: int) -> None:
    weights = resample_seeds(n_seeds, 200, np.random.default_rng(0))
    assert weights.shape == (200, n_seeds)
    assert (weights.sum(axis=1) == max(n_seeds - 1, 1)).all()


def test_the_mean_over_seeds_is_over_all_seeds_and_users() -> None:
    seeds, users = draw(2, 3, 100, np.random.default_rng(0))
    assert over_seeds(np.array([[1.0, 2, 3], [5, 6, 7]]), seeds, users).value == 4


def test_replicates_over_seeds_are_means_over_the_seeds_and_users_drawn() -> None:
    rng = np.random.default_rng(1)
    values, (seeds, users) = rng.normal(size=(3, 5)), draw(3, 5, 7, rng)
    replicates = over_seeds(values, seeds, users).replicates
    for drawn_seeds, drawn_users, replicate in zip(seeds, users, replicates, strict=True):
        rows, columns = (np.repeat(np.arange(len(w)), w.astype(int)) for w in (drawn_seeds, drawn_users))
        assert replicate == pytest.approx(values[np.ix_(rows, columns)].mean(), rel=1e-5)


def test_users_shared_by_all_seeds_do_not_count_several_times() -> None:
    rng = np.random.default_rng(0)
    seeds, users = draw(5, 200, 4000, rng)
    # No difference between seeds: the interval is that of 200 users, not of 1000.
    estimate = over_seeds(returns(5, 200, 0.0, 1.0, rng), seeds, users)
    assert estimate.replicates.std() == pytest.approx(1 / np.sqrt(200), rel=0.15)


def test_seeds_that_differ_widen_the_interval_by_what_their_mean_varies() -> None:
    rng = np.random.default_rng(0)
    seeds, users = draw(5, 200, 4000, rng)
    values = returns(5, 200, 2.0, 0.0, rng)
    # The unbiased standard error of a mean of five.
    expected = values[:, 0].std(ddof=1) / np.sqrt(5)
    assert over_seeds(values, seeds, users).replicates.std() == pytest.approx(expected, rel=0.05)


def test_a_policy_that_is_always_the_same_distance_ahead_is_ahead_without_doubt() -> None:
    rng = np.random.default_rng(0)
    values, (seeds, users) = returns(4, 50, 0.0, 3.0, rng), draw(4, 50, 500, rng)
    rival = across_seeds([mean(values[0] - 0.1, users)], seeds)  # not trained: one estimate for all seeds
    assert (over_seeds(values, seeds, users) - rival).interval(0.95) == pytest.approx((0.1, 0.1), abs=1e-4)


@pytest.mark.parametrize(("seed_sd", "least"), [(0.0, 0.92), (0.2, 0.92), (1.0, 0.82)])
def test_intervals_over_seeds_and_users_hold_the_truth_about_as_often_as_they_say(seed_sd: float, least: float) -> None:
    """Five seeds; where they are what differs most, the interval is narrower than it says, as its docstring has it."""
    rng = np.random.default_rng(13)
    held = 0
    for _ in range(400):
        values = rng.normal(0, seed_sd, (5, 1)) + rng.normal(0, 1, (1, 100)) + rng.normal(0, 0.5, (5, 100))
        low, high = over_seeds(values, *draw(5, 100, 400, rng)).interval(0.95)
        held += int(low <= 0 <= high)
    assert least <= held / 400 <= 0.98  # binomial error 0.011


def test_the_share_of_a_gap() -> None:
    users = resample(3, 100, np.random.default_rng(0))
    low, middle, high = (mean(np.full(3, x), users) for x in (40.0, 43.0, 44.0))
    assert statistics.share_of_gap(middle, low, high).value == 0.75
    assert statistics.share_of_gap(middle, low, high).interval(0.95) == pytest.approx((0.75, 0.75), abs=1e-5)
    assert not np.isfinite(statistics.share_of_gap(middle, low, low).value)


def test_a_ratio_is_that_of_the_sums_and_its_interval_by_hand() -> None:
    found = ratio(np.array([2.0, 6.0]), np.array([1.0, 3.0]))
    assert found.value == 2
    assert found.interval(0.95) == (2, 2)  # both users have the same ratio
    # Means 1 and 3 of one each: standard error 1, and 12.706 is Student's quantile with one degree of freedom.
    assert ratio(np.array([1.0, 3.0]), np.ones(2)).interval(0.95) == pytest.approx((2 - 12.706, 2 + 12.706), abs=1e-3)


def test_an_interval_without_resamples_is_about_that_of_resamples() -> None:
    rng = np.random.default_rng(2)
    counts = rng.integers(1, 60, 150).astype(float)
    sums = counts * rng.normal(0.8, 0.3, 150)  # who has more of it is not like the others
    users = resample(150, 20_000, rng)
    bootstrap = Estimate(sums.sum() / counts.sum(), (users @ sums) / (users @ counts), 150)
    assert ratio(sums, counts).interval(0.9) == pytest.approx(bootstrap.interval(0.9), abs=0.005)
    assert np.ptp(bootstrap.interval(0.9)) > 0.05


def test_differences_without_resamples_are_paired() -> None:
    values, ones = np.random.default_rng(0).normal(0, 5, 50), np.ones(50)
    difference = ratio(values + 0.1, ones) - ratio(values, ones)
    assert difference.interval(0.95) == pytest.approx((0.1, 0.1))


def test_of_a_single_user_there_is_no_interval() -> None:
    assert np.isnan(Linearised(1.0, np.zeros(1)).interval(0.95)).all()


def test_the_interval_of_a_size_holds_nothing_below_zero() -> None:
    # By hand: standard error 2 / 3 of the value, Student's quantile of one degree of freedom, on the logarithm.
    found = Linearised(1.5, np.array([-1.0, 1.0]), is_size=True)
    assert found.interval(0.95) == pytest.approx((1.5 * np.exp(-12.706 / 1.5), 1.5 * np.exp(12.706 / 1.5)), rel=1e-3)
    assert Linearised(0.0, np.zeros(3), is_size=True).interval(0.95) == (0, 0)
    below, above = (Linearised(value, np.array([-1.0, 1.0, 0.0]), is_size=True) for value in (0.5, 0.7))
    assert (below - above).interval(0.95) == pytest.approx((-0.2, -0.2))
