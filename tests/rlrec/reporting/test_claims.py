import re
from dataclasses import replace

import pandas as pd
import pytest

from rlrec.reporting.cast import Cast
from rlrec.reporting.claims import (
    main_verdicts,
    offline_verdicts,
    outcome_of,
    result_sentence,
    too_few,
    verdict,
    world_verdict,
)
from rlrec.reporting.inputs import Inputs

NAMES = ["policy", "slate_size", "metric", "mean", "ci_low", "ci_high"]
COMPARED = ["diff", "diff_ci_low", "diff_ci_high", "p_holm"]


def table(
    rival: str,
    mean: float,
    low: float,
    high: float,
    p_holm: float = 0.01,
    *,
    mine: float = 40.0,
    metric: str = "return",
    slate_size: int = 1,
) -> pd.DataFrame:
    """A comparison of the reference, A3C, and a rival; the interval is of rival minus reference, as in the file."""
    own = ("mine", slate_size, metric, mine, mine - 0.8, mine + 0.9, 0.0, 0.0, 0.0, 1.0)
    other = (rival, slate_size, metric, mean, mean - 1, mean + 1, mean - mine, low, high, p_holm)
    return pd.DataFrame([own, other], columns=NAMES + COMPARED)


def offline(rival: str, mean: float, low: float, high: float, p_holm: float = 0.01) -> pd.DataFrame:
    """NDCG@10 of A3C, 0.1, and of a rival."""
    return table(rival, mean, low, high, p_holm, mine=0.1, metric="ndcg@10")


def test_a_win_says_how_much_more_and_how_sure(cast: Cast) -> None:
    found = verdict(table("best_average", 37.0, -3.6, -2.5), cast, "best_average", 1, 0.95)
    assert found.outcome == "win"
    assert found.sentence == (
        "That is 3.00 more than Best average's 37.00 (95 % interval of the difference +2.50 to +3.60; "
        "Holm's p = 0.010): A3C wins."
    )


def test_a_loss_is_called_one(cast: Cast) -> None:
    found = verdict(table("bayesian_bandit", 41.0, 0.4, 1.6), cast, "bayesian_bandit", 1, 0.9)
    assert found.outcome == "loss"
    assert found.sentence == (
        "That is 1.00 less than Bayesian bandit's 41.00 (90 % interval of the difference −1.60 to −0.40; "
        "Holm's p = 0.010): A3C loses."
    )


@pytest.mark.parametrize(("mean", "lead"), [(39.8, "+0.20"), (40.2, "−0.20"), (40.0, "0.00")])
def test_an_interval_around_zero_is_neither(mean: float, lead: str, cast: Cast) -> None:
    found = verdict(table("random", mean, -0.7, 0.5, 0.6), cast, "random", 1, 0.95)
    assert found.outcome == "tie"
    assert "cannot be told from it" in found.sentence
    assert f"A3C's lead is {lead} (95 % interval of the difference −0.50 to +0.70; Holm's p = 0.6)" in found.sentence
    assert "wins" not in found.sentence
    assert "loses" not in found.sentence


@pytest.mark.parametrize(
    ("p_holm", "confidence", "outcome"), [(0.049, 0.95, "win"), (0.051, 0.95, "tie"), (0.051, 0.9, "win")]
)
def test_what_does_not_survive_the_correction_is_undecided(
    p_holm: float, confidence: float, outcome: str, cast: Cast
) -> None:
    assert outcome_of(0.1, 0.5, p_holm, confidence) == outcome
    assert verdict(table("random", 38.0, -3, -1, p_holm), cast, "random", 1, confidence).outcome == outcome


def test_the_result_carries_its_interval(cast: Cast) -> None:
    sentence = result_sentence(table("random", 30.0, -11, -9), cast, 1, 0.95, 142, 50)
    assert "142 test users" in sentence
    assert "a return of 40.00 out of 50 a session (95 % interval 39.20 to 40.90)" in sentence
    assert "one movie" in sentence


def test_an_absent_rival_is_an_error(cast: Cast) -> None:
    with pytest.raises(ValueError, match="no return of 'oracle' at K=1"):
        verdict(table("random", 30.0, -11, -9), cast, "oracle", 1, 0.95)


