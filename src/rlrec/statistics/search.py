"""Search on a grid of settings, for whatever is scored."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

Settings = Mapping[str, Any]
Grid = Mapping[str, Sequence[Any]]
"""Values of each setting that is searched, ascending."""


def climb(start: Settings, grid: Grid, score: Callable[[dict[str, Any]], float]) -> list[tuple[dict[str, Any], float]]:
    """Goes up a grid from a start, one setting after another and a step to either side, until nothing is higher.

    Args:
        start: on the grid; settings that are not searched stay as they are.
        grid: what is searched.
        score: the higher, the better; asked once for the same settings.

    Returns:
        All that was tried with its score, in that order; `best_of` says where it ended.

    >>> best_of(climb({"x": 0, "y": 5}, {"x": range(10)}, lambda s: -abs(s["x"] - 3)))
    {'x': 3, 'y': 5}
    """
    tried: list[tuple[dict[str, Any], float]] = []
    scores: dict[tuple[int, ...], float] = {}

    def scored(settings: dict[str, Any]) -> float:
        place = tuple(grid[name].index(settings[name]) for name in grid)
        if place not in scores:
            scores[place] = score(settings)
            tried.append((settings, scores[place]))
        return scores[place]

    best, last = dict(start), None
    scored(best)
    while last != best:
        last = best
        for name, values in grid.items():
            turned = None
            while turned != best:
                turned = best
                for neighbour in _neighbours(best, name, values):
                    if scored(neighbour) > scored(best):
                        best = neighbour
    return tried


def best_of(tried: Sequence[tuple[dict[str, Any], float]]) -> dict[str, Any]:
    """The settings of the highest score; of equal ones those that were tried first."""
    return max(tried, key=lambda one: one[1])[0]


def edges(settings: Settings, grid: Grid, natural: Settings) -> list[str]:
    """Settings that lie at an end of what was tried, of those with more than two values.

    Args:
        settings: on the grid.
        grid: what was tried.
        natural: by setting, the least value that it can have, which is no edge.
    """
    ends = {name: {values[0], values[-1]} - {natural.get(name)} for name, values in grid.items() if len(values) > 2}
    return [name for name, values in ends.items() if settings[name] in values]


def _neighbours(settings: dict[str, Any], name: str, values: Sequence[Any]) -> Iterator[dict[str, Any]]:
    place = values.index(settings[name])
    for step in (-1, 1):
        if 0 <= place + step < len(values):
            yield settings | {name: values[place + step]}
