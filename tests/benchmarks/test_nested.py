import numpy as np
import pytest

from benchmarks import nested


def returns(n_seeds: int, n_users: int, seed_sd: float, user_sd: float, rng: np.random.Generator) -> np.ndarray:
    return rng.normal(0, seed_sd, (n_seeds, 1)) + rng.normal(0, user_sd, (1, n_users)) + 40


def test_the_mean_is_over_all_seeds_and_users() -> None:
    seeds, users = nested.draw(2, 3, 100, np.random.default_rng(0))

    assert nested.over_seeds(np.array([[1.0, 2, 3], [5, 6, 7]]), seeds, users).value == 4


def test_replicates_are_means_over_the_seeds_and_users_drawn() -> None:
    values = np.random.default_rng(1).normal(size=(3, 5))
    seeds, users = nested.draw(3, 5, 7, np.random.default_rng(0))

    replicates = nested.over_seeds(values, seeds, users).replicates

    for drawn_seeds, drawn_users, replicate in zip(seeds, users, replicates, strict=True):
        rows, columns = (np.repeat(np.arange(len(w)), w.astype(int)) for w in (drawn_seeds, drawn_users))
        assert replicate == pytest.approx(values[np.ix_(rows, columns)].mean(), rel=1e-5)


def test_users_shared_by_all_seeds_do_not_count_several_times() -> None:
    rng = np.random.default_rng(0)
    seeds, users = nested.draw(5, 200, 4000, rng)

    # No difference between seeds: the interval is that of 200 users, not of 1000.
    estimate = nested.over_seeds(returns(5, 200, 0.0, 1.0, rng), seeds, users)

    assert estimate.replicates.std() == pytest.approx(1 / np.sqrt(200), rel=0.15)


def test_seeds_that_differ_widen_the_interval() -> None:
    rng = np.random.default_rng(0)
    seeds, users = nested.draw(40, 200, 4000, rng)

    estimate = nested.over_seeds(returns(40, 200, 2.0, 1.0, rng), seeds, users)

    assert estimate.replicates.std() == pytest.approx(2 / np.sqrt(40), rel=0.35)


def test_a_policy_that_is_always_the_same_distance_ahead_is_ahead_without_doubt() -> None:
    rng = np.random.default_rng(0)
    values = returns(4, 50, 0.0, 3.0, rng)
    seeds, users = nested.draw(4, 50, 500, rng)

    low, high = (nested.over_seeds(values, seeds, users) - nested.over_users(values[0] - 0.1, users)).interval(0.95)

    assert low == pytest.approx(0.1, abs=1e-4)
    assert high == pytest.approx(0.1, abs=1e-4)


def test_the_share_of_a_gap() -> None:
    _, users = nested.draw(1, 3, 100, np.random.default_rng(0))
    low, middle, high = (nested.over_users(np.full(3, x), users) for x in (40.0, 43.0, 44.0))

    assert nested.share_of_gap(middle, low, high).value == 0.75
    assert nested.share_of_gap(middle, low, high).interval(0.95) == pytest.approx((0.75, 0.75), abs=1e-5)
    assert not np.isfinite(nested.share_of_gap(middle, low, low).value)
