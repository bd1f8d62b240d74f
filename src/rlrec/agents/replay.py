"""A replay buffer that is carried: what was played is shared by all the buffers that hold it, and never changed.

A buffer is a tuple of chunks, each what one step played. Adding gives a new tuple: the old one is as it was, so that a
carry that is used twice gives the same twice, and nothing is copied but references.

Rows are drawn uniformly (Mnih et al. 2015, *Nature* 518), or by priority (Schaul et al. 2016, arXiv 1511.05952). There
the sum tree is left out, since it would have to be changed in place: a running sum over all rows is taken instead.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

_LEAST_PRIORITY = 1e-6
"""Added to errors: ε of section 3.3, so that no row is lost for good."""


class Replay(NamedTuple):
    """What was played, oldest first; `Replay()` is empty."""

    chunks: tuple[Any, ...] = ()
    """Named tuples of arrays, all of them with rows first: `(rows, …)`."""
    priorities: tuple[NDArray[np.float64], ...] = ()
    """`(rows,)` of each chunk, above 0; read where rows are drawn by priority only."""


class Drawn(NamedTuple):
    """Rows that were drawn, with replacement."""

    rows: Any
    """A named tuple like the chunks', of NumPy arrays `(size, …)`."""
    places: NDArray[np.int64]
    """`(size,)`, where in the buffer they stand: for `prioritised`."""
    weights: NDArray[np.float32]
    """`(size,)`, by which their losses are to be weighted; the largest is 1."""


def rows_of(replay: Replay) -> int:
    """How many rows there are."""
    return sum(map(len, replay.priorities))


def added(replay: Replay, chunk: Any, capacity: int) -> Replay:
    """The buffer with a chunk more, and without the oldest chunks if there are more than `capacity` rows.

    Whole chunks go; the newest stays, however large. New rows have the highest priority that there is.

    Args:
        replay: the buffer, which stays as it is.
        chunk: a named tuple of arrays, or of eager tensors, `(rows, …)`; it must not be changed afterwards.
        capacity: in rows.
    """
    chunk = type(chunk)(*(np.asarray(part) for part in chunk))
    highest = max((float(of_chunk.max()) for of_chunk in replay.priorities if of_chunk.size), default=1.0)
    chunks = (*replay.chunks, chunk)
    priorities = (*replay.priorities, np.full(len(chunk[0]), highest))
    first, rows = 0, sum(map(len, priorities))
    while rows > capacity and first < len(chunks) - 1:
        rows -= len(priorities[first])
        first += 1
    return Replay(chunks[first:], priorities[first:])


def drawn(replay: Replay, size: int, seed: ArrayLike, *, exponent: float = 0.0, correction: float = 0.0) -> Drawn:
    """Rows drawn with replacement; draws depend on `seed` alone.

    Args:
        replay: a buffer with a row or more.
        size: how many.
        seed: whole numbers from 0, of any number.
        exponent: α: rows are drawn with chances that go with priority^α; 0 is uniform.
        correction: β: weights are (rows · chance)^−β, over the largest of those drawn: 1 makes up for the chances.
    """
    rng, total = np.random.default_rng(seed), rows_of(replay)  # type: ignore[arg-type]
    if exponent == 0:
        places = rng.integers(total, size=size)
        return Drawn(_gathered(replay, places), places, np.ones(size, np.float32))
    mass = np.concatenate(replay.priorities) ** exponent
    running = np.cumsum(mass)
    # A draw in each of `size` equal parts of the sum (appendix B.2.1), so that a batch is as the chances are.
    targets = (np.arange(size) + rng.random(size)) * (running[-1] / size)
    places = np.minimum(np.searchsorted(running, targets, side="right"), total - 1)
    weights = (total * mass[places] / running[-1]) ** -correction
    return Drawn(_gathered(replay, places), places, (weights / weights.max()).astype(np.float32))


def prioritised(replay: Replay, places: NDArray[np.int64], errors: ArrayLike) -> Replay:
    """The buffer with the priorities of some rows as |error|: proportional prioritisation, section 3.3.

    Args:
        replay: the buffer, which stays as it is; chunks are shared, priorities of chunks with such rows are copied.
        places: `(size,)`, as `drawn` gave them; of a row that was drawn twice the last error counts.
        errors: `(size,)`, temporal-difference errors of any sign.
    """
    found = np.abs(np.asarray(errors, np.float64)) + _LEAST_PRIORITY
    of_chunk, row = _located(replay, places)
    priorities = list(replay.priorities)
    for number in np.unique(of_chunk).tolist():
        here = of_chunk == number
        priorities[number] = priorities[number].copy()
        priorities[number][row[here]] = found[here]
    return Replay(replay.chunks, tuple(priorities))


def _located(replay: Replay, places: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The chunks, and the rows of these, that stand at the places."""
    ends = np.cumsum([len(of_chunk) for of_chunk in replay.priorities])
    of_chunk = np.searchsorted(ends, places, side="right")
    return of_chunk, places - np.concatenate([[0], ends])[of_chunk]


def _gathered(replay: Replay, places: NDArray[np.int64]) -> Any:
    of_chunk, row = _located(replay, places)
    kind, parts = type(replay.chunks[0]), replay.chunks[0]
    gathered = kind(*(np.empty((len(places), *part.shape[1:]), part.dtype) for part in parts))
    for number in np.unique(of_chunk).tolist():
        here = np.flatnonzero(of_chunk == number)
        for whole, part in zip(gathered, replay.chunks[number], strict=True):
            whole[here] = part[row[here]]
    return gathered
