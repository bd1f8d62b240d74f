"""What people leave out of ratings before they use them: repeated pairs, users and movies with few ratings, users."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rlrec.data.dataset.order import mixed
from rlrec.data.dataset.provenance import CleaningStep
from rlrec.data.dataset.split import in_order
from rlrec.data.dataset.tables import Columns, Tables, typed
from rlrec.errors import DataError
from rlrec.settings.dataset import DataConfig

_C = Columns


def clean(tables: Tables, config: DataConfig) -> tuple[Tables, tuple[CleaningStep, ...]]:
    """Takes the steps that `data.repeated`, `data.sample`, `data.least_of_user` and `data.least_of_movie` ask for.

    In this order, so that what is left has as many ratings as the settings say. No step depends on the order of rows.
    All but the first leave out movies that nobody rated.

    Args:
        tables: as they were read; users and movies that are left out are missing in all three, and numbers are without
            gaps again.
        config: the section `data`.

    Returns:
        The tables, and a record of each step that was asked for.

    Raises:
        DataError: nothing is left.
    """
    steps: list[CleaningStep] = []

    def taken(after: Tables, words: str) -> Tables:
        if after.ratings.empty:
            raise DataError(f"{words}: no rating is left")
        before = {f"{name}_before": rows for name, rows in _rows(tables).items()}
        steps.append(CleaningStep(step=words, **_rows(after), **before))
        return after

    if config.repeated != "refuse":
        kept = _once(tables.ratings, config.repeated)
        tables = taken(Tables(kept, tables.users, tables.movies), f"repeated pairs: {config.repeated} (data.repeated)")
    if config.sample is not None:
        users = _drawn(tables.users[_C.ORIGINAL_ID].to_numpy(), config.sample)
        kept = tables.ratings[tables.ratings[_C.ORIGINAL_USER].isin(users)]
        tables = taken(_of(tables, kept), f"a sample of {config.sample:,} users (data.sample)")
    if config.least_of_user or config.least_of_movie:
        kept = _core(tables.ratings, config.least_of_user, config.least_of_movie)
        least = f"at least {config.least_of_user} ratings a user and {config.least_of_movie} a movie"
        words = f"{least} (data.least_of_user, data.least_of_movie)"
        tables = taken(_of(tables, kept), words)
    return tables, tuple(steps)


def _rows(tables: Tables) -> dict[str, int]:
    return {name: len(frame) for name, frame in vars(tables).items()}


def _once(ratings: pd.DataFrame, how: str) -> pd.DataFrame:
    """One rating of each pair; of equal times the higher value counts as the later one."""
    pair = [_C.ORIGINAL_USER, _C.ORIGINAL_MOVIE]
    ordered = ratings.sort_values([*pair, _C.TIMESTAMP, _C.RATING], kind="stable")
    found = ordered.drop_duplicates(pair, keep="last")
    if how == "mean":
        means = ordered.groupby(pair, sort=False)[_C.RATING].mean()
        found = found.assign(**{_C.RATING: means.loc[pd.MultiIndex.from_frame(found[pair])].to_numpy(np.float32)})
    return found.iloc[in_order(found)].reset_index(drop=True)


def _drawn(ids: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """The users whose ids' bits, mixed, are the least: who is drawn is not changed by who else there is."""
    return ids[np.argsort(mixed(ids, np.zeros_like(ids)), kind="stable")[:size]]


def _core(ratings: pd.DataFrame, least_of_user: int, least_of_movie: int) -> pd.DataFrame:
    """The largest part in which every user and every movie has as many ratings."""
    while True:
        of_user = ratings.groupby(_C.ORIGINAL_USER)[_C.RATING].transform("size")
        of_movie = ratings.groupby(_C.ORIGINAL_MOVIE)[_C.RATING].transform("size")
        enough = (of_user >= least_of_user) & (of_movie >= least_of_movie)
        if enough.all():
            return ratings
        ratings = ratings[enough]


def _of(tables: Tables, ratings: pd.DataFrame) -> Tables:
    """The tables of some of the ratings: without users and movies that have none of them."""
    users = tables.users[tables.users[_C.ORIGINAL_ID].isin(ratings[_C.ORIGINAL_USER])].copy()
    movies = tables.movies[tables.movies[_C.ORIGINAL_ID].isin(ratings[_C.ORIGINAL_MOVIE])].copy()
    users[_C.USER], movies[_C.MOVIE] = np.arange(len(users)), np.arange(len(movies))
    ratings = ratings.copy()
    ratings[_C.USER] = pd.Index(users[_C.ORIGINAL_ID]).get_indexer(pd.Index(ratings[_C.ORIGINAL_USER]))
    ratings[_C.MOVIE] = pd.Index(movies[_C.ORIGINAL_ID]).get_indexer(pd.Index(ratings[_C.ORIGINAL_MOVIE]))
    return Tables(typed("ratings", ratings), typed("users", users), typed("movies", movies))
