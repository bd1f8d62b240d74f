import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from rlrec.statistics.intervals import ENOUGH_USERS, Estimate, across_seeds, mean, means, resample, resample_seeds
from rlrec.statistics.significance import (
    contrast,
    holm,
    p_value,
    share_gaining,
    standardised_difference,
    with_holm,
)

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=30).map(np.array)


def test_holm_gives_what_r_gives() -> None:
    # R 4: p.adjust(c(0.01, 0.02, 0.03, 0.04, 0.05), "holm")
    assert holm(np.array([0.01, 0.02, 0.03, 0.04, 0.05])).tolist() == pytest.approx([0.05, 0.08, 0.09, 0.09, 0.09])
    # Worked out by hand: 0.0001 · 4, 0.0134 · 2 (over 0.0082 · 3 = 0.0246), 0.5 · 1
    assert holm(np.array([0.5, 0.0134, 0.0001, 0.0082])) == pytest.approx([0.5, 0.0268, 0.0004, 0.0246])


@given(P_VALUES)
def test_holm_lies_between_the_raw_value_and_bonferroni_s(p: np.ndarray) -> None:
    corrected = holm(p)
    assert (corrected >= p).all()
    assert (corrected <= np.minimum(len(p) * p, 1) + 1e-12).all()
    assert corrected.min() == pytest.approx(min(1, len(p) * p.min()))  # the smallest is Bonferroni's


@given(P_VALUES)
def test_holm_keeps_the_order(p: np.ndarray) -> None:
    assert (np.diff(holm(p)[np.argsort(p)]) >= 0).all()


@given(P_VALUES, st.randoms(use_true_random=False))
def test_holm_does_not_depend_on_the_order_given(p: np.ndarray, random) -> None:
    order = np.array(random.sample(range(len(p)), len(p)))
    assert holm(p)[order] == pytest.approx(holm(p[order]))


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=200))
def test_a_p_value_is_never_0_nor_above_1_and_has_no_side(replicates: list[float]) -> None:
    d = np.array(replicates)
    p = p_value(Estimate(float(d.mean()), d, 40))
    assert 2 / (len(d) + 1) <= p <= 1
    assert p == pytest.approx(p_value(Estimate(float(-d.mean()), -d, 40)))


def test_no_difference_at_all_has_p_1() -> None:
    assert p_value(Estimate(0.0, np.zeros(1000), 40)) == 1


def test_a_difference_that_no_resample_doubts_has_the_smallest_p() -> None:
    assert p_value(Estimate(0.1, np.full(999, 0.1), 40)) == pytest.approx(0.002)


@given(st.integers(0, 10_000), st.sampled_from([0.8, 0.9, 0.95, 0.99]), st.sampled_from([2, 3, 9, 60, 142]))
def test_p_is_below_the_level_exactly_where_the_interval_is_clear_of_zero(
    seed: int, confidence: float, n_users: int
) -> None:
    rng = np.random.default_rng(seed)
    difference = mean(rng.normal(1.5 / np.sqrt(n_users), 1, n_users), resample(n_users, 999, rng))
    low, high = difference.interval(confidence)
    assert (p_value(difference) < 1 - confidence) == (low > 0 or high < 0)


def test_a_single_user_has_no_p() -> None:
    assert np.isnan(p_value(mean(np.array([3.0]), resample(1, 100, np.random.default_rng(0)))))


@pytest.mark.parametrize("n_users", [3, 9, 20, 142])
def test_of_pure_noise_false_alarms_are_as_rare_as_stated(n_users: int) -> None:
    """At 5 %: of single comparisons, and of families of twenty policies that are noise, corrected after Holm."""
    rng = np.random.default_rng(6)
    single, families = [], []
    for _ in range(300):
        found = means(rng.normal(0, 1, (n_users, 20)), resample(n_users, 999, rng))
        p = np.array([p_value(difference) for difference in found])
        single.append(np.mean(p < 0.05))
        families.append(holm(p).min() < 0.05)
    assert 0.04 < np.mean(single) < 0.06  # binomial error 0.003
    assert np.mean(families) < 0.085  # binomial error 0.013