@pytest.mark.parametrize(
    ("rival", "outcome", "words"),
    [
        ((38.0, -3.0, -1.0, 0.01), "win", "A3C beats LinUCB, the strongest rival that is not told the taste: a return "
         "of 40.00 against 38.00, 2.00 more (95 % interval of the difference +1.00 to +3.00; Holm's p = 0.010)."),
        ((42.0, 1.0, 3.0, 0.01), "loss", "A3C loses to LinUCB, the strongest rival that is not told the taste: a "
         "return of 40.00 against 42.00, 2.00 less (95 % interval of the difference −3.00 to −1.00;"),
        ((39.0, -2.5, 0.5, 0.3), "tie", "A3C cannot be told from LinUCB, the strongest rival that is not told the "
         "taste: a return of 40.00 against 39.00, a lead of +1.00 (95 % interval of the difference −0.50 to +2.50;"),
    ],
)  # fmt: skip
def test_the_first_sentence_is_on_the_strongest_fair_rival(
    rival: tuple[float, float, float, float], outcome: str, words: str, cast: Cast
) -> None:
    comparison = pd.concat([table("linucb", *rival), table("random", 30, -11, -9), table("oracle", 45, 4, 6)])
    sentences = main_verdicts(comparison, cast, 1, 0.95)
    assert len(sentences) == 2
    assert (sentences[0].rival, sentences[0].outcome) == ("linucb", outcome)
    assert sentences[0].sentence.startswith(f"In the simulator, one movie a step, {words}")


def test_then_comes_a_sentence_on_the_bound_at_every_slate_size(cast: Cast) -> None:
    ahead = table("oracle", 39.0, -1.5, -0.5)
    behind, even = table("oracle", 42.0, 1, 3, slate_size=10), table("oracle", 40.1, -0.2, 0.4, 0.7, slate_size=10)
    mixed = main_verdicts(pd.concat([ahead, behind]), cast, 1, 0.95)[0]
    assert (mixed.rival, mixed.outcome) == ("oracle", "tie")
    assert (
        "A3C earns 1.00 more with one movie a step (95 % interval of the difference +0.50 to +1.50; Holm's p = 0.010), "
        "and 2.00 less with 10 movies a step (95 % interval of the difference −3.00 to −1.00; Holm's p = 0.010)."
    ) in mixed.sentence
    undecided = main_verdicts(pd.concat([ahead, even]), cast, 1, 0.95)[0]
    assert undecided.outcome == "tie"
    assert "with 10 movies a step a return that cannot be told from that, −0.10 (95 %" in undecided.sentence
    assert main_verdicts(behind, cast, 10, 0.95)[0].outcome == "loss"


@pytest.mark.parametrize(
    ("numbers", "outcome", "words"),
    [
        ((0.2, 0.05, 0.15), "loss", "A3C loses to EASE, the best of all others, at foreseeing what people watch next: "
         "NDCG@10 0.100 against 0.200, 0.100 less (95 % interval of the difference −0.150 to −0.050;"),
        ((0.05, -0.08, -0.02), "win", "A3C beats EASE, the best of all others, at foreseeing what people watch next: "
         "NDCG@10 0.100 against 0.050, 0.050 more (95 % interval of the difference +0.020 to +0.080;"),
        ((0.11, -0.02, 0.04), "tie", "A3C cannot be told from EASE, the best of all others, at foreseeing what people "
         "watch next: NDCG@10 0.100 against 0.110, a lead of −0.010 (95 % interval of the difference −0.040 to +0.020"),
    ],
)  # fmt: skip
def test_a_loss_to_ease_on_real_ratings_is_said_so(
    numbers: tuple[float, float, float], outcome: str, words: str, cast: Cast
) -> None:
    (told,) = offline_verdicts(offline("ease", *numbers), cast, "ndcg@10", 0.95)
    assert (told.rival, told.outcome) == ("ease", outcome)
    assert told.sentence.startswith(f"On real ratings, {words}")


def test_offline_the_best_of_all_is_named_beside_the_best_collaborative_filter(cast: Cast) -> None:
    rows = pd.concat([offline("popularity", 0.3, 0.15, 0.25), offline("ease", 0.2, 0.05, 0.15).iloc[1:]])
    first, second = offline_verdicts(rows, cast, "ndcg@10", 0.95)
    assert "A3C loses to EASE at foreseeing" in first.sentence
    assert "A3C loses to Most popular, the best of all others, at foreseeing" in second.sentence
    only = offline_verdicts(offline("bpr", 0.3, 0.15, 0.25), cast, "ndcg@10", 0.95)
    assert [found.rival for found in only] == ["bpr"]
    assert offline_verdicts(rows, cast, "rerank_ndcg", 0.95) == []


