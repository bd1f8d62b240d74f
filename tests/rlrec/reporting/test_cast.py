from dataclasses import replace

import pandas as pd

from rlrec.reporting.cast import Cast


def rows(*means: tuple[str, float]) -> pd.DataFrame:
    return pd.DataFrame(means, columns=["policy", "mean"])


def test_neither_who_is_told_the_taste_nor_our_own_learners_are_fair_rivals(cast: Cast) -> None:
    both = rows(
        ("mine", 50.0), ("oracle", 49.0), ("static_mf", 48.0), ("other", 45.0), ("best_average", 38.0), ("random", 30.0)
    )
    assert cast.strongest_rival(both) == "best_average"
    assert cast.strongest_rival(rows(("mine", 40.0), ("oracle", 49.0))) is None
    assert cast.strongest_rival(both.head(0)) is None


def test_the_best_of_a_kind_is_not_the_reference(cast: Cast) -> None:
    found = rows(("mine", 50.0), ("other", 41.0), ("ease", 40.0), ("als", 42.0), ("popularity", 30.0))
    assert cast.best(found, "learner") == "other"
    assert cast.best(found, "collaborative") == "als"
    assert cast.best(found, "told") is None


def test_what_draws_is_no_order_for_everybody(cast: Cast) -> None:
    assert cast.best(rows(("random", 40.0), ("popularity", 30.0)), "unpersonal") == "popularity"
    assert cast.best(rows(("random", 40.0)), "unpersonal") is None
    assert cast.strongest_rival(rows(("random", 40.0), ("popularity", 30.0))) == "random"


def test_a_baseline_may_be_the_reference(cast: Cast) -> None:
    beside = Cast("ease", cast.notes)
    assert beside.strongest_rival(rows(("ease", 50.0), ("als", 42.0))) == "als"
    assert beside.learners(["mine", "ease", "other", "mine"]) == ["mine", "other"]
    assert beside.mine == "EASE"


def test_the_bound_is_who_says_so(cast: Cast) -> None:
    assert cast.bound(["mine", "static_mf", "oracle"]) == "oracle"
    assert cast.bound(["mine", "static_mf"]) is None


def test_who_is_not_described_keeps_the_name_and_is_a_rival_like_any_other(cast: Cast) -> None:
    assert (cast.label("<b>"), cast.note("<b>").knows) == ("<b>", "Not described.")
    assert cast.strongest_rival(rows(("<b>", 3.0), ("random", 2.0))) == "<b>"


def test_a_label_that_two_share_stands_with_the_name(cast: Cast) -> None:
    alike = Cast("mine", {**cast.notes, "other": replace(cast.notes["other"], label="A3C")})
    assert (alike.label("mine"), alike.label("other"), alike.label("random")) == ("A3C (mine)", "A3C (other)", "Random")
