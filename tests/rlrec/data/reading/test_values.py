from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlrec.data.reading.sheets import Sheet
from rlrec.data.reading.values import numbers_in, seconds_in, stars_in
from rlrec.errors import DataError


def sheet(values: object) -> Sheet:
    return Sheet(Path("mine.csv"), ("x",), {"x": pa.array(values)}, 2)


@pytest.mark.parametrize(
    ("values", "scale", "stars", "words"),
    [
        ([1, 3, 5], None, [1, 3, 5], "they are stars"),
        ([0.5, 4], None, [0.5, 4], "they are stars"),
        ([1, 7, 9], None, [0.5, 3.5, 4.5], "of which 10 is five stars"),
        ([1, 2, 3], None, [5 / 3, 10 / 3, 5], "of which 3 is five stars"),
        ([20, 100], None, [1, 5], "of which 100 is five stars"),
        ([0, 1], None, [1, 5], "of which 0 is one star and 1 is five"),
        ([-1, 0, 1], None, [1, 3, 5], "of which -1 is one star"),
        ([0, 4, 9], None, [1, 2.6, 4.6], "of which 0 is one star and 10 is five"),
        ([1, 2], (1, 4), [1.25, 2.5], "of which 4 is five stars"),
        (["1,5", " 4 "], None, [1.5, 4], "they are stars"),
        ([True, False], None, [5, 1], "of which 0 is one star"),
    ],
)
def test_values_of_any_scale_become_stars_and_how_is_told(values, scale, stars, words) -> None:
    found, told = stars_in(sheet(values), "x", scale)
    np.testing.assert_allclose(found, stars)
    assert words in told


@pytest.mark.parametrize(
    ("values", "scale", "message"),
    [
        ([1, 6], (1, 5), r"mine\.csv, line 3: x must be from 1 to 5 \(data\.scale\), but is '6'"),
        ([0, 0], None, r"all values of x are 0: set data\.columns\.value to none"),
        ([*range(1, 200), 90_000], None, r"x is from 1 to 90000, half of it below 100\.5, as counts are"),
        ([1, None], None, r"mine\.csv, line 3: x must be a number, but is null"),
    ],
)
def test_values_that_are_no_scale_are_refused(values, scale, message: str) -> None:
    with pytest.raises(DataError, match=message):
        stars_in(sheet(values), "x", scale)


@given(st.lists(st.floats(-1e308, 1e308), min_size=2).filter(lambda values: len(set(values)) > 1))
def test_stars_keep_the_order_of_values_and_the_scale(values: list[float]) -> None:
    try:
        stars, _ = stars_in(sheet(values), "x", None)
    except DataError:
        return
    assert (stars >= 0).all()
    assert (stars <= 5 + 1e-9).all()
    assert (np.diff(stars[np.argsort(values)]) >= 0).all()


@pytest.mark.parametrize(
    "times",
    [
        [1_700_000_000, 1_700_000_060],
        [1_700_000_000_000, 1_700_000_060_000],
        ["1700000000.5", "1700000060"],
        ["2023-11-14T22:13:20", "2023-11-14 22:14:20"],
        ["2023-11-14T23:13:20+01:00", "2023-11-14T22:14:20Z"],
        np.array(["2023-11-14T22:13:20", "2023-11-14T22:14:20"], "datetime64[ns]"),
    ],
)
def test_times_are_seconds_however_they_are_written(times) -> None:
    assert seconds_in(sheet(times), "x")[0].tolist() == [1_700_000_000, 1_700_000_060]


@pytest.mark.parametrize("times", [["2024-02-30"], ["2024-01-01", ""], [-5.0], ["1700000000", "soon"], [float("nan")]])
def test_what_is_no_time_is_refused_with_its_line(times) -> None:
    with pytest.raises(DataError, match=rf"mine\.csv, line {len(times) + 1}: x must be a"):
        seconds_in(sheet(times), "x")


def test_numbers_with_underscores_are_none() -> None:
    with pytest.raises(DataError, match="line 2"):
        numbers_in(sheet(["1_0"]), "x")
