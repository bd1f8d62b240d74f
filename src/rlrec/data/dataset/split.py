"""What is known of a user and what is still to come: each user's ratings divided by time."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rlrec.data.dataset.tables import Columns

_ROUNDING = 1e-9


def future_rows(ratings: pd.DataFrame, users: NDArray[np.int64], share: float) -> NDArray[np.bool_]:
    """Marks the last ratings of some users, which nothing may learn from.

    Of the n ratings of one of the users the first `floor(share * n)` by time, at least one, are history and the rest
    future; ratings of the same second count in the table's order.

    Args:
        ratings: The ratings table, `n` rows; its columns `user` and `timestamp` are read.
        users: Users to divide, as numbered in the table. No rating of another user is marked.
        share: Of a user's ratings that are history, from 0 to 1.

    Returns:
        `(n,)`, True for future rows.

    >>> table = pd.DataFrame({"user": [1, 1, 1, 0, 0], "timestamp": [30, 10, 20, 9, 8]})
    >>> future_rows(table, np.array([1]), 0.7).tolist()
    [True, False, False, False, False]
    """
    by_row = ratings[Columns.USER].to_numpy(dtype=np.int64)
    times = ratings[Columns.TIMESTAMP].to_numpy(dtype=np.int64)
    rows = np.flatnonzero(np.isin(by_row, users))
    rows = rows[np.lexsort((times[rows], by_row[rows]))]  # stable: of equal times the earlier row comes first
    _, first, counts = np.unique(by_row[rows], return_index=True, return_counts=True)
    # 0.57 * 100 is 56.99… in floating point, and its floor is meant to be 57.
    history = np.maximum(np.floor(share * counts + _ROUNDING).astype(np.int64), 1)
    place = np.arange(len(rows)) - np.repeat(first, counts)
    future = np.zeros(len(ratings), np.bool_)
    future[rows[place >= np.repeat(history, counts)]] = True
    return future
