from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlrec.statistics.search import best_of, climb, edges

GRID = {"x": tuple(range(20)), "y": (False, True), "z": (0.1, 1.0, 10.0)}


@given(st.integers(0, 19), st.booleans(), st.sampled_from(GRID["z"]), st.integers(0, 19))
def test_a_climb_ends_on_the_top_of_one_hill_and_asks_nothing_twice(x: int, y: bool, z: float, start: int) -> None:
    asked: list[tuple[Any, ...]] = []

    def score(settings: dict[str, Any]) -> float:
        asked.append(tuple(settings.values()))
        assert settings["other"] == "kept"
        return -abs(settings["x"] - x) - (settings["y"] != y) - abs(GRID["z"].index(settings["z"]) - GRID["z"].index(z))

    tried = climb({"x": start, "y": True, "z": 1.0, "other": "kept"}, GRID, score)
    assert best_of(tried) == {"x": x, "y": y, "z": z, "other": "kept"}
    assert len(asked) == len(set(asked)) == len(tried)


def test_of_equal_ones_the_first_is_kept() -> None:
    assert best_of(climb({"x": 7}, {"x": GRID["x"]}, lambda settings: 1.0)) == {"x": 7}


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({"x": 3, "y": True, "z": 1.0}, []),
        ({"x": 19, "y": True, "z": 10.0}, ["x", "z"]),
        ({"x": 0, "y": False, "z": 0.1}, ["z"]),  # nothing is less than no x, and both y were tried
    ],
)
def test_what_lies_at_the_end_of_its_grid_is_named(settings: dict[str, Any], found: list[str]) -> None:
    assert edges(settings, GRID, {"x": 0}) == found
