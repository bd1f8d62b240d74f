"""Regret as a figure: what policies have earned less, step by step, than one that knows what no recommender can."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rlrec.policies.policy import Kind
from rlrec.reporting.cast import Cast
from rlrec.reporting.figures.style import ACCENT, MUTED, SERIES, WIDTH, apart, beside, new_figure, tidy, title

_NAMED: dict[Kind, str] = {
    "learner": SERIES[4],
    "adaptive": SERIES[0],
    "collaborative": SERIES[2],
    "unpersonal": SERIES[3],
}
"""Kinds of policies the best of which is named, with its colour."""


def regret_figure(regret: pd.DataFrame, cast: Cast, by: str, titles: Mapping[Any, str], columns: int = 2) -> Figure:
    """Regret by step, a panel for each slate size or scenario, with bands for intervals.

    The reference and the best of each kind that is not told the taste are named; the others are thin lines.

    Args:
        regret: `regret.csv`, with a column `by`.
        cast: who is in it.
        by: `slate_size` or `scenario`.
        titles: of the panels, by the values of that column.
        columns: panels beside one another.
    """
    panels = regret[by].drop_duplicates().tolist()
    lines = -(-len(panels) // columns)
    figure = new_figure(WIDTH, 3.3 * lines)
    grid = figure.subplots(lines, columns, squeeze=False).ravel()
    for axes, panel in zip(grid, panels, strict=False):
        _regret(axes, regret[regret[by] == panel], cast)
        title(axes, f"Regret, {titles.get(panel, str(panel))}")
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    for axes in grid[max(len(panels) - columns, 0) : len(panels)]:
        axes.set_xlabel("recommendation")
    return figure


def named_in_regret(regret: pd.DataFrame, cast: Cast) -> dict[str, str]:
    """Policies that are named beside the lines of one panel, with their colours."""
    last = regret[regret["step"] == regret["step"].max()]
    named = {cast.reference: ACCENT}
    for kind, colour in _NAMED.items():
        of_kind = last[[cast.stands_for(name, kind) for name in last["policy"]]]
        if not of_kind.empty:
            named[str(of_kind["policy"].iloc[int(of_kind["regret"].argmin())])] = colour
    return named


def _regret(axes: Axes, rows: pd.DataFrame, cast: Cast) -> None:
    named = named_in_regret(rows, cast)
    for name, line in rows.groupby("policy", sort=False):
        if name not in named:
            axes.plot(line["step"], line["regret"], color=MUTED, linewidth=0.8, alpha=0.6)
    ends = {}
    for name, colour in named.items():
        line = rows[rows["policy"] == name]
        axes.fill_between(line["step"], line["ci_low"], line["ci_high"], color=colour, alpha=0.18, linewidth=0)
        axes.plot(line["step"], line["regret"], color=colour, linewidth=2.4 if name == cast.reference else 1.8)
        ends[name] = float(line["regret"].iloc[-1])
    axes.axhline(0, color=MUTED, linewidth=1.1, linestyle=(0, (4, 3)))
    axes.margins(x=0.02, y=0.05)
    low, high = axes.get_ylim()
    for name, place in zip(ends, apart(list(ends.values()), (high - low) * 0.08), strict=True):
        weight = "bold" if name == cast.reference else "normal"
        beside(axes, place, cast.label(name), color=named[name], fontweight=weight)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    tidy(axes, grid="y")
