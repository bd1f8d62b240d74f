import numpy as np
import pandas as pd
import pytest
from worlds import known, small_world

from rlrec.errors import WorldError
from rlrec.evaluation.compare import compare, comparison_table, measure_all, regret_table
from rlrec.evaluation.evaluate import evaluate
from rlrec.evaluation.results import COMPARISON, REGRET, Interval
from rlrec.policies.baselines import BASELINES
from rlrec.policies.policy import Policy
from rlrec.settings.config import Config
from rlrec.statistics.significance import holm

WORLD = small_world(3, n_users=140)
CONFIG = Config.model_validate(
    {
        "scenario": {"episode_length": 5},
        "learners": {"a3c": {"algorithm": "a3c", "rollout": 5}},
        "evaluate": {"slate_sizes": [1, 3], "bootstrap_samples": 300},
    }
)
KEYS = ["policy", "slate_size", "metric"]
EFFECT_SIZES = ["d_z", "share_gaining"]


def policies(*names: str) -> dict[str, Policy]:
    return {name: BASELINES[name](known(WORLD)) for name in names}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    # Stand-ins for a trained agent: what it is does not matter to the table.
    return compare({"mine": BASELINES["bayesian_bandit"](known(WORLD)), **policies(*BASELINES)}, WORLD, CONFIG, "mine")


def test_there_is_a_row_for_every_policy_slate_size_and_metric(table: pd.DataFrame) -> None:
    differences = ["reference", "diff", "diff_ci_low", "diff_ci_high", "p", "p_holm", *EFFECT_SIZES]
    assert list(table) == list(COMPARISON) == [*KEYS, "mean", "ci_low", "ci_high", *differences]
    assert (table["reference"] == "mine").all()
    assert not table.duplicated(KEYS).any()
    assert not table.drop(columns=EFFECT_SIZES).isna().to_numpy().any()
    counts = table.groupby("slate_size").size()
    assert counts.to_dict() == {1: 6 * (len(BASELINES) + 1), 3: 7 * (len(BASELINES) + 1)}
    assert table["policy"].unique().tolist() == ["mine", *BASELINES]


def test_differences_are_policy_minus_reference(table: pd.DataFrame) -> None:
    reference = table.loc[table["policy"] == "mine", ["slate_size", "metric", "mean"]]
    both = table.merge(reference, on=["slate_size", "metric"], suffixes=("", "_of_mine"))
    assert np.allclose(both["diff"], both["mean"] - both["mean_of_mine"])
    assert (table["diff_ci_low"] <= table["diff"] + 1e-9).all()
    assert (table["diff_ci_high"] >= table["diff"] - 1e-9).all()
    returns = table[(table["metric"] == "return") & (table["slate_size"] == 1)].set_index("policy")
    assert float(returns["diff_ci_high"]["random"]) < 0  # the stand-in is better than chance
    assert float(returns["diff_ci_low"]["oracle"]) > 0


def test_the_reference_does_not_differ_from_itself(table: pd.DataFrame) -> None:
    differences = table.loc[table["policy"] == "mine", ["diff", "diff_ci_low", "diff_ci_high"]]
    assert (differences.to_numpy() == 0).all()


def test_the_reference_has_no_p_value_to_speak_of_and_is_no_member_of_a_family(table: pd.DataFrame) -> None:
    own = table[table["policy"] == "mine"]
    assert (own[["p", "p_holm"]].to_numpy() == 1).all()
    others = table[(table["policy"] != "mine") & (table["metric"] == "return")]
    # One family a metric: all baselines at both slate sizes.
    assert len(others) == 2 * len(BASELINES)
    assert others["p_holm"].to_numpy() == pytest.approx(holm(others["p"].to_numpy()))


def test_a_difference_is_significant_where_its_interval_is_clear_of_zero(table: pd.DataFrame) -> None:
    clear = (table["diff_ci_low"] > 0) | (table["diff_ci_high"] < 0)
    assert clear.any()
    assert (~clear).any()
    assert (table.loc[clear, "p"] <= 0.06).all()  # 0.05, and the one that is added to few resamples
    assert (table.loc[~clear, "p"] >= 0.05).all()


