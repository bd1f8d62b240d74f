"""Movies that a data set has under several ids are one to a person: ml-100k has 18 titles twice.

They are told apart everywhere else: each has ratings and a vector of its own.
"""

import numpy as np
from numpy.typing import NDArray

from rlrec.worlds.dynamics import Floats

Numbers = NDArray[np.integer]
Mask = NDArray[np.bool_]


def without_twins(available: Mask, same: Numbers) -> Mask:
    """Which movies may be shown to somebody who is to see no movie again under another id.

    Args:
        available: `(N,)`, ids that may be shown.
        same: `(N,)`, a number that movies of one title share.

    >>> without_twins(np.array([True, False, True]), np.array([0, 0, 1])).tolist()
    [False, False, True]
    """
    return available & ~np.isin(same, same[~available])


def best_twins(scores: Floats, available: Mask, same: Numbers) -> Mask:
    """Of every movie that may be shown the id with the highest score; of equal ones the first.

    Args:
        scores: `(N,)`.
        available: `(N,)`.
        same: `(N,)`, see `without_twins`.

    >>> best_twins(np.array([0.1, 0.5, 0.2]), np.ones(3, np.bool_), np.array([0, 0, 1])).tolist()
    [False, True, True]
    """
    movies = np.flatnonzero(available)
    ranked = movies[np.argsort(-scores[movies], kind="stable")]
    best = np.zeros_like(available)
    best[ranked[np.unique(same[ranked], return_index=True)[1]]] = True
    return best
