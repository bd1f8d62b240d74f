import json

import numpy as np
import pytest

from rlrec.simulator.factorisation import Factors, Observed
from rlrec.simulator.fidelity import Accuracy, Candidate, Distribution, Spread, calibrate, choose, compare_distributions


def test_accuracy_by_hand():
    # Errors 1, -1, 2: mean square 2, mean size 4/3.
    accuracy = Accuracy.of(np.array([4.0, 2.0, 5.0]), np.array([3.0, 3.0, 3.0]))
    assert accuracy.rmse == pytest.approx(np.sqrt(2))
    assert accuracy.mae == pytest.approx(4 / 3)


def test_the_least_rmse_is_chosen_and_of_equals_the_larger_penalty():
    best, other, equal = Candidate(2, 0.9, 0.7), Candidate(1, 0.95, 0.6), Candidate(5, 0.9, 0.8)
    assert choose([other, best]) is best
    assert choose([best, other, equal]) is equal


def test_calibration_bins_by_hand():
    predicted = np.array([1.0, 3.0, 3.2, 3.25, 4.9, 5.0])
    real = np.array([2.0, 4.0, 2.0, 5.0, 5.0, 4.0])
    bins = calibrate(predicted, real)
    assert [(b.low, b.high, b.count) for b in bins] == [(1.0, 1.25, 1), (3.0, 3.25, 2), (3.25, 3.5, 1), (4.75, 5.0, 2)]
    np.testing.assert_allclose([b.predicted for b in bins], [1, 3.1, 3.25, 4.95])
    np.testing.assert_allclose([b.real for b in bins], [2, 3, 5, 4.5])


def test_a_distribution_rounds_halves_up():
    distribution = Distribution.of(np.array([0.5, 1.4, 2.5, 4.5]))
    assert distribution.shares == (0.5, 0, 0.25, 0, 0.25)
    assert distribution.mean == pytest.approx(8.9 / 4)


def test_a_spread_by_hand():
    assert Spread.of(np.array([[1.0, 3.0]])) == Spread(2.0, 1.0, 1.0, 3.0)


def test_rated_pairs_and_random_pairs_are_told_apart():
    # User 0 has rated only movie 0, which gets 5; the other movies get 2 and none of them was rated.
    factors = Factors(users=np.ones((1, 1)), movies=np.array([[5.0], [2.0], [2.0], [2.0]]))
    ratings = Observed(np.zeros(400, int), np.zeros(400, int), np.full(400, 4.0), (1, 4))
    found = compare_distributions(factors, ratings, np.random.default_rng(0))
    assert found["real"].shares == (0, 0, 0, 1, 0)
    assert found["simulated"].shares == (0, 0, 0, 0, 1)
    assert found["random_pairs"].shares[1] == pytest.approx(0.75, abs=0.1)
    assert json.dumps(found["real"].shares)
