"""Memory for baselines with a matrix of movies by movies, so that a catalogue too large for them is told of in time.

It names baselines but imports none: a stage that asks is not to be run again because a baseline has changed.
"""

from collections.abc import Collection, Mapping
from typing import Literal

from rlrec.errors import ConfigError

Matrices = Literal["item_knn", "ease", "ease_recency", "ease_negatives", "rp3beta", "markov"]
"""Baselines with such a matrix."""
BYTES: Mapping[Matrices, tuple[int, int]] = {
    "item_knn": (4, 42),
    "ease": (4, 33),
    "ease_recency": (4, 33),
    "ease_negatives": (8, 33),
    "rp3beta": (4, 25),
    "markov": (4, 29),
}
"""Bytes per movie squared that each keeps, and that it needs at most while it is made. A test measures them."""
COMPARED: tuple[tuple[Matrices, ...], ...] = (
    ("item_knn", "ease"),
    ("item_knn", "ease", "ease_recency", "rp3beta", "markov"),
    ("item_knn", "ease", "ease_negatives"),
)
"""Those that are made together: in the simulator, on real ratings, from a cold start."""
_GIB = 2**30


def needed_bytes(n_movies: int, leave_out: Collection[str] = ()) -> int:
    """Memory for the comparison that needs most: for all that is kept, and for the largest while it is made."""
    return n_movies**2 * max(_per_pair([name for name in names if name not in leave_out]) for names in COMPARED)


def check_memory(n_movies: int, leave_out: Collection[str], available: int) -> None:
    """Refuses to begin what would end, after the training, for want of memory.

    Args:
        n_movies: N.
        leave_out: baselines that are not compared (`evaluate.leave_out`).
        available: bytes.

    Raises:
        ConfigError: says how much is needed for which baselines, and what to set.
    """
    needed = needed_bytes(n_movies, leave_out)
    if needed <= available:
        return
    heavy = [name for name in BYTES if name not in leave_out]
    raise ConfigError(
        f"with {n_movies:,} movies the matrices of {', '.join(heavy)} need about {needed / _GIB:,.0f} GiB, "
        f"but {available / _GIB:,.1f} GiB are free\n"
        f"Set evaluate.leave_out: [{', '.join(BYTES)}] to compare without them"
    )


def _per_pair(names: Collection[Matrices]) -> int:
    kept = sum(BYTES[name][0] for name in names)
    return max((kept - BYTES[name][0] + BYTES[name][1] for name in names), default=0)
