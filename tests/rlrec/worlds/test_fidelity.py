import json
from dataclasses import replace

import numpy as np
import pytest

from rlrec.statistics.intervals import resample
from rlrec.worlds.factorisation import Factors, Observed
from rlrec.worlds.fidelity import (
    Candidate,
    Distribution,
    Errors,
    Spread,
    calibrate,
    choose,
    compare_distributions,
    scale_of,
)


def rated(users, stars):
    """Ratings of movie 0."""
    return Observed(np.asarray(users), np.zeros(len(stars), int), np.asarray(stars, float), (max(users) + 1, 1))


def many_ratings(rng):
    """Of 200 users with 1 to 40 ratings each, and predictions of them that miss some users by more than others."""
    users = np.repeat(np.arange(200), rng.integers(1, 41, 200))
    ratings = rated(users, np.full(len(users), 3.0))
    return ratings, 3 + rng.normal(0, 0.4, 200)[users] + rng.normal(0, 0.8, len(users))


def test_errors_by_hand():
    # Errors 1, -1, 2: mean square 2, mean size 4/3.
    accuracy = Errors.of(np.array([4.0, 2.0, 5.0]), rated([0, 0, 1], [3, 3, 3])).summary()
    assert accuracy.rmse == pytest.approx(np.sqrt(2))
    assert accuracy.mae == pytest.approx(4 / 3)


def test_intervals_of_errors_are_those_of_resampled_users():
    rng = np.random.default_rng(4)
    ratings, predicted = many_ratings(rng)
    errors = predicted - 3
    squares, sizes, counts = (np.bincount(ratings.users, values) for values in (errors**2, abs(errors), errors**0))
    drawn = resample(200, 10_000, rng)
    accuracy = Errors.of(predicted, ratings).summary()
    by_hand = np.sqrt((drawn @ squares) / (drawn @ counts)), (drawn @ sizes) / (drawn @ counts)
    for interval, replicates in zip((accuracy.rmse_ci, accuracy.mae_ci), by_hand, strict=True):
        assert interval == pytest.approx(np.quantile(replicates, (0.025, 0.975)), abs=0.004)
    # One person's errors are alike, so there is less to go by than as many ratings of different people would give.
    alone = Errors.of(predicted, rated(np.arange(len(predicted)), ratings.stars)).summary()
    assert np.ptp(accuracy.rmse_ci) > 1.2 * np.ptp(alone.rmse_ci)


def test_differences_of_errors_are_paired_by_user():
    ratings, predicted = many_ratings(np.random.default_rng(5))
    model, worse = Errors.of(predicted, ratings), Errors.of(3 + 1.1 * (predicted - 3), ratings)
    difference = worse.minus(model).summary()
    assert difference.rmse == pytest.approx(0.1 * model.rmse.value)
    for interval, figure in ((difference.rmse_ci, model.rmse), (difference.mae_ci, model.mae)):
        assert interval == pytest.approx(0.1 * np.array(replace(figure, is_size=False).interval(0.95)))


def test_perfect_predictions_have_no_error_whoever_is_asked():
    accuracy = Errors.of(np.array([4.0, 2.0]), rated([0, 1], [4, 2])).summary()
    assert (accuracy.rmse, accuracy.rmse_ci, accuracy.mae_ci) == (0, (0, 0), (0, 0))


def test_ratings_of_one_user_alone_have_no_interval():
    accuracy = Errors.of(np.array([4.0, 2.0]), rated([3, 3], [3, 3])).summary()
    assert (accuracy.rmse, accuracy.rmse_ci, accuracy.mae_ci) == (1, None, None)


def candidate(penalty, rmse):
    return Candidate(rmse, None, 0.7, None, penalty)


def test_the_least_rmse_is_chosen_and_of_equals_the_larger_penalty():
    best, other, equal = candidate(2, 0.9), candidate(1, 0.95), candidate(5, 0.9)
    assert choose([other, best]) is best
    assert choose([best, other, equal]) is equal


