"""What a list is worth: discounted cumulative gain, and its share of what was possible."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def dcg(ratings: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Discounted cumulative gain of `(..., K)` ratings in slate order, `Σ r_k / log2(k + 1)`: `(...,)` float64."""
    discounts = 1 / np.log2(np.arange(2, ratings.shape[-1] + 2))
    gains: NDArray[np.float64] = ratings @ discounts
    return gains


def ndcg(gains: NDArray[np.floating[Any]], ideal: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Normalised discounted cumulative gain, `DCG(gains) / DCG(ideal)` (Järvelin & Kekäläinen 2002).

    The only one there is: what the ideal list is, whoever measures says. NaN where the ideal is worth nothing.

    Args:
        gains: `(..., K)` gains of a list, in its order.
        ideal: `(..., K)` those of the best list there could have been, in descending order; or `(K,)`, one for all.

    Returns:
        `(...,)` float64.

    >>> ndcg(np.array([[3.0, 5.0], [0.0, 0.0]]), np.array([[5.0, 3.0], [0.0, 0.0]])).round(4)
    array([0.8929,    nan])
    """
    found, possible = np.broadcast_arrays(dcg(gains), dcg(ideal))
    share = np.full(found.shape, np.nan)
    np.divide(found, possible, out=share, where=possible > 0)
    return share
