"""Two runs side by side on a page that carries all it shows: no server is asked for scripts."""

import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from rlrec.errors import DataError
from rlrec.reporting.figures.style import ACCENT, SERIES, data_uri, new_figure, tidy, title
from rlrec.reporting.page import page_environment
from rlrec.settings.yaml import parse_yaml

PARAMS, CURVE = "params.yaml", "curve.csv"
_KEYS = ("protocol", "policy", "slate_size", "metric")
"""Columns that say what a row of a table is about."""
_SHOWN = ("mean", "diff", "p_holm")
_SIDES = (ACCENT, SERIES[0])
Files = Mapping[str, bytes]
"""Of a run: `params.yaml`, metrics (`.json`), curves (`curve.csv`) and tables (`.csv`), by path."""


def beside_page(names: tuple[str, str], runs: tuple[Files, Files]) -> str:
    """The page as HTML: settings that differ, figures, learning curves, and the tables with intervals' p-values.

    Args:
        names: of the runs.
        runs: their files; what only one of them has is shown with nothing beside it.

    Raises:
        DataError: a file is not what its name says.
    """
    settings = [_settings(files) for files in runs]
    figures = [_figures(files) for files in runs]
    curves = dict.fromkeys(path for files in runs for path in files if path.endswith(CURVE))
    tables = dict.fromkeys(
        path for files in runs for path in files if path.endswith(".csv") and not path.endswith(CURVE)
    )
    return (
        page_environment()
        .get_template("beside.html.j2")
        .render(
            names=names,
            settings=[row for row in _paired(*settings) if row[1] != row[2]],
            figures=[(*row, _difference(row[1], row[2])) for row in _paired(*figures)],
            curves={path: data_uri(_curves(path, names, runs)) for path in curves},
            tables={path: _rows(path, runs) for path in tables},
            shown=_SHOWN,
            number=_number,
        )
    )


def _flat(values: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Values in sections, each by its path; a list is one value, item by item where it holds sections."""
    if isinstance(values, list) and any(isinstance(one, dict | list) for one in values):
        values = {str(i): one for i, one in enumerate(values)}
    if not isinstance(values, dict):
        yield prefix, values
        return
    for name, value in values.items():
        yield from _flat(value, f"{prefix}.{name}" if prefix else str(name))


def _paired(one: Mapping[Any, Any], other: Mapping[Any, Any]) -> list[tuple[Any, Any, Any]]:
    return [(name, one.get(name), other.get(name)) for name in dict.fromkeys([*one, *other])]


def _settings(files: Files) -> dict[str, Any]:
    return dict(_flat(parse_yaml(files.get(PARAMS, b"").decode(), PARAMS) or {}))


def _figures(files: Files) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path, content in files.items():
        if path.endswith(".json"):
            try:
                found |= {f"{path}: {name}": value for name, value in _flat(json.loads(content))}
            except ValueError as error:
                raise DataError(f"{path} is no JSON: {error}") from error
    return found


def _table(path: str, files: Files) -> pd.DataFrame | None:
    if path not in files:
        return None
    try:
        return pd.read_csv(io.BytesIO(files[path]), na_values=[""], keep_default_na=False)
    except ValueError as error:
        raise DataError(f"{path} is not a table: {error}") from error


def _curves(path: str, names: tuple[str, str], runs: tuple[Files, Files]) -> Figure:
    """What validation users say of the checkpoints of both runs."""
    figure = new_figure(8.0, 3.0)
    axes = figure.add_subplot()
    for name, files, colour in zip(names, runs, _SIDES, strict=True):
        table = _table(path, files)
        if table is not None and {"steps", "validation_return"} <= set(table):
            axes.plot(table["steps"], table["validation_return"], color=colour, label=name)
    tidy(axes)
    title(axes, path)
    axes.set_xlabel("steps")
    axes.set_ylabel("return on validation users")
    if axes.lines:
        axes.legend(frameon=False, fontsize=9)
    return figure


def _rows(path: str, runs: tuple[Files, Files]) -> list[tuple[str, list[tuple[Any, Any]]]]:
    """By what a row is about, each of `_SHOWN` of both runs."""
    sides: list[dict[str, tuple[Any, ...]]] = []
    for files in runs:
        table = _table(path, files)
        if table is None:
            sides.append({})
            continue
        keys = [name for name in _KEYS if name in table]
        about = table[keys].astype(str).agg(" · ".join, axis=1) if keys else table.index.astype(str)
        columns = [table[name] if name in table else [None] * len(table) for name in _SHOWN]
        sides.append(dict(zip(about, zip(*columns, strict=True), strict=True)))
    nothing = (None,) * len(_SHOWN)
    return [(about, list(zip(one or nothing, other or nothing, strict=True))) for about, one, other in _paired(*sides)]


def _difference(one: Any, other: Any) -> Any:
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (one, other))
    return other - one if numbers else None


def _number(value: Any) -> str:
    """With six digits however small it is: a p-value is never 0."""
    if value is None or (isinstance(value, float) and value != value):
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
