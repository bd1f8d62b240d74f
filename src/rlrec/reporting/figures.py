"""The report's figures: plain functions from what other stages wrote to a matplotlib figure.

Colours can be told apart by the colour-blind, and A3C has the same one everywhere. `save` writes a figure.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator, PercentFormatter

from rlrec.reporting.comparison import comparison_figure
from rlrec.reporting.style import (
    ACCENT,
    INK,
    MUTED,
    OTHER,
    PAPER,
    SERIES,
    apart,
    beside,
    new_figure,
    save,
    tidy,
    title,
)
from rlrec.reporting.words import policy_note

__all__ = ["comparison_figure", "drift_figure", "fidelity_figure", "learning_curve", "save"]

_CLICK = 3.5
_WIDTH = 9.0


def fidelity_figure(fidelity: Mapping[str, Any]) -> Figure:
    """Calibration on held-out ratings, and how ratings are distributed.

    Args:
        fidelity: `fidelity.json`.
    """
    figure = new_figure(_WIDTH, 3.7)
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.25))
    _calibration(left, fidelity["calibration"])
    _distributions(right, fidelity["distribution"])
    return figure


def learning_curve(curve: pd.DataFrame, references: Mapping[str, float] | None = None) -> Figure:
    """Return over training, and below it what explains it: CTR, entropy and the critic's loss.

    The band is the validation return's interval over users.

    Args:
        curve: `training.csv`.
        references: returns to draw as lines, by name.
    """
    figure = new_figure(_WIDTH, 5.6)
    # Apart, so that the names beside the upper lines do not narrow the lower panels.
    parts: Any = figure.subfigures(2, 1, height_ratios=(1.7, 1))
    upper, lower = parts
    top: Axes = upper.subplots()
    below: list[Axes] = list(lower.subplots(1, 3))
    steps = curve["steps"]
    top.plot(steps, curve["mean_return"], color=OTHER, linewidth=1.6)
    top.fill_between(
        steps, curve["validation_ci_low"], curve["validation_ci_high"], color=ACCENT, alpha=0.18, linewidth=0
    )
    top.plot(steps, curve["validation_return"], color=ACCENT, linewidth=2.2, marker="o", markersize=3.5)
    drawn = {
        "training users, sampled": (curve["mean_return"], OTHER),
        "validation users, greedy": (curve["validation_return"], ACCENT),
    }
    ends = [
        (name, float(values.dropna().iloc[-1]), colour)
        for name, (values, colour) in drawn.items()
        if values.notna().any()
    ]
    for name, value in (references or {}).items():
        top.axhline(value, color=MUTED, linewidth=1.1, linestyle=(0, (4, 3)))
        ends.append((policy_note(name).label, value, MUTED))
    judged = curve[(curve["version"] > 0) & curve["validation_return"].notna()]
    if not judged.empty:
        best = judged.iloc[int(judged["validation_return"].argmax())]
        top.plot(
            best["steps"],
            best["validation_return"],
            "o",
            markersize=11,
            color="none",
            markeredgecolor=ACCENT,
            markeredgewidth=1.8,
        )
        top.annotate(
            f"kept: {best['validation_return']:.2f}",
            (best["steps"], best["validation_return"]),
            xytext=(-8, -14),
            textcoords="offset points",
            ha="right",
            va="top",
            fontsize=9,
            color=ACCENT,
            fontweight="bold",
        )
    top.margins(x=0.02, y=0.1)
    low, high = top.get_ylim()
    for (name, _, colour), place in zip(
        ends, apart([value for _, value, _ in ends], (high - low) * 0.075), strict=True
    ):
        beside(top, place, name, color=colour)
    tidy(top, grid="y")
    title(top, "Return of a session")
    panels = {"ctr": "CTR in training", "entropy": "Entropy of the policy, nats", "value_loss": "Loss of the critic"}
    for axes, (column, heading) in zip(below, panels.items(), strict=True):
        axes.plot(steps, curve[column], color=SERIES[0], linewidth=1.8)
        axes.margins(x=0.02, y=0.12)
        tidy(axes, grid="y")
        title(axes, heading)
        axes.yaxis.set_major_locator(MaxNLocator(4))
    below[0].yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    for axes in (top, *below):
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.xaxis.set_major_locator(MaxNLocator(6 if axes is top else 3))
    top.set_xlabel("environment steps of all agents")
    return figure


def drift_figure(session: Mapping[str, Any], threshold: float | None = None) -> Figure:
    """How a user's taste moved in one session: affinities, the genres of what was shown, and what it was rated.

    Args:
        session: one of `sessions.json`.
        threshold: lowest rating that moves the taste, if it shall be drawn.
    """
    steps, genres = session["steps"], session["genres"]
    colours = dict(zip(genres, SERIES, strict=False))
    figure = new_figure(_WIDTH, 4.4 + 0.2 * len(genres))
    top, middle, bottom = figure.subplots(3, 1, sharex=True, height_ratios=(2.2, 0.13 + 0.2 * len(genres), 1))
    times = np.arange(len(steps) + 1)
    tracks = {g: [s["affinities_before"][g] for s in steps] + [steps[-1]["affinities_after"][g]] for g in genres}
    for genre, track in tracks.items():
        top.plot(times, track, color=colours.get(genre, OTHER), linewidth=2, drawstyle="steps-post")
    top.set_xlim(-0.6, times[-1] + 0.6)
    top.margins(y=0.12)
    top.axhline(0, color=MUTED, linewidth=0.8)
    low, high = top.get_ylim()
    places = apart([track[-1] for track in tracks.values()], (high - low) * 0.085)
    for genre, place in zip(genres, places, strict=True):
        beside(top, place, genre, color=colours.get(genre, OTHER), fontweight="bold")
    tidy(top, grid="y")
    title(top, "Affinity to the genres that moved most")
    _genres_shown(middle, steps, genres, colours)
    ratings = [(s["step"], movie["rating"]) for s in steps for movie in s["movies"]]
    x, y = np.array(ratings, dtype=np.float64).T
    clicked = y > _CLICK
    bottom.scatter(x[clicked], y[clicked], s=20, color=INK, linewidths=1)
    bottom.scatter(x[~clicked], y[~clicked], s=20, facecolors=PAPER, edgecolors=INK, linewidths=1)
    if threshold is not None:
        bottom.axhline(threshold, color=MUTED, linewidth=1.1, linestyle=(0, (4, 3)))
        beside(bottom, threshold, "moves the taste")
    bottom.set(ylim=(0.7, 5.3), yticks=range(1, 6), xlabel="recommendation")
    tidy(bottom, grid="y")
    title(bottom, "Rating (filled: a click)")
    return figure


def _calibration(axes: Axes, bins: list[dict[str, Any]]) -> None:
    predicted = np.array([b["predicted"] for b in bins])
    real = np.array([b["real"] for b in bins])
    count = np.array([b["count"] for b in bins], dtype=np.float64)
    axes.plot((1, 5), (1, 5), color=MUTED, linewidth=1.1, linestyle=(0, (4, 3)))
    axes.plot(predicted, real, color=SERIES[0], linewidth=1.4)
    for one in bins:
        if one["real_ci"]:
            axes.plot((one["predicted"], one["predicted"]), one["real_ci"], color=SERIES[0], linewidth=1.2)
    axes.scatter(
        predicted, real, s=12 + 170 * count / count.max(), color=SERIES[0], edgecolors=PAPER, linewidths=0.8, zorder=3
    )
    note = "dashed: perfect\narea: how many ratings\nbars: intervals"
    axes.text(5.1, 0.95, note, ha="right", va="bottom", fontsize=9, color=MUTED)
    axes.set(xlim=(0.8, 5.2), ylim=(0.8, 5.2), xticks=range(1, 6), yticks=range(1, 6))
    axes.set(xlabel="predicted, stars", ylabel="mean real rating, stars")
    tidy(axes)
    title(axes, "Held-out ratings by prediction")


def _distributions(axes: Axes, distribution: Mapping[str, Any]) -> None:
    stars = np.asarray(distribution["stars"], dtype=np.float64)
    kinds = {
        "real": ("real ratings", INK),
        "simulated": ("the world, same pairs", SERIES[0]),
        "random_pairs": ("the world, random pairs", SERIES[1]),
    }
    for place, (kind, (label, colour)) in enumerate(kinds.items()):
        shares = distribution[kind]["shares"]
        axes.bar(stars + (place - 1) * 0.27, shares, width=0.25, color=colour, label=label)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    axes.set(xticks=stars, xlabel="stars, rounded")
    tidy(axes, grid="y")
    axes.legend(frameon=False, fontsize=9, labelcolor=INK, loc="upper left", borderaxespad=0)
    title(axes, "How ratings are distributed")


def _genres_shown(axes: Axes, steps: list[dict[str, Any]], genres: list[str], colours: Mapping[str, str]) -> None:
    for place, genre in enumerate(genres):
        shown = [(s["step"], sum(genre in movie["genres"] for movie in s["movies"]) / len(s["movies"])) for s in steps]
        x = [step for step, share in shown if share]
        size = [6 + 30 * share for _, share in shown if share]
        axes.scatter(x, [place] * len(x), s=size, marker="s", color=colours.get(genre, OTHER), linewidths=0)
    axes.set_yticks(range(len(genres)), genres)
    axes.set_ylim(len(genres) - 0.4, -0.6)
    tidy(axes, grid="y")
    title(axes, "Genres of what was shown")
