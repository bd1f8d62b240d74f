"""What is known and what is still to come: each user's ratings divided by time, or everybody's at one moment."""

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rlrec.data.dataset.order import known_of, time_order
from rlrec.data.dataset.tables import Columns, Tables
from rlrec.errors import DataError
from rlrec.settings.sections import Split


def future_rows(ratings: pd.DataFrame, users: NDArray[np.int64], share: float) -> NDArray[np.bool_]:
    """Marks the last ratings of some users, which nothing may learn from.

    Of the n ratings of one of the users the first `floor(share * n)` by time, at least one, are history and the rest
    future; ratings of the same second count in an order of their own, see `rlrec.data.dataset.order`.

    Args:
        ratings: The ratings table, `n` rows; its columns `user`, `timestamp` and the original ids are read.
        users: Users to divide, as numbered in the table. No rating of another user is marked.
        share: Of a user's ratings that are history, from 0 to 1.

    Returns:
        `(n,)`, True for future rows.

    >>> table = pd.DataFrame({"user": [1, 1, 1, 0, 0], "timestamp": [30, 10, 20, 9, 8]})
    >>> table = table.assign(original_user=table["user"], original_movie=[1, 2, 3, 1, 2])
    >>> future_rows(table, np.array([1]), 0.7).tolist()
    [True, False, False, False, False]
    """
    by_row = ratings[Columns.USER].to_numpy(dtype=np.int64)
    rows = np.flatnonzero(np.isin(by_row, users))
    rows = rows[in_order(ratings.iloc[rows])]
    _, first, counts = np.unique(by_row[rows], return_index=True, return_counts=True)
    history = known_of(counts.astype(np.int64), share)
    place = np.arange(len(rows)) - np.repeat(first, counts)
    future = np.zeros(len(ratings), np.bool_)
    future[rows[place >= np.repeat(history, counts)]] = True
    return future


def after_cut(ratings: pd.DataFrame, share: float) -> NDArray[np.bool_]:
    """Marks the ratings that come after a moment, the same for everybody: a global split by time.

    Before it is the share of all ratings, or a little less, since all of one second are on one side.

    Args:
        ratings: the ratings table, `n` rows; its column `timestamp` is read.
        share: of ratings that are before, above 0 and below 1.

    Returns:
        `(n,)`, True for later rows.

    Raises:
        DataError: the times are no help: nothing is before, as where there are none.

    >>> after_cut(pd.DataFrame({"timestamp": [30, 10, 20, 40]}), 0.5).tolist()
    [True, False, False, True]
    """
    times = ratings[Columns.TIMESTAMP].to_numpy(dtype=np.int64)
    cut = np.sort(times)[min(known_of(len(times), share), len(times) - 1)]
    later: NDArray[np.bool_] = times >= cut
    if later.all():
        raise DataError("world.split: time needs ratings at several times; set it to user")
    return later


def known_at_cut(tables: Tables, share: float, split: Split) -> Tables:
    """What may be learned from: with a split by time the ratings before the cut, else all."""
    if split == "user":
        return tables
    return replace(tables, ratings=tables.ratings[~after_cut(tables.ratings, share)])


def in_order(ratings: pd.DataFrame) -> NDArray[np.int64]:
    """The rows of a ratings table by user, then by time: `rlrec.data.dataset.order.time_order`."""
    names = Columns.USER, Columns.TIMESTAMP, Columns.ORIGINAL_USER, Columns.ORIGINAL_MOVIE
    return time_order(*(ratings[name].to_numpy(dtype=np.int64) for name in names))
