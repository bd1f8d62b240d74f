import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rlrec.evaluation.regret import cumulative_regret, regret_curves
from rlrec.evaluation.results import CURVES
from rlrec.statistics.intervals import resample, resample_seeds

REWARDS = arrays(np.float64, (4, 6), elements=st.floats(0, 1))


@given(REWARDS, REWARDS)
def test_the_last_regret_is_the_difference_of_the_returns(policy: np.ndarray, best: np.ndarray) -> None:
    regret = cumulative_regret(policy, best)
    assert regret[:, -1] == pytest.approx(best.sum(axis=1) - policy.sum(axis=1), abs=1e-9)
    assert np.diff(regret, axis=1, prepend=0) == pytest.approx(best - policy, abs=1e-9)


@given(REWARDS)
def test_the_best_has_no_regret(best: np.ndarray) -> None:
    assert (cumulative_regret(best, best) == 0).all()


def test_curves_are_means_over_users_and_seeds() -> None:
    rng = np.random.default_rng(0)
    users, seeds = resample(20, 300, rng), resample_seeds(3, 300, rng)
    best, learned, fixed = rng.uniform(0.8, 1, (20, 5)), rng.uniform(0, 0.9, (3, 20, 5)), rng.uniform(0, 0.5, (20, 5))

    curves = regret_curves(
        {"learned": list(learned), "oracle": [best], "popularity": [fixed]}, "oracle", users, seeds, 0.9
    )

    assert list(curves) == list(CURVES)
    assert curves["policy"].tolist() == ["learned"] * 5 + ["popularity"] * 5
    assert curves["step"].tolist() == [1, 2, 3, 4, 5] * 2
    expected = np.cumsum((best - learned.mean(axis=0)).mean(axis=0))
    assert curves["regret"].to_numpy()[:5] == pytest.approx(expected)
    assert (curves["ci_low"] < curves["regret"]).all()
    assert (curves["regret"] < curves["ci_high"]).all()


def test_a_policy_that_earns_more_than_the_bound_has_a_negative_regret() -> None:
    weights = resample(3, 100, np.random.default_rng(0))
    runs = {"planner": [np.full((3, 2), 0.9)], "oracle": [np.full((3, 2), 0.8)]}
    curves = regret_curves(runs, "oracle", weights, np.ones((100, 1), np.float32), 0.95)
    assert curves["regret"].tolist() == pytest.approx([-0.1, -0.2])
