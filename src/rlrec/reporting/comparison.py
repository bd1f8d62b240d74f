"""Figures of the comparison: forest plots of return and CTR, and regret against the greedy oracle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from textwrap import fill
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from rlrec.reporting.claims import COLLABORATIVE
from rlrec.reporting.style import ACCENT, GRID, INK, MUTED, OTHER, PAPER, SERIES, apart, beside, new_figure, tidy, title
from rlrec.reporting.words import metric_note, number, policy_note, shown

_WIDTH, _WIDE = 9.0, 11.5
_SHOWN = ("return", "ctr")
_SCENARIOS_A_ROW = 7


def comparison_figure(comparison: pd.DataFrame) -> Figure:
    """Forest plot of return and CTR with their intervals, one row a slate size, the policies in order of return.

    Hollow marks are policies that are told the user's true taste, which no recommender can know.

    Args:
        comparison: `comparison.csv`.
    """
    sizes = comparison["slate_size"].drop_duplicates().tolist()
    n_policies = comparison["policy"].nunique()
    figure = new_figure(_WIDTH, len(sizes) * (0.28 * n_policies + 0.95))
    grid = figure.subplots(len(sizes), 2, squeeze=False, sharex="col")
    for row, size in zip(grid, sizes, strict=True):
        found = comparison[comparison["slate_size"] == size]
        returns = found[found["metric"] == "return"].sort_values("mean", kind="stable")
        order = returns["policy"].tolist()
        for axes, metric in zip(row, _SHOWN, strict=True):
            _forest(axes, found[found["metric"] == metric].set_index("policy"), order, metric)
            _numbers(axes, found[found["metric"] == metric].set_index("policy").loc[order], metric)
            title(axes, f"{metric_note(metric).label}, {shown(size)}")
        _names(row[0], order)
        row[1].set_yticklabels([])
    for axes in grid[-1]:
        axes.tick_params(labelbottom=True)
    return figure


def scenarios_figure(matrix: pd.DataFrame, titles: Mapping[str, str]) -> Figure:
    """Forest plot of return and CTR by scenario: a compact panel each, a policy in the same row of all.

    A3C has its colour, our other learners another one, and marks of policies that are told the taste are hollow. A
    policy that was not played in a scenario has no mark there.

    Args:
        matrix: `matrix.csv`.
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
            _forest(axes, found, order, metric, small=True)
            axes.xaxis.set_major_locator(MaxNLocator(3, prune="both"))
            axes.set_yticks(range(len(order)), [])
            heading = f"{metric_note(metric).label}\n" if axes is line[0] else "\n"
            # Broken between settings, not inside of one.
            title(axes, heading + fill(titles.get(scenario, scenario).replace(" = ", "\u00a0=\u00a0"), 16))
            axes.title.set_fontsize(9)
        _names(line[0], order, small=True)
        for axes in line[len(block) :]:
            axes.set_axis_off()
    return figure


def regret_figure(regret: pd.DataFrame, by: str, titles: Mapping[Any, str], columns: int = 2) -> Figure:
    """Regret against the greedy oracle by step, a panel for each slate size or scenario, with bands for intervals.

    A3C, the Bayesian bandit, the best collaborative baseline and the best order for everybody are named; the others
    are thin lines.

    Args:
        regret: `regret.csv`, with a column `by`.
        by: `slate_size` or `scenario`.
        titles: of the panels, by the values of that column.
        columns: panels beside one another.
    """
    panels = regret[by].drop_duplicates().tolist()
    lines = -(-len(panels) // columns)
    figure = new_figure(_WIDTH, 3.3 * lines)
    grid = figure.subplots(lines, columns, squeeze=False).ravel()
    for axes, panel in zip(grid, panels, strict=False):
        _regret(axes, regret[regret[by] == panel])
        title(axes, f"Regret, {titles.get(panel, str(panel))}")
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    for axes in grid[max(len(panels) - columns, 0) : len(panels)]:
        axes.set_xlabel("recommendation")
    return figure


def named_in_regret(regret: pd.DataFrame) -> dict[str, str]:
    """Policies that are named beside the lines of one panel, with their colours."""
    last = regret[regret["step"] == regret["step"].max()].set_index("policy")["regret"]
    collaborative = last[last.index.isin(COLLABORATIVE)]
    names = ["a3c", "bayesian_bandit", *([collaborative.idxmin()] if len(collaborative) else []), "best_average"]
    colours = (ACCENT, SERIES[0], SERIES[2], SERIES[3])
    return {name: colour for name, colour in zip(names, colours, strict=False) if name in last.index}


def _regret(axes: Axes, rows: pd.DataFrame) -> None:
    named = named_in_regret(rows)
    for name, line in rows.groupby("policy", sort=False):
        if name not in named:
            axes.plot(line["step"], line["regret"], color=MUTED, linewidth=0.8, alpha=0.6)
    ends = {}
    for name, colour in named.items():
        line = rows[rows["policy"] == name]
        axes.fill_between(line["step"], line["ci_low"], line["ci_high"], color=colour, alpha=0.18, linewidth=0)
        axes.plot(line["step"], line["regret"], color=colour, linewidth=2.4 if name == "a3c" else 1.8)
        ends[name] = float(line["regret"].iloc[-1])
    axes.axhline(0, color=MUTED, linewidth=1.1, linestyle=(0, (4, 3)))
    axes.margins(x=0.02, y=0.05)
    low, high = axes.get_ylim()
    for name, place in zip(ends, apart(list(ends.values()), (high - low) * 0.08), strict=True):
        weight = "bold" if name == "a3c" else "normal"
        beside(axes, place, policy_note(name).label, color=named[name], fontweight=weight)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    tidy(axes, grid="y")


def _common_order(matrix: pd.DataFrame) -> list[str]:
    """Policies, the best of the first scenario last, what was not played there before all others."""
    returns = matrix[matrix["metric"] == "return"]
    first = returns[returns["scenario"] == returns["scenario"].iloc[0]].sort_values("mean", kind="stable")["policy"]
    others = [name for name in returns["policy"].drop_duplicates() if name not in set(first)]
    return [*others, *first]


def _colour(name: str) -> str:
    if name == "a3c":
        return ACCENT
    return SERIES[0] if policy_note(name).learner else OTHER


def _forest(axes: Axes, rows: pd.DataFrame, order: Iterable[str], metric: str, small: bool = False) -> None:
    places = {name: place for place, name in enumerate(order)}
    for name, row in rows.iterrows():
        place, colour, mine = places[str(name)], _colour(str(name)), name == "a3c"
        if mine:
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
            markerfacecolor=PAPER if policy_note(str(name)).sees_taste else colour,
            markeredgecolor=colour,
            markeredgewidth=1.2 if small else 1.6,
        )
    axes.set_ylim(-0.6, len(places) - 0.4)
    tidy(axes, grid="x")
    if metric_note(metric).percent:
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))


def _numbers(axes: Axes, rows: pd.DataFrame, metric: str) -> None:
    """The figures themselves, to the right."""
    for place, (name, row) in enumerate(rows.iterrows()):
        bold = {"color": ACCENT, "fontweight": "bold"} if name == "a3c" else {"color": INK}
        beside(axes, place, number(metric, row["mean"]), **bold)


def _names(axes: Axes, order: list[str], small: bool = False) -> None:
    axes.set_yticks(range(len(order)), [policy_note(name).label for name in order])
    for label, name in zip(axes.get_yticklabels(), order, strict=True):
        colour = INK if _colour(name) == OTHER else _colour(name)
        label.set(color=colour, fontweight="bold" if name == "a3c" else "normal", fontsize=8.5 if small else 10)
