"""The world's fidelity as a figure."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from rlrec.reporting.figures.style import INK, MUTED, PAPER, SERIES, WIDTH, new_figure, tidy, title
from rlrec.worlds.fidelity import CalibrationBin, Distributions, Fidelity

_MOST_TICKS = 10


def fidelity_figure(fidelity: Fidelity) -> Figure:
    """Calibration on held-out ratings, and how ratings are distributed."""
    figure = new_figure(WIDTH, 3.7)
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.25))
    _calibration(left, fidelity.calibration)
    _distributions(right, fidelity.distribution)
    return figure


def _calibration(axes: Axes, bins: Sequence[CalibrationBin]) -> None:
    predicted = np.array([b.predicted for b in bins])
    real = np.array([b.real for b in bins])
    count = np.array([b.count for b in bins], dtype=np.float64)
    axes.plot((1, 5), (1, 5), color=MUTED, linewidth=1.1, linestyle=(0, (4, 3)))
    axes.plot(predicted, real, color=SERIES[0], linewidth=1.4)
    for one in bins:
        if one.real_ci:
            axes.plot((one.predicted, one.predicted), one.real_ci, color=SERIES[0], linewidth=1.2)
    axes.scatter(
        predicted, real, s=12 + 170 * count / count.max(), color=SERIES[0], edgecolors=PAPER, linewidths=0.8, zorder=3
    )
    note = "dashed: perfect\narea: how many ratings\nbars: intervals"
    axes.text(5.1, 0.95, note, ha="right", va="bottom", fontsize=9, color=MUTED)
    axes.set(xlim=(0.8, 5.2), ylim=(0.8, 5.2), xticks=range(1, 6), yticks=range(1, 6))
    axes.set(xlabel="predicted, stars", ylabel="mean real rating, stars")
    tidy(axes)
    title(axes, "Held-out ratings by prediction")


def _distributions(axes: Axes, distribution: Distributions) -> None:
    stars = np.asarray(distribution.stars)
    step = stars[1] - stars[0]
    kinds = (
        (distribution.real, "real ratings", INK),
        (distribution.simulated, "the world, same pairs", SERIES[0]),
        (distribution.scattered, "the same with noise", SERIES[2]),
        (distribution.random_pairs, "the world, random pairs", SERIES[1]),
    )
    for place, (found, label, colour) in enumerate(kinds):
        offset = (place - 1.5) * 0.21 * step
        axes.bar(stars + offset, found.shares, width=0.19 * step, color=colour, label=label)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    rounded = "stars" if step == 1 else f"steps of {step:.2g} stars"
    axes.set(xticks=stars if len(stars) <= _MOST_TICKS else range(1, 6), xlabel=f"rounded to {rounded}")
    tidy(axes, grid="y")
    axes.legend(frameon=False, fontsize=9, labelcolor=INK, loc="upper left", borderaxespad=0)
    title(axes, "How ratings are distributed")