def test_of_fewer_users_than_are_enough_there_is_no_p_to_judge_by() -> None:
    rng = np.random.default_rng(0)
    values = {n: rng.normal(3, 1, n) for n in (ENOUGH_USERS - 1, ENOUGH_USERS)}
    few, enough = (contrast(mean(d, resample(n, 999, rng)), d, 0.95, "mine") for n, d in values.items())
    assert np.isnan(few["p"])
    assert few["diff_ci_low"] < few["diff"] < few["diff_ci_high"]
    assert enough["p"] < 0.05


def test_comparisons_that_were_not_made_are_none_of_a_family() -> None:
    nan = float("nan")
    assert holm(np.array([nan, 0.02, 0.01, nan])) == pytest.approx([nan, 0.02, 0.02, nan], nan_ok=True)
    assert np.isnan(holm(np.array([nan, nan]))).all()


def test_under_the_null_p_is_about_uniform() -> None:
    """Skewed differences without a mean, of policies trained with five seeds."""
    rng = np.random.default_rng(4)
    found = []
    for _ in range(600):
        users = rng.gamma(4, 0.5, 142) - 2
        values = users + rng.normal(0, 0.05, (5, 1)) + rng.normal(0, 0.5, (5, 142))
        weights = resample(142, 400, rng)
        by_seed = [mean(row, weights) for row in values]
        found.append(p_value(across_seeds(by_seed, resample_seeds(5, 400, rng))))
    for level in (0.05, 0.1, 0.25, 0.5, 0.75, 0.9):
        assert np.mean(np.array(found) <= level) == pytest.approx(level, abs=0.05)  # binomial error up to 0.02


def test_a_true_difference_is_found_the_more_often_the_larger_it_is() -> None:
    rng = np.random.default_rng(5)

    def power(effect: float) -> float:
        draws = (mean(rng.normal(effect, 1, 100), resample(100, 300, rng)) for _ in range(100))
        return float(np.mean([p_value(d) <= 0.05 for d in draws]))

    small, large = power(0.1), power(0.5)
    assert small < large
    assert large > 0.95


def test_the_standardised_difference_is_the_t_statistic_over_the_root_of_n() -> None:
    d = np.random.default_rng(0).normal(0.3, 1.5, 80)
    assert standardised_difference(d) == pytest.approx(ttest_1samp(d, 0).statistic / np.sqrt(80))


def test_differences_without_spread_have_a_standardised_difference_of_0_or_none() -> None:
    assert standardised_difference(np.zeros(5)) == 0
    for alike in ([-0.5] * 4, [40.1 - 40.0, 38.1 - 38.0, 0.1], [2.0]):  # the second up to rounding
        assert np.isnan(standardised_difference(np.array(alike)))


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=50).map(np.array))
def test_those_who_gain_and_those_who_lose_are_everybody(d: np.ndarray) -> None:
    assert share_gaining(d) + share_gaining(-d) == pytest.approx(1)
    assert 0 <= share_gaining(d) <= 1


def test_a_figure_of_all_users_together_has_no_effect_size() -> None:
    difference = Estimate(0.5, np.linspace(0.1, 0.9, 99), 40)
    found = contrast(difference, None, 0.9, "mine")
    assert list(found) == ["reference", "diff", "diff_ci_low", "diff_ci_high", "p", "d_z", "share_gaining"]
    assert found["reference"] == "mine"
    assert np.isnan(found["d_z"])
    assert np.isnan(found["share_gaining"])
    assert found["p"] == 0.02


def test_each_metric_is_a_family_of_its_own_without_the_reference() -> None:
    table = pd.DataFrame(
        {
            "policy": ["mine", "random", "oracle", "mine", "random", "oracle"],
            "reference": "mine",
            "metric": ["return"] * 3 + ["ctr"] * 3,
            "p": [1.0, 0.01, 0.03, 1.0, 0.02, 0.5],
            "d_z": 0.0,
        }
    )
    corrected = with_holm(table)
    assert list(corrected) == ["policy", "reference", "metric", "p", "p_holm", "d_z"]
    assert corrected["p_holm"].tolist() == pytest.approx([1.0, 0.02, 0.03, 1.0, 0.04, 0.5])
    assert "p_holm" not in table
