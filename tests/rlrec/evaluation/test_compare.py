import numpy as np
import pandas as pd
import pytest
from worlds import small_world

from rlrec.baselines import BASELINES
from rlrec.config import Config
from rlrec.errors import WorldError
from rlrec.evaluation.compare import compare
from rlrec.evaluation.evaluate import evaluate
from rlrec.evaluation.policy import Policy

WORLD = small_world(3)
CONFIG = Config.model_validate(
    {
        "scenario": {"episode_length": 5},
        "train": {"rollout": 5},
        "evaluate": {"slate_sizes": [1, 3], "bootstrap_samples": 300},
    }
)
KEYS = ["policy", "slate_size", "metric"]


def policies(*names: str) -> dict[str, Policy]:
    return {name: BASELINES[name](WORLD) for name in names}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    # Stand-ins for a trained agent: what it is does not matter to the table.
    return compare({"a3c": BASELINES["bayesian_bandit"](WORLD), **policies(*BASELINES)}, WORLD, CONFIG)


def test_there_is_a_row_for_every_policy_slate_size_and_metric(table: pd.DataFrame) -> None:
    assert list(table) == [*KEYS, "mean", "ci_low", "ci_high", "diff_from_a3c", "diff_ci_low", "diff_ci_high"]
    assert not table.duplicated(KEYS).any()
    assert not table.isna().to_numpy().any()
    counts = table.groupby("slate_size").size()
    assert counts.to_dict() == {1: 6 * (len(BASELINES) + 1), 3: 7 * (len(BASELINES) + 1)}
    assert table["policy"].unique().tolist() == ["a3c", *BASELINES]


def test_differences_are_policy_minus_reference(table: pd.DataFrame) -> None:
    reference = table.loc[table["policy"] == "a3c", ["slate_size", "metric", "mean"]]
    both = table.merge(reference, on=["slate_size", "metric"], suffixes=("", "_of_a3c"))
    assert np.allclose(both["diff_from_a3c"], both["mean"] - both["mean_of_a3c"])
    assert (table["diff_ci_low"] <= table["diff_from_a3c"] + 1e-9).all()
    assert (table["diff_ci_high"] >= table["diff_from_a3c"] - 1e-9).all()
    returns = table[(table["metric"] == "return") & (table["slate_size"] == 1)].set_index("policy")
    assert float(returns["diff_ci_high"]["random"]) < 0  # the stand-in is better than chance
    assert float(returns["diff_ci_low"]["oracle"]) > 0


def test_the_reference_does_not_differ_from_itself(table: pd.DataFrame) -> None:
    differences = table.loc[table["policy"] == "a3c", ["diff_from_a3c", "diff_ci_low", "diff_ci_high"]]
    assert (differences.to_numpy() == 0).all()


def test_the_same_policy_under_another_name_does_not_differ(table: pd.DataFrame) -> None:
    differences = table.loc[table["policy"] == "bayesian_bandit", ["diff_from_a3c", "diff_ci_low", "diff_ci_high"]]
    assert (differences.to_numpy() == 0).all()


@pytest.mark.parametrize("name", ["random", "bayesian_bandit"])
def test_a_policy_has_the_figures_that_it_has_when_evaluated_alone(table: pd.DataFrame, name: str) -> None:
    alone = evaluate(BASELINES[name](WORLD), WORLD, CONFIG)
    for row in table[table["policy"] == name].itertuples():
        figure = alone["slates"][str(row.slate_size)]["metrics"][row.metric]
        assert {"mean": row.mean, "ci_low": row.ci_low, "ci_high": row.ci_high} == figure


def test_the_reference_may_have_another_name() -> None:
    found = compare(policies("random", "oracle"), WORLD, CONFIG, reference="oracle")
    assert "diff_from_oracle" in found


def test_an_absent_reference_is_an_error() -> None:
    with pytest.raises(ValueError, match="'a3c' is not among the policies random, oracle"):
        compare(policies("random", "oracle"), WORLD, CONFIG)


def test_a_catalogue_too_small_is_an_error() -> None:
    config = Config.model_validate({"evaluate": {"slate_sizes": [10]}})
    with pytest.raises(WorldError, match="needs 500 movies"):
        compare(policies("random"), WORLD, config, reference="random")


def test_progress_goes_from_the_first_step_to_the_last() -> None:
    seen: list[tuple[int, int, str]] = []
    compare(policies("random", "oracle"), WORLD, CONFIG, "random", progress=lambda *told: seen.append(told))
    assert [done for done, _, _ in seen] == list(range(1, 21))
    assert {total for _, total, _ in seen} == {20}
