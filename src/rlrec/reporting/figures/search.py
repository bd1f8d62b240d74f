"""Figures of a search over settings: how it went on, what mattered, where the good trials lie, and who won."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from rlrec.evaluation.results import Interval
from rlrec.reporting.figures.style import ACCENT, INK, MUTED, OTHER, PAPER, SERIES, WIDTH, new_figure, tidy, title

_COMPLETED = "completed"


def history_figure(trials: pd.DataFrame) -> Figure:
    """What each trial was worth, in the order of their numbers, and the best up to there; pruned ones are hollow.

    Args:
        trials: `trials.csv`.
    """
    figure = new_figure(WIDTH, 3.4)
    axes = figure.subplots()
    valued = trials.dropna(subset=["value"])
    done, cut = valued[valued["state"] == _COMPLETED], valued[valued["state"] != _COMPLETED]
    axes.plot(done["trial"], done["value"], "o", color=SERIES[0], markersize=5, label="completed")
    if len(cut):
        axes.plot(
            cut["trial"], cut["value"], "o", markerfacecolor=PAPER, markeredgecolor=OTHER, markersize=5, label="pruned"
        )
    axes.step(done["trial"], done["value"].cummax(), where="post", color=ACCENT, linewidth=1.8, label="best so far")
    failed = trials[trials["value"].isna()]["trial"]
    if len(failed):  # at the lower edge, since they have no value
        places = axes.get_xaxis_transform()
        axes.plot(failed, [0.02] * len(failed), "x", color=MUTED, markersize=5, transform=places, label="failed")
    axes.set_xlabel("trial")
    axes.legend(frameon=False, fontsize=9, labelcolor=INK)
    tidy(axes)
    title(axes, "What trials were worth to those who judge checkpoints")
    return figure


def importances_figure(importances: Mapping[str, float]) -> Figure:
    """A bar for each setting, the most important on top."""
    figure = new_figure(WIDTH, 0.9 + 0.3 * max(len(importances), 1))
    axes = figure.subplots()
    names = list(importances)[::-1]
    axes.barh(names, [importances[name] for name in names], color=SERIES[0], height=0.6)
    tidy(axes, grid="x")
    axes.tick_params(axis="y", colors=INK)
    title(axes, "What being among the best tenth had to do with")
    return figure


def parallel_figure(trials: pd.DataFrame, names: Sequence[str], logarithmic: Sequence[str] = ()) -> Figure:
    """Parallel coordinates: a line for each completed trial through its settings, the best in colour and in front.

    Args:
        trials: `trials.csv`.
        names: columns of settings, an axis each.
        logarithmic: those of them that are spread over orders of magnitude.
    """
    figure = new_figure(WIDTH * 1.15, 4.2)
    axes = figure.subplots()
    done = trials[trials["state"] == _COMPLETED].sort_values("value")
    scaled = np.column_stack(
        [_scaled(axes, place, done[name], name in logarithmic) for place, name in enumerate([*names, "value"])]
    )
    best = len(done) - max(1, len(done) // 10)
    for rank, line in enumerate(scaled):
        colour, width = (ACCENT, 1.8) if rank >= best else (OTHER, 0.7)
        axes.plot(range(len(line)), line, color=colour, linewidth=width, alpha=1 if rank >= best else 0.45)
    axes.set_xticks(range(len(names) + 1), [name.replace("_", "\n") for name in [*names, "value"]])
    axes.set_yticks([])
    axes.set_ylim(-0.08, 1.08)
    tidy(axes, grid="x")
    axes.tick_params(axis="x", colors=INK, labelsize=8.5)
    title(axes, "Settings of completed trials, the best tenth in colour")
    return figure


def finalists_figure(ahead: Mapping[str, Interval], winner: str) -> Figure:
    """Forest plot of what finalists earn more than the settings that were there before."""
    figure = new_figure(WIDTH, 1.0 + 0.4 * len(ahead))
    axes = figure.subplots()
    order = list(ahead)[::-1]
    for place, name in enumerate(order):
        found = ahead[name]
        colour = ACCENT if name == winner else OTHER
        axes.plot((found.ci_low, found.ci_high), (place, place), color=colour, linewidth=2.4, solid_capstyle="round")
        axes.plot(found.mean, place, "o", color=colour, markersize=7)
    axes.axvline(0, color=MUTED, linewidth=1, linestyle=(0, (2, 3)))
    axes.set_yticks(range(len(ahead)), order)
    axes.set_ylim(-0.6, len(ahead) - 0.4)
    tidy(axes, grid="x")
    axes.tick_params(axis="y", colors=INK)
    title(axes, "Finalists less the default, by those who judge finalists")
    return figure


def _scaled(axes: Axes, place: int, column: pd.Series, logarithmic: bool) -> NDArray[np.float64]:
    """Values from 0 to 1 along an axis, with the ends or the choices written beside it."""
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column) and column.notna().all():
        values = column.to_numpy(np.float64)
        for at, end in ((0.0, values.min()), (1.0, values.max())):
            _mark(axes, place, at, f"{end:.4g}")
        if logarithmic:
            values = np.log(values)
        spread = float(np.ptp(values))
        scaled: NDArray[np.float64] = (values - values.min()) / spread if spread else np.full(len(values), 0.5)
        return scaled
    texts = column.map(lambda value: "null" if pd.isna(value) else str(value))
    kinds = sorted(texts.unique())
    places = {kind: (n + 0.5) / len(kinds) for n, kind in enumerate(kinds)}
    for kind, at in places.items():
        _mark(axes, place, at, kind)
    return texts.map(places).to_numpy(np.float64)


def _mark(axes: Axes, place: int, at: float, text: str) -> None:
    axes.annotate(text, (place, at), xytext=(3, 2), textcoords="offset points", fontsize=7.5, color=MUTED)
