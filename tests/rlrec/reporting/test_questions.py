import pandas as pd
import pytest

from rlrec.reporting.cast import Cast
from rlrec.reporting.inputs import Inputs
from rlrec.reporting.questions import answer, answers


def rows(*policies: tuple[str, float, float, float], p_holm: float = 0.01) -> pd.DataFrame:
    """Each a name, its mean, and the interval of its difference from the reference, `mine`, which has 0.2."""
    own = {"policy": "mine", "mean": 0.2, "diff": 0.0, "diff_ci_low": 0.0, "diff_ci_high": 0.0, "p_holm": float("nan")}
    others = [
        {"policy": name, "mean": mean, "diff": mean - 0.2, "diff_ci_low": low, "diff_ci_high": high, "p_holm": p_holm}
        for name, mean, low, high in policies
    ]
    table = pd.DataFrame([own, *others])
    return table.assign(metric="ndcg@10", ci_low=table["mean"] - 0.05, ci_high=table["mean"] + 0.05)


def test_ours_is_the_best_and_by_how_much_is_told_beside_the_best_of_the_others(cast: Cast) -> None:
    found = answer("Who?", rows(("ease", 0.1, -0.15, -0.05), ("als", 0.05, -0.2, -0.1)), cast, 0.95)
    assert found is not None
    assert (found.best, found.figure, found.outcome) == ("A3C", "NDCG@10 0.200 (0.150 to 0.250)", "win")
    assert found.beside.startswith("ahead of EASE by 0.100 (95 % interval of the difference +0.050 to +0.150; Holm's")


@pytest.mark.parametrize(
    ("low", "high", "outcome", "told"),
    [
        (
            0.02,
            0.18,
            "loss",
            "A3C has NDCG@10 0.200 (0.150 to 0.250), 0.100 less (95 % interval of the difference −0.180",
        ),
        (-0.02, 0.22, "tie", "A3C has NDCG@10 0.200 (0.150 to 0.250), not to be told from it: −0.100 (95 % interval"),
    ],
)
def test_another_is_the_best_and_what_ours_has_is_told(
    low: float, high: float, outcome: str, told: str, cast: Cast
) -> None:
    found = answer("Who?", rows(("als", 0.1, -0.15, -0.05), ("ease", 0.3, low, high)), cast, 0.95)
    assert found is not None
    assert (found.best, found.figure, found.outcome) == ("EASE", "NDCG@10 0.300 (0.250 to 0.350)", outcome)
    assert found.beside.startswith(told)


def test_a_lead_that_is_not_clear_is_not_called_one(cast: Cast) -> None:
    found = answer("Who?", rows(("ease", 0.19, -0.05, 0.03), p_holm=0.6), cast, 0.95)
    assert found is not None
    assert (found.best, found.outcome) == ("A3C", "tie")
    assert found.beside.startswith("not to be told from EASE: a lead of +0.010")


def test_who_is_told_the_taste_is_not_asked(cast: Cast) -> None:
    found = answer("Who?", rows(("static_mf", 0.9, 0.6, 0.8), ("ease", 0.1, -0.15, -0.05)), cast, 0.95)
    assert found is not None
    assert found.best == "A3C"
    assert answer("Who?", rows(("static_mf", 0.9, 0.6, 0.8)), cast, 0.95) is None


def test_each_question_is_answered_from_its_own_table(inputs: Inputs) -> None:
    found = answers(inputs, 1)
    assert [one.figure.partition(" ")[0] for one in found] == ["Return", "NDCG@10", "Reranked", "Liked"]
    assert found[0].question == "Simulated: users who grow fonder of the genres that they like"
    assert len({one.question for one in found}) == 4
