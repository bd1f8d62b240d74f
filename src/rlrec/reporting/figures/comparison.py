"""Figures of the comparison: forest plots of return and CTR, of one run and by scenario.

The reference has its colour, our other learners another one, and marks of policies that are told the user's true taste,
which no recommender can know, are hollow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from rlrec.reporting.cast import Cast
from rlrec.reporting.figures.style import (
    ACCENT,
    GRID,
    INK,
    OTHER,
    PAPER,
    SERIES,
    WIDTH,
    beside,
    new_figure,
    tidy,
    title,
)
from rlrec.reporting.words import manner, metric_note, number

_WIDE = 11.5
_SHOWN = ("return", "ctr")
_SCENARIOS_A_ROW = 5


def comparison_figure(comparison: pd.DataFrame, cast: Cast) -> Figure:
    """Forest plot of return and CTR with their intervals, one row a slate size, the policies in order of return.

    Args:
        comparison: `comparison.csv`.
        cast: who is in it.
    """
    sizes = comparison["slate_size"].drop_duplicates().tolist()
    n_policies = comparison["policy"].nunique()
    figure = new_figure(WIDTH, len(sizes) * (0.28 * n_policies + 0.95))
    grid = figure.subplots(len(sizes), 2, squeeze=False, sharex="col")
    for row, size in zip(grid, sizes, strict=True):
        found = comparison[comparison["slate_size"] == size]
        returns = found[found["metric"] == "return"].sort_values("mean", kind="stable")
        order = returns["policy"].tolist()
        for axes, metric in zip(row, _SHOWN, strict=True):
            rows = found[found["metric"] == metric].set_index("policy")
            _forest(axes, rows, cast, order, metric)
            _numbers(axes, rows.loc[order], cast, metric)
            title(axes, f"{metric_note(metric).label}, {manner(size)}")
        _names(row[0], cast, order)
        row[1].set_yticklabels([])
    for axes in grid[-1]:
        axes.tick_params(labelbottom=True)
    return figure


def scenarios_figure(matrix: pd.DataFrame, cast: Cast, titles: Mapping[str, str]) -> Figure:
    """Forest plot of return and CTR by scenario: a compact panel each, a policy in the same row of all.

    A policy that was not played in a scenario has no mark there.

    Args:
        matrix: `matrix.csv`.
        cast: who is in it.
        titles: of its scenarios.
    """
    scenarios = matrix["scenario"].drop_duplicates().tolist()
    order = _common_order(matrix)
    blocks = [scenarios[start : start + _SCENARIOS_A_ROW] for start in range(0, len(scenarios), _SCENARIOS_A_ROW)]
    rows = [(block, metric) for block in blocks for metric in _SHOWN]
    figure = new_figure(_WIDE, len(rows) * (0.2 * len(order) + 0.85))
    grid = figure.subplots(len(rows), max(map(len, blocks)), squeeze=False)
    for line, (block, metric) in zip(grid, rows, strict=True):
        for axes, scenario in zip(line, block, strict=False):
            found = matrix[(matrix["scenario"] == scenario) & (matrix["metric"] == metric)].set_index("policy")
            _forest(axes, found, cast, order, metric, small=True)
            axes.xaxis.set_major_locator(MaxNLocator(3, prune="both"))
            axes.set_yticks(range(len(order)), [])
            heading = f"{metric_note(metric).label}\n" if axes is line[0] else "\n"
            # Broken between settings, not inside of one.
            title(axes, heading + fill(titles.get(scenario, scenario).replace(" = ", "\u00a0=\u00a0"), 16))
            axes.title.set_fontsize(9)
        _names(line[0], cast, order, small=True)
        for axes in line[len(block) :]:
            axes.set_axis_off()
    return figure


def _common_order(matrix: pd.DataFrame) -> list[str]:
    """Policies, the best of the first scenario last, what was not played there before all others."""
    returns = matrix[matrix["metric"] == "return"]
    first = returns[returns["scenario"] == returns["scenario"].iloc[0]].sort_values("mean", kind="stable")["policy"]
    others = [name for name in returns["policy"].drop_duplicates() if name not in set(first)]
    return [*others, *first]


def _colour(name: str, cast: Cast) -> str:
    if name == cast.reference:
        return ACCENT
    return SERIES[0] if cast.kind(name) == "learner" else OTHER


def _forest(axes: Axes, rows: pd.DataFrame, cast: Cast, order: Sequence[str], metric: str, small: bool = False) -> None:
    places = {name: place for place, name in enumerate(order)}
    for name, row in rows.iterrows():
        place, colour = places[str(name)], _colour(str(name), cast)
        if name == cast.reference:
            axes.axhspan(place - 0.42, place + 0.42, color=GRID, alpha=0.6, linewidth=0)
            axes.axvline(row["mean"], color=ACCENT, linewidth=1, linestyle=(0, (2, 3)))
        axes.plot(
            (row["ci_low"], row["ci_high"]),
            (place, place),
            color=colour,
            linewidth=1.8 if small else 2.6,
            solid_capstyle="round",
        )
        axes.plot(
            row["mean"],
            place,
            "o",
            markersize=4.5 if small else 7,
            markerfacecolor=PAPER if cast.told(str(name)) else colour,
            markeredgecolor=colour,
            markeredgewidth=1.2 if small else 1.6,
        )
    axes.set_ylim(-0.6, len(places) - 0.4)
    tidy(axes, grid="x")
    if metric_note(metric).percent:
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))


def _numbers(axes: Axes, rows: pd.DataFrame, cast: Cast, metric: str) -> None:
    """The figures themselves, to the right."""
    for place, (name, row) in enumerate(rows.iterrows()):
        bold = {"color": ACCENT, "fontweight": "bold"} if name == cast.reference else {"color": INK}
        beside(axes, place, number(metric, row["mean"]), **bold)


def _names(axes: Axes, cast: Cast, order: Sequence[str], small: bool = False) -> None:
    axes.set_yticks(range(len(order)), [cast.label(name) for name in order])
    for label, name in zip(axes.get_yticklabels(), order, strict=True):
        colour = INK if _colour(name, cast) == OTHER else _colour(name, cast)
        weight = "bold" if name == cast.reference else "normal"
        label.set(color=colour, fontweight=weight, fontsize=8.5 if small else 10)
