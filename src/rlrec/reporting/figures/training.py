"""A training as a figure: what was earned on the way, and the learner's own figures below it."""

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator, PercentFormatter

from rlrec.reporting.figures.style import ACCENT, MUTED, OTHER, SERIES, WIDTH, apart, beside, new_figure, tidy, title
from rlrec.reporting.words import figure_note

IN_TRAINING = "mean_return"
"""A learner's own figure that is drawn beside the return on validation users."""
_A_ROW = 4


def learning_curve(
    curve: pd.DataFrame, figures: Sequence[str] = (), references: Mapping[str, float] | None = None
) -> Figure:
    """Return over training, and below it what explains it: the learner's own figures.

    The band is the validation return's interval over users.

    Args:
        curve: `curve.csv`.
        figures: columns of it that are the learner's own; one without a number is left out.
        references: returns to draw as lines, by label.
    """
    drawn = [name for name in figures if name != IN_TRAINING and curve[name].notna().any()]
    rows = -(-len(drawn) // _A_ROW)
    figure = new_figure(WIDTH, 3.5 + 2.1 * rows)
    # Apart, so that the names beside the upper lines do not narrow the lower panels.
    parts: Any = figure.subfigures(1 + bool(rows), 1, height_ratios=(3.5, 2.1 * rows)[: 1 + bool(rows)], squeeze=False)
    top: Axes = parts[0, 0].subplots()
    _returns(top, curve, references or {})
    below: list[Axes] = []
    if rows:
        below = list(parts[1, 0].subplots(rows, min(len(drawn), _A_ROW), squeeze=False).ravel())
    for axes, name in zip(below, drawn, strict=False):
        note = figure_note(name)
        axes.plot(curve["steps"], curve[name], color=SERIES[0], linewidth=1.8)
        axes.margins(x=0.02, y=0.12)
        tidy(axes, grid="y")
        title(axes, fill(note.label, 24))
        axes.yaxis.set_major_locator(MaxNLocator(4))
        if note.percent:
            axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    for axes in below[len(drawn) :]:
        axes.set_axis_off()
    for axes in (top, *below):
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.xaxis.set_major_locator(MaxNLocator(6 if axes is top else 3))
    top.set_xlabel("environment steps of all agents")
    return figure


def _returns(axes: Axes, curve: pd.DataFrame, references: Mapping[str, float]) -> None:
    steps, validation = curve["steps"], curve["validation_return"]
    axes.fill_between(
        steps, curve["validation_ci_low"], curve["validation_ci_high"], color=ACCENT, alpha=0.18, linewidth=0
    )
    axes.plot(steps, validation, color=ACCENT, linewidth=2.2, marker="o", markersize=3.5)
    lines = {"validation users, greedy": (validation, ACCENT)}
    if IN_TRAINING in curve:
        axes.plot(steps, curve[IN_TRAINING], color=OTHER, linewidth=1.6, zorder=1.9)
        lines = {"training users, sampled": (curve[IN_TRAINING], OTHER), **lines}
    ends = [
        (name, float(values.dropna().iloc[-1]), colour)
        for name, (values, colour) in lines.items()
        if values.notna().any()
    ]
    for name, value in references.items():
        axes.axhline(value, color=MUTED, linewidth=1.1, linestyle=(0, (4, 3)))
        ends.append((name, value, MUTED))
    _mark_best(axes, curve)
    axes.margins(x=0.02, y=0.1)
    low, high = axes.get_ylim()
    for (name, _, colour), place in zip(
        ends, apart([value for _, value, _ in ends], (high - low) * 0.075), strict=True
    ):
        beside(axes, place, name, color=colour)
    tidy(axes, grid="y")
    title(axes, "Return of a session")


def _mark_best(axes: Axes, curve: pd.DataFrame) -> None:
    judged = curve[(curve["version"] > 0) & curve["validation_return"].notna()]
    if judged.empty:
        return
    best = judged.iloc[int(judged["validation_return"].argmax())]
    where = (best["steps"], best["validation_return"])
    axes.plot(*where, "o", markersize=11, color="none", markeredgecolor=ACCENT, markeredgewidth=1.8)
    axes.annotate(
        f"kept: {best['validation_return']:.2f}",
        where,
        xytext=(-8, -14),
        textcoords="offset points",
        ha="right",
        va="top",
        fontsize=9,
        color=ACCENT,
        fontweight="bold",
    )
