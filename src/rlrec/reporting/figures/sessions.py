"""A session as a figure: how a user's taste moved, and by what."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rlrec.evaluation.results import Session, Step
from rlrec.metrics.stars import CLICK_THRESHOLD
from rlrec.reporting.figures.style import (
    INK,
    MUTED,
    OTHER,
    PAPER,
    SERIES,
    WIDTH,
    apart,
    beside,
    new_figure,
    tidy,
    title,
)


def drift_figure(session: Session, threshold: float | None = None) -> Figure:
    """How a user's taste moved in one session: affinities, the genres of what was shown, and what it was rated.

    Args:
        session: told step by step.
        threshold: lowest rating that moves the taste, if it shall be drawn.
    """
    steps, genres = session.steps, session.genres
    colours = dict(zip(genres, SERIES, strict=False))
    figure = new_figure(WIDTH, 4.4 + 0.2 * len(genres))
    top, middle, bottom = figure.subplots(3, 1, sharex=True, height_ratios=(2.2, 0.13 + 0.2 * len(genres), 1))
    times = np.arange(len(steps) + 1)
    tracks = {g: [s.affinities_before[g] for s in steps] + [steps[-1].affinities_after[g]] for g in genres}
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
    ratings = [(s.step, movie.rating) for s in steps for movie in s.movies]
    x, y = np.array(ratings, dtype=np.float64).T
    clicked = y > CLICK_THRESHOLD
    bottom.scatter(x[clicked], y[clicked], s=20, color=INK, linewidths=1)
    bottom.scatter(x[~clicked], y[~clicked], s=20, facecolors=PAPER, edgecolors=INK, linewidths=1)
    if threshold is not None:
        bottom.axhline(threshold, color=MUTED, linewidth=1.1, linestyle=(0, (4, 3)))
        beside(bottom, threshold, "moves the taste")
    bottom.set(ylim=(0.7, 5.3), yticks=range(1, 6), xlabel="recommendation")
    tidy(bottom, grid="y")
    title(bottom, "Rating (filled: a click)")
    return figure


def _genres_shown(axes: Axes, steps: Sequence[Step], genres: Sequence[str], colours: Mapping[str, str]) -> None:
    for place, genre in enumerate(genres):
        shown = [(s.step, sum(genre in movie.genres for movie in s.movies) / len(s.movies)) for s in steps]
        x = [step for step, share in shown if share]
        size = [6 + 30 * share for _, share in shown if share]
        axes.scatter(x, [place] * len(x), s=size, marker="s", color=colours.get(genre, OTHER), linewidths=0)
    axes.set_yticks(range(len(genres)), genres)
    axes.set_ylim(len(genres) - 0.4, -0.6)
    tidy(axes, grid="y")
    title(axes, "Genres of what was shown")
