"""What columns of a table of one's own hold, as stars and as seconds."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
from numpy.typing import NDArray

from rlrec.data.reading.sheets import Sheet, shown
from rlrec.errors import DataError

Doubles = NDArray[np.float64]

_ONE_STAR, _FIVE_STARS = 1.0, 5.0

_ENDS = (5.0, 10.0)
"""Where scales usually end."""
_FEWEST_OF_SCALE = 3.0
"""A scale that ends below is one of its own: thumbs, or a few classes."""
_MOST_STEPS = 100
"""Different values that a scale has; of more, most of which are near its lower end, each counts something."""
_UNITS = ((1e17, 1e9, "nanoseconds"), (1e14, 1e6, "microseconds"), (1e11, 1e3, "milliseconds"))
"""Times from there on are no seconds: 1e11 seconds after 1970 is the year 5138."""


def stars_in(sheet: Sheet, name: str, scale: Sequence[float] | None) -> tuple[Doubles, str]:
    """The values of a column as stars, and how they came to be.

    Where the lowest of the scale is above 0 the values are multiplied, so that its highest is five stars; else they are
    spread from one star to five. The scale ends at 5 or 10 where the values do not go beyond, and where they do, or end
    at 3 or below, at the highest.

    Args:
        sheet: the table.
        name: of the column.
        scale: lowest and highest value, where somebody says so.

    Raises:
        DataError: a value is missing, no number, or outside of the scale, or they are counts, which are no scale.
    """
    values = numbers_in(sheet, name)
    least, most = float(values.min()), float(values.max())
    low, high = scale or (least, _end(most))
    outside = np.flatnonzero((values < low) | (values > high))
    if outside.size:
        problem = f"must be from {low:g} to {high:g} (data.scale)"
        raise sheet.wrong(int(outside[0]), name, problem, f"{values[outside[0]]:g}")
    if low <= 0 and low == high:
        raise DataError(
            f"{sheet.path}: all values of {shown([name])} are {low:g}: set data.columns.value to none, or data.scale"
        )
    if low > 0:
        stars = values * (_FIVE_STARS / high)
        how = "they are stars" if high == _FIVE_STARS else f"of which {high:g} is five stars"
    else:
        share = values / (high - low) - low / (high - low)  # in this order, since the difference of two may be infinite
        stars = _ONE_STAR + (_FIVE_STARS - _ONE_STAR) * share
        how = f"of which {low:g} is one star and {high:g} is five"
    distinct = np.unique(values)
    if scale is None and len(distinct) > _MOST_STEPS and np.median(stars) < _ONE_STAR:
        median = np.median(values)
        raise DataError(
            f"{sheet.path}: {shown([name])} is from {least:g} to {most:g}, half of it below {median:g}, as counts are: "
            "set data.columns.value to none (what is there is liked), or data.scale"
        )
    steps = f", in steps of {_step(distinct):g}" if len(distinct) > 1 else ""
    return stars, f"values ({shown([name])}) are from {least:g} to {most:g}{steps}; {how}"


def seconds_in(sheet: Sheet, name: str) -> tuple[NDArray[np.int64], str]:
    """The times of a column in seconds since 1970, UTC, and how they were written.

    Numbers are seconds, or what their size says that they are; text is a date like `2024-03-31` or `2024-03-31T12:00`.

    Raises:
        DataError: a time is missing, or neither.
    """
    column = sheet.columns[name]
    if not (pa.types.is_temporal(column.type) or (_is_text(column) and not _is_number(column))):
        values = numbers_in(sheet, name)
        found = next(((factor, unit) for least, factor, unit in _UNITS if values.max() >= least), (1.0, "seconds"))
        seconds = np.floor(values / found[0])
        wrong = np.flatnonzero((seconds < 0) | (seconds >= 2**62))
        if wrong.size:
            raise sheet.wrong(int(wrong[0]), name, "must be a time since 1970", f"{values[wrong[0]]:g}")
        return seconds.astype(np.int64), f"times ({shown([name])}) are {found[1]} since 1970"
    series = pd.Series(column.to_pandas())
    moments = pd.to_datetime(series, format="ISO8601" if _is_text(column) else None, utc=True, errors="coerce")
    wrong = np.flatnonzero(moments.isna().to_numpy())
    if wrong.size:
        problem = "must be a date like 2024-03-31 12:00 or seconds since 1970"
        raise sheet.wrong(int(wrong[0]), name, problem, series.iloc[int(wrong[0])])
    return moments.to_numpy("datetime64[s]").astype(np.int64), f"times ({shown([name])}) are dates"


def numbers_in(sheet: Sheet, name: str) -> Doubles:
    """The numbers of a column; those with a decimal comma too.

    Raises:
        DataError: a value is missing or no finite number.
    """
    column = sheet.columns[name]
    try:
        found = pc.cast(_trimmed(column), pa.float64())
    except pa.ArrowException:
        found = pa.array([_number(text) for text in _trimmed(column).to_pylist()], pa.float64())
    values = np.asarray(pc.fill_null(found, math.nan).to_numpy(zero_copy_only=False), np.float64)
    wrong = np.flatnonzero(~np.isfinite(values))
    if wrong.size:
        row = int(wrong[0])
        raise sheet.wrong(row, name, "must be a number", column[row].as_py())
    return values


def text_in(sheet: Sheet, name: str) -> list[str]:
    """The texts of a column; empty where there is none."""
    column = sheet.columns[name]
    if pa.types.is_list(column.type):
        return ["|".join(map(str, one or ())) for one in column.to_pylist()]
    found: list[str] = pc.fill_null(_trimmed(pc.cast(column, pa.string())), "").to_pylist()
    return found


def _end(most: float) -> float:
    return next((end for end in _ENDS if _FEWEST_OF_SCALE < most <= end), most)


def _step(distinct: Doubles) -> float:
    return float(np.diff(distinct).min())


def _is_text(column: pa.Array) -> bool:
    return bool(pa.types.is_string(column.type) or pa.types.is_large_string(column.type))


def _is_number(column: pa.Array) -> bool:
    """Whether the first of a column's texts is one; what is wrong with another is told of it."""
    return math.isfinite(_number(column[0].as_py() or ""))


def _trimmed(column: pa.Array) -> pa.Array:
    return pc.utf8_trim_whitespace(column) if _is_text(column) else column


def _number(text: object) -> float:
    try:
        return math.nan if "_" in str(text) else float(str(text).replace(",", "."))
    except ValueError:
        return math.nan
