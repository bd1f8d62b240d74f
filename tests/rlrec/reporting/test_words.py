import pandas as pd
import pytest

from rlrec.baselines import BASELINES
from rlrec.reporting.words import (
    POLICIES,
    heading,
    number,
    policy_note,
    result_sentence,
    signed,
    strongest_rival,
    tastes,
    verdict,
)


def table(rival: str, mean: float, low: float, high: float) -> pd.DataFrame:
    """A comparison of A3C, at 40, and a rival; the interval is of rival minus A3C, as in the file."""
    names = [
        "policy",
        "slate_size",
        "metric",
        "mean",
        "ci_low",
        "ci_high",
        "diff_from_a3c",
        "diff_ci_low",
        "diff_ci_high",
    ]
    mine = ("a3c", 1, "return", 40.0, 39.2, 40.9, 0.0, 0.0, 0.0)
    return pd.DataFrame([mine, (rival, 1, "return", mean, mean - 1, mean + 1, mean - 40, low, high)], columns=names)


def test_a_win_says_how_much_more_and_how_sure() -> None:
    found = verdict(table("best_average", 37.0, -3.6, -2.5), "best_average", 1, 0.95)
    assert found.outcome == "win"
    assert found.sentence == (
        "That is 3.00 more than Best average's 37.00 (95 % interval of the difference +2.50 to +3.60): A3C wins."
    )


def test_a_loss_is_called_one() -> None:
    found = verdict(table("bayesian_bandit", 41.0, 0.4, 1.6), "bayesian_bandit", 1, 0.9)
    assert found.outcome == "loss"
    assert found.sentence == (
        "That is 1.00 less than Bayesian bandit's 41.00 (90 % interval of the difference −1.60 to −0.40): A3C loses."
    )


@pytest.mark.parametrize(("mean", "lead"), [(39.8, "+0.20"), (40.2, "−0.20"), (40.0, "0.00")])
def test_an_interval_around_zero_is_neither(mean: float, lead: str) -> None:
    found = verdict(table("random", mean, -0.7, 0.5), "random", 1, 0.95)
    assert found.outcome == "tie"
    assert "cannot be told from it" in found.sentence
    assert f"A3C's lead is {lead} (95 % interval of the difference −0.50 to +0.70, around zero)" in found.sentence
    assert "wins" not in found.sentence
    assert "loses" not in found.sentence


def test_the_result_carries_its_interval() -> None:
    sentence = result_sentence(table("random", 30.0, -11, -9), 1, 0.95, 142, 50)
    assert "142 test users" in sentence
    assert "a return of 40.00 out of 50 a session (95 % interval 39.20 to 40.90)" in sentence
    assert "one movie" in sentence


def test_an_absent_rival_is_an_error() -> None:
    with pytest.raises(ValueError, match="no return of 'oracle' at K=1"):
        verdict(table("random", 30.0, -11, -9), "oracle", 1, 0.95)


def test_who_is_told_the_taste_is_no_fair_rival() -> None:
    both = pd.concat(
        [table("oracle", 49.0, 8, 10), table("best_average", 38.0, -3, -1), table("random", 30.0, -11, -9)]
    )
    assert strongest_rival(both, 1) == "best_average"
    assert strongest_rival(table("oracle", 49.0, 8, 10), 1) is None
    assert strongest_rival(both, 10) is None


def test_every_baseline_is_described() -> None:
    assert set(BASELINES) <= set(POLICIES)
    assert policy_note("<b>").label == "<b>"


def test_numbers_are_printed_by_their_kind() -> None:
    assert number("coverage", 0.2512) == "25.1 %"
    assert number("coverage", 0.2512, unit=False) == "25.1"
    assert number("something else", 0.5) == "0.500"
    assert signed("ndcg", -0.0004) == "0.000"
    assert signed("ndcg", float("nan")) == "–"


def test_users_are_described_by_how_they_react() -> None:
    assert len({tastes(delta) for delta in (-0.5, 0.0, 1.0)}) == 3
    assert len({heading(delta) for delta in (-0.5, 0.0, 1.0)}) == 3
    assert "tired" in tastes(-0.5)
