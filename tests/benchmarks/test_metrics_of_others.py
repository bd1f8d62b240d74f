import sys
from pathlib import Path

import pytest

from benchmarks.metrics_of_others import _CASES, FEW, MANY, PINNED, K, asked, describe, named, ours
from benchmarks.metrics_of_others_worker import LIBRARIES, answer
from rlrec.errors import RlrecError


def test_our_own_figures_are_recognised():
    assert describe({case: ours(users) for case, users in _CASES.items()}) == [
        *("0/1, min(R, k), log2(i + 1)", "not asked", "R", "R", "left out", "lower id first")
    ]


def test_a_figure_that_no_formula_gives_is_printed():
    assert named(0.123, {"R": lambda _: 0.5}) == "none of ours: 0.1230"


def test_scikit_learn_is_asked_in_a_process_of_its_own_and_told_by_its_formula():
    told = asked(Path(sys.executable), "scikit-learn")
    gain, halves, of_map, of_recall, nobody, ties = describe(told)
    assert gain == "stars, min(R, k), log2(i + 1)"
    assert (halves, of_map, of_recall) == ("kept", "–", "–")
    assert (nobody, ties) == ("counts as 0", "mean of all orders")


def test_what_refuses_is_told():
    assert answer("scikit-learn", [FEW, MANY | {"list": None}], K)["error"].startswith("TypeError")
    with pytest.raises(RlrecError, match="nobody gave nothing: KeyError"):
        asked(Path(sys.executable), "nobody")


def test_every_library_is_pinned():
    assert set(PINNED) == set(LIBRARIES)
    for name, pins in PINNED.items():
        assert any(pin.startswith(f"{name}==") for pin in pins)