def test_effect_sizes_have_the_sign_of_the_difference_and_coverage_has_none(table: pd.DataFrame) -> None:
    coverage = table["metric"] == "coverage"
    assert table.loc[coverage, EFFECT_SIZES].isna().to_numpy().all()
    rest = table[~coverage]
    assert not rest[EFFECT_SIZES].isna().to_numpy().any()
    assert (np.sign(rest["d_z"].round(12)) == np.sign(rest["diff"].round(12))).all()
    assert rest["share_gaining"].between(0, 1).all()
    returns = rest[(rest["metric"] == "return") & (rest["slate_size"] == 1)].set_index("policy")
    assert returns["share_gaining"]["random"] < 0.2
    assert returns["share_gaining"]["oracle"] > 0.8


def test_regret_is_what_the_bound_earns_more() -> None:
    chosen = {"mine": BASELINES["bayesian_bandit"](known(WORLD)), **policies("random", "oracle")}
    measured = measure_all(chosen, WORLD, CONFIG)
    regret = regret_table(measured, WORLD, CONFIG, "oracle")
    assert list(regret) == list(REGRET) == ["slate_size", "policy", "step", "regret", "ci_low", "ci_high"]
    assert regret.groupby(["slate_size", "policy"], sort=False)["step"].agg(list).to_dict() == {
        (k, name): [1, 2, 3, 4, 5] for k in (1, 3) for name in ("mine", "random")
    }
    assert regret["regret"].between(regret["ci_low"], regret["ci_high"]).all()
    means = (
        comparison_table(measured, CONFIG, "mine")
        .query("metric == 'return'")
        .set_index(["slate_size", "policy"])["mean"]
    )
    for row in regret[regret["step"] == 5].itertuples():
        assert row.regret == pytest.approx(
            means[row.slate_size, "oracle"] - means[row.slate_size, row.policy], rel=1e-5
        )


def test_the_same_policy_under_another_name_does_not_differ(table: pd.DataFrame) -> None:
    differences = table.loc[table["policy"] == "bayesian_bandit", ["diff", "diff_ci_low", "diff_ci_high"]]
    assert (differences.to_numpy() == 0).all()


@pytest.mark.parametrize("name", ["random", "bayesian_bandit"])
def test_a_policy_has_the_figures_that_it_has_when_evaluated_alone(table: pd.DataFrame, name: str) -> None:
    alone = evaluate(policies(name), WORLD, CONFIG).learners[name]
    for row in table[table["policy"] == name].itertuples():
        assert Interval(row.mean, row.ci_low, row.ci_high) == alone[row.slate_size].metrics[row.metric]


def test_any_policy_may_be_the_reference() -> None:
    found = compare(policies("random", "oracle"), WORLD, CONFIG, reference="oracle")
    assert (found["reference"] == "oracle").all()
    assert found.loc[found["diff"] != 0, "policy"].unique().tolist() == ["random"]


def test_an_absent_reference_is_an_error() -> None:
    with pytest.raises(ValueError, match="'mine' is not among the policies random, oracle"):
        compare(policies("random", "oracle"), WORLD, CONFIG, "mine")


def test_a_catalogue_too_small_is_an_error() -> None:
    config = Config.model_validate({"evaluate": {"slate_sizes": [10]}})
    with pytest.raises(WorldError, match="needs 500 movies"):
        compare(policies("random"), WORLD, config, reference="random")


def test_progress_goes_from_the_first_step_to_the_last() -> None:
    seen: list[tuple[int, int, str]] = []
    compare(policies("random", "oracle"), WORLD, CONFIG, "random", progress=lambda *told: seen.append(told))
    assert [done for done, _, _ in seen] == list(range(1, 21))
    assert {total for _, total, _ in seen} == {20}