def test_calibration_bins_by_hand():
    predicted = np.array([1.0, 3.0, 3.2, 3.25, 4.9, 5.0])
    bins = calibrate(predicted, rated([0, 0, 1, 0, 2, 2], [2, 4, 2, 5, 5, 4]))
    assert [(b.low, b.high, b.count) for b in bins] == [(1.0, 1.25, 1), (3.0, 3.25, 2), (3.25, 3.5, 1), (4.75, 5.0, 2)]
    np.testing.assert_allclose([b.predicted for b in bins], [1, 3.1, 3.25, 4.95])
    np.testing.assert_allclose([b.real for b in bins], [2, 3, 5, 4.5])
    assert [b.real_ci is None for b in bins] == [True, False, True, True]  # the last two are one person's
    assert bins[1].real_ci == (0, 5)  # Student's of two users is 3 - 12.7 to 3 + 12.7, but nobody can rate so


def test_a_distribution_over_whole_stars_rounds_halves_up():
    distribution = Distribution.of(np.array([0.5, 1.4, 2.5, 4.5]), (1.0, 2.0, 3.0, 4.0, 5.0))
    assert distribution.shares == (0.5, 0, 0.25, 0, 0.25)
    assert distribution.mean == pytest.approx(8.9 / 4)


@pytest.mark.parametrize(
    ("ratings", "first", "step", "many"),
    [
        ([3, 4, 5], 1, 1, 5),
        ([0.5, 3.5, 4], 0.5, 0.5, 10),
        ([1.5, 2], 1, 0.5, 9),
        ([3.25, 5], 1, 0.25, 17),
        ([1.2, 3.4, 5], 1, 0.2, 21),
        ([np.float32(3.3), 4.7], 1, 0.1, 41),
        ([np.pi, np.e, 0.5], 1, 1, 5),
    ],
)
def test_the_scale_has_the_steps_of_the_ratings(ratings, first, step, many):
    scale = scale_of(np.array(ratings, float))
    assert len(scale) == many
    assert (scale[0], scale[-1]) == (first, 5)
    assert np.diff(scale) == pytest.approx(step)


def test_of_ratings_on_the_scale_the_shares_have_the_mean_of_the_ratings():
    stars = np.random.default_rng(0).choice(np.arange(0.5, 5.5, 0.5), 1000).astype(np.float32).astype(float)
    scale = scale_of(stars)
    assert np.dot(Distribution.of(stars, scale).shares, scale) == pytest.approx(stars.mean())


@pytest.mark.parametrize("n_users", [5, 10, 30])
def test_intervals_of_few_users_errors_hold_the_truth_and_nothing_below_zero(n_users):
    """Of users with 1 to 30 ratings whose errors differ in size by 30 %: up to four points less often than 95 %."""
    rng = np.random.default_rng(3)
    held, sizes = 0, rng.gamma(12, 1 / 12, 100_000)
    truth = np.sqrt(np.mean(sizes**2))
    for _ in range(2000):
        users = np.repeat(np.arange(n_users), rng.integers(1, 31, n_users))
        errors = rng.choice(sizes, n_users)[users] * rng.normal(0, 1, len(users))
        low, high = Errors.of(3 + errors, rated(users, np.full(len(users), 3.0))).summary().rmse_ci
        assert low > 0
        held += low <= truth <= high
    assert 0.905 <= held / 2000 <= 0.965


def test_a_spread_by_hand():
    assert Spread.of(np.array([[1.0, 3.0]])) == Spread(2.0, 1.0, 1.0, 3.0)


def test_rated_pairs_and_random_pairs_are_told_apart():
    # User 0 has rated only movie 0, which gets 5; the other movies get 2 and none of them was rated.
    factors = Factors(users=np.ones((1, 1)), movies=np.array([[5.0], [2.0], [2.0], [2.0]]))
    ratings = Observed(np.zeros(400, int), np.zeros(400, int), np.full(400, 4.0), (1, 4))
    found = compare_distributions(factors, ratings, 0.0, np.random.default_rng(0))
    assert found.real.shares == (0, 0, 0, 1, 0)
    assert found.simulated.shares == (0, 0, 0, 0, 1)
    assert found.random_pairs.shares[1] == pytest.approx(0.75, abs=0.1)
    assert json.dumps(found.real.shares)