def test_what_was_not_played_has_no_sentence(cast: Cast) -> None:
    alone = table("oracle", 45, 4, 6)
    sentences = main_verdicts(alone, cast, 1, 0.95)
    assert [found.rival for found in sentences] == ["oracle"]


@pytest.mark.parametrize(
    ("interval", "outcome", "told"),
    [
        ((-0.04, -0.02), "win", "is 0.030 stars lower than that of user and movie bias alone"),
        ((0.02, 0.04), "loss", "is 0.030 stars higher than"),
        ((-0.07, 0.01), "tie", "cannot be told from that of user and movie bias alone: the difference is −0.030 stars"),
        (None, "tie", "cannot be told from"),
    ],
)
def test_the_world_is_better_than_biases_only_where_the_interval_says_so(
    inputs: Inputs, interval: tuple[float, float] | None, outcome: str, told: str
) -> None:
    value = 0.03 if outcome == "loss" else -0.03
    row = replace(inputs.fidelity.model_minus_bias, rmse=value, rmse_ci=interval)
    found = world_verdict(replace(inputs.fidelity, model_minus_bias=row))
    assert found.outcome == outcome
    assert found.sentence.startswith(f"The world's RMSE {told}")
    spoken = {(-0.04, -0.02): "−0.040 to −0.020", (0.02, 0.04): "+0.020 to +0.040", (-0.07, 0.01): "−0.070 to +0.010"}
    assert spoken.get(interval, "there is no interval") in found.sentence  # type: ignore[arg-type]


def test_of_few_users_every_sentence_says_so_and_none_claims_anything(cast: Cast, inputs: Inputs) -> None:
    nan = float("nan")
    comparison = pd.concat(
        [table("linucb", 30, -12, -8, nan), table("other", 51, 9, 12, nan), table("oracle", 55, 14, 16, nan)]
    )
    told = [*main_verdicts(comparison, cast, 1, 0.95), verdict(comparison, cast, "linucb", 1, 0.95)]
    told += offline_verdicts(offline("ease", 0.3, 0.15, 0.25, nan), cast, "ndcg@10", 0.95)
    row = replace(inputs.fidelity.model_minus_bias, rmse=-0.03, rmse_ci=(-0.04, -0.02))
    told.append(world_verdict(replace(inputs.fidelity, model_minus_bias=row, held_out_users=19)))
    assert len(told) == 6
    for found in told:
        assert found.outcome == "few"
        assert "fewer than 20 users are too few for a verdict" in found.sentence
        assert not re.search(r"wins|loses|beats|cannot be told|lower|higher|more|less", found.sentence)


def test_of_a_single_user_sentences_say_that_no_interval_is_known(cast: Cast) -> None:
    nan = float("nan")
    alone = table("oracle", 55, nan, nan, nan).assign(ci_low=nan, ci_high=nan)
    assert "interval of the difference unknown" in verdict(alone, cast, "oracle", 1, 0.95).sentence
    assert "(95 % interval unknown)" in result_sentence(alone, cast, 1, 0.95, 1, 50)


def test_where_users_are_too_few_is_said_once() -> None:
    assert too_few({"here": 20, "there": 21}) == ""
    assert too_few({"here": 1, "there": 19, "anywhere": 142}).startswith(
        "No verdict is given of 1 user here, and of 19 users there: fewer than 20 are too few."
    )


def test_our_other_learners_have_a_sentence_each_and_are_no_rivals(cast: Cast) -> None:
    comparison = pd.concat([table("linucb", 38, -3, -1), table("other", 41, 0.5, 1.5), table("oracle", 45, 4, 6)])
    found = main_verdicts(comparison, cast, 1, 0.95)
    assert [one.rival for one in found] == ["linucb", "other", "oracle"]
    assert "A3C loses to A2C: a return of 40.00 against 41.00, 1.00 less" in found[1].sentence


def test_sentences_have_the_label_of_the_reference(cast: Cast) -> None:
    renamed = Cast("mine", {**cast.notes, "mine": replace(cast.notes["mine"], label="A2C, thesis")})
    comparison = pd.concat([table("linucb", 38, -3, -1), table("oracle", 45, 4, 6)])
    told = [one.sentence for one in main_verdicts(comparison, renamed, 1, 0.95)]
    told += [verdict(comparison, renamed, "oracle", 1, 0.95).sentence]
    told += [result_sentence(comparison, renamed, 1, 0.95, 142, 50)]
    assert all("A2C, thesis" in sentence and "A3C" not in sentence for sentence in told)
