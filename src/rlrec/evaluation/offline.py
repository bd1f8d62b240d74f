"""Judges policies on ratings that real people gave, without a simulated user.

Test users are people whom no agent was trained on. The first of a test user's ratings by time (`world.history`, 80 %)
are the history that every policy is given, one rating after another, as if they were a session. Then it is asked once
for its scores, and these are held against the rest, the future, which nothing has learned from: the world is fitted
without it (`rlrec.data.dataset.split`). Three protocols, one table:

| protocol          | what is ranked                       | relevant, gain                | metrics                   |
|-------------------|--------------------------------------|-------------------------------|---------------------------|
| `catalogue`       | every movie but the history's, no    | every movie of the future, 1  | NDCG, Recall, MAP, HR,    |
|                   | sampled negatives                    |                               | coverage, novelty, at 10  |
| `catalogue_liked` | the same                             | those rated above 3.5, 1      | NDCG, Recall, MAP, HR, 10 |
| `rerank`          | the movies of the future alone, like | NDCG: all, by rating;         | NDCG, MAP, lists uncut    |
|                   | LIRD (Zhao et al. 2018, section 4)   | MAP: those rated above 3.5, 1 |                           |

`catalogue` asks who foresees what people will watch next; that they then liked it is another question, which
`catalogue_liked` asks. `rerank` asks who foresees ratings; since all movies in these lists were watched, even a random
order has a high NDCG there. (LIRD goes on learning while it reranks a session; here all answers come after the list.)

A user without a relevant movie is left out of a metric: `n_users` counts the others. A user whose history leaves fewer
than ten movies to recommend is left out of all of them. The expected *rating* is what most policies rank by, and a
rating is not the probability of watching, so a strong policy of the simulator may be weak in `catalogue`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rlrec.data.dataset.split import after_cut, future_rows, in_order
from rlrec.data.dataset.tables import Columns, Tables
from rlrec.errors import WorldError
from rlrec.evaluation.evaluate import RESAMPLES
from rlrec.metrics import rankings as ranking
from rlrec.metrics import slates as metrics
from rlrec.metrics.stars import CLICK_THRESHOLD
from rlrec.policies.histories import after_history
from rlrec.policies.playing import OnStep
from rlrec.policies.policy import Policy, Scores
from rlrec.policies.slates import top_slates
from rlrec.settings.config import Config, derive_seed
from rlrec.settings.sections import Split
from rlrec.statistics import intervals as statistics
from rlrec.statistics.intervals import Estimate, Resampling
from rlrec.statistics.significance import contrast, with_holm
from rlrec.worlds.dynamics import Floats
from rlrec.worlds.world import World

TOP = 10
"""Length of the lists that are taken from the whole catalogue."""
DRAWS = "offline comparison"
"""Purpose of the seed of policies that draw."""

_CELLS = 2**22
"""Most entries of a batch's `(B, N)` arrays."""


class Timeline(NamedTuple):
    """A test user's real ratings in order of time: the first `known` are history, the others future.

    Attributes:
        user: as numbered in the world.
        movies: `(n,)` int64.
        stars: `(n,)` float32.
        known: at least 1 and less than n.
    """

    user: int
    movies: NDArray[np.int64]
    stars: Floats
    known: int


ByMetric = dict[tuple[str, str], NDArray[np.float64]]
"""Figures of U users, `(U,)`, by protocol and metric."""


def compare_offline(
    policies: Mapping[str, Policy],
    world: World,
    tables: Tables,
    config: Config,
    reference: str,
    progress: OnStep | None = None,
) -> pd.DataFrame:
    """The table of the offline comparison.

    Args:
        policies: by the name they have in the table, in its order. One that reads `taste` finds there what was fitted
            to the user's history: nobody knows the taste of a real person.
        world: fitted to `tables`; its `test` pool is judged.
        tables: their ratings.
        config: `seed`, `scenario.observation` and what agents know (`scenario.features`), `scenario.episode_length`
            (T), `evaluate` and `world.history`. A history longer than T is taken in as a longer session. Non-violence
            is not rewarded here, and how simulated users react does not matter.
        reference: the policy that the others are compared with.
        progress: told the number of users judged.

    Returns:
        One row for each protocol, policy and metric, with the columns `results.OFFLINE`: `protocol`, `policy`,
        `metric`, `mean`, `ci_low`, `ci_high`, those of `rlrec.statistics.significance` for the difference *policy minus
        reference*, paired by user (`reference`, `diff`, …), and `n_users`. All policies are judged on the same users
        and resamples.

    Raises:
        WorldError: the world is not of these tables, has no test users, or every test user's history leaves less than
            `TOP` movies to recommend.
        ValueError: the reference is not among the policies.
    """
    if reference not in policies:
        raise ValueError(f"the reference {reference!r} is not among the policies {', '.join(policies)}")
    values, lists = judge_offline(policies, world, tables, config, progress)
    shown = {name: metrics.shown_movies(movies, world.n_movies) for name, movies in lists.items()}
    return _table(values, shown, config, reference)


def judge_offline(
    policies: Mapping[str, Policy],
    world: World,
    tables: Tables,
    config: Config,
    progress: OnStep | None = None,
) -> tuple[dict[str, ByMetric], dict[str, NDArray[np.int64]]]:
    """What `compare_offline` compares, user by user.

    Args:
        policies: as there, as are the other arguments.
        world: likewise.
        tables: likewise.
        config: likewise.
        progress: likewise.

    Returns:
        By policy, the figures of each test user, NaN where one has nothing to be found, and lists `(U, 1, 10)` from the
        whole catalogue. Users are in the same order for all.

    Raises:
        WorldError: as there.
    """
    people = timelines(world, tables, config.world.history, config.world.split)
    judged: dict[str, list[tuple[ByMetric, NDArray[np.int64]]]] = {name: [] for name in policies}
    done = 0
    for batch in _batches(people, world.n_movies):
        for name, scores, available in _scores_after(batch, policies, world, config):
            judged[name].append(_judge(scores, available, batch, world))
        done += len(batch)
        if progress is not None:
            progress(done, len(people), "offline")
    values = {
        name: {key: np.concatenate([part[key] for part, _ in parts]) for key in parts[0][0]}
        for name, parts in judged.items()
    }
    lists = {name: np.concatenate([part for _, part in parts])[:, None] for name, parts in judged.items()}
    return values, lists


def timelines(world: World, tables: Tables, history: float, split: Split = "user") -> list[Timeline]:
    """The test users who have both a history and a future, ascending, and `TOP` movies left that may be recommended.

    Args:
        world: whose test users.
        tables: their ratings.
        history: the share of a user's ratings that are history, see `rlrec.data.dataset.split.future_rows`.
        split: with `time` it is the share of all ratings, see `after_cut` there.

    Raises:
        WorldError: see `compare_offline`.
    """
    check_tables(world, tables)
    users, table = world.users_in("test"), tables.ratings
    future = after_cut(table, history) if split == "time" else future_rows(table, users, history)
    by_row = table[Columns.USER].to_numpy(np.int64)
    movies, stars = table[Columns.MOVIE].to_numpy(np.int64), table[Columns.RATING].to_numpy(np.float32)
    rows = np.flatnonzero(np.isin(by_row, users))
    rows = rows[in_order(table.iloc[rows])]
    of_users = np.split(rows, np.flatnonzero(np.diff(by_row[rows])) + 1)
    people = [
        Timeline(int(by_row[own[0]]), movies[own], stars[own], int(np.count_nonzero(~future[own])))
        for own in of_users
        if future[own].any() and not future[own].all()
    ]
    if not people:
        raise WorldError("no test user has two ratings: there is no future to compare with")
    left = [person for person in people if world.n_movies - person.known >= TOP]
    if not left:
        raise WorldError(
            f"of {world.n_movies} movies the history (world.history: {history:g}) of every test user leaves less than "
            f"{TOP} to recommend"
        )
    return left


def check_tables(world: World, tables: Tables) -> None:
    """Refuses tables that a world was not fitted to.

    Raises:
        WorldError: they have other users or movies.
    """
    if (len(tables.users), len(tables.movies)) != (world.n_users, world.n_movies):
        raise WorldError(
            f"the world has {world.n_users} users and {world.n_movies} movies, but the tables have {len(tables.users)} "
            f"and {len(tables.movies)}: it was fitted to others"
        )


def _batches(people: Sequence[Timeline], n_movies: int) -> Iterator[list[Timeline]]:
    """Users whose histories are equally long: they can be told in step, as one batch of sessions."""
    size = max(1, _CELLS // n_movies)
    for known in sorted({person.known for person in people}):
        alike = [person for person in people if person.known == known]
        yield from (alike[start : start + size] for start in range(0, len(alike), size))


def _scores_after(
    batch: Sequence[Timeline], policies: Mapping[str, Policy], world: World, config: Config
) -> Iterator[tuple[str, Scores, NDArray[np.bool_]]]:
    """Tells all policies the histories of a batch; of each its name, its scores, and what is available."""
    views = after_history(
        policies.values(),
        world,
        np.array([person.user for person in batch]),
        np.stack([person.movies[: person.known] for person in batch]),
        np.stack([person.stars[: person.known] for person in batch]),
        config.scenario,
        derive_seed(config.seed, DRAWS),
    )
    for (name, policy), view in zip(policies.items(), views, strict=True):
        yield name, policy.scores(view), view.available


def _judge(
    scores: Scores, available: NDArray[np.bool_], batch: Sequence[Timeline], world: World
) -> tuple[ByMetric, NDArray[np.int64]]:
    """Figures of each user of a batch, and the lists from the whole catalogue."""
    lists = top_slates(scores, available, TOP)
    ratings = np.zeros(available.shape, np.float32)
    watched = np.zeros(available.shape, np.bool_)
    for row, person in enumerate(batch):
        future = person.movies[person.known :]
        ratings[row, future], watched[row, future] = person.stars[person.known :], True
    liked, reranked = ratings > CLICK_THRESHOLD, ranking.rank(scores, watched)
    found: ByMetric = {}
    for protocol, relevant in (("catalogue", watched), ("catalogue_liked", liked)):
        found[protocol, f"ndcg@{TOP}"] = ranking.ndcg(lists, relevant)
        found[protocol, f"recall@{TOP}"] = ranking.recall(lists, relevant)
        found[protocol, f"map@{TOP}"] = ranking.average_precision(lists, relevant)
        found[protocol, f"hr@{TOP}"] = ranking.hit_rate(lists, relevant)
    if world.rating_counts.size:
        shares = ranking.familiarity(world.rating_counts, len(world.users_in("train")))
        found["catalogue", f"novelty@{TOP}"] = ranking.novelty(lists, shares)
    found["rerank", "ndcg"] = ranking.ndcg(reranked, ratings)
    found["rerank", "map"] = ranking.average_precision(reranked, liked)
    return found, lists


class _Figure(NamedTuple):
    estimate: Estimate
    by_user: NDArray[np.float64] | None
    n_users: int


def _figures(
    values: ByMetric, shown: NDArray[np.bool_], resamples: Callable[[int], Resampling]
) -> dict[tuple[str, str], _Figure]:
    """What the users' values come to, by protocol and metric; a metric that no user has is left out."""
    found = {}
    for key, by_user in values.items():
        judged = by_user[~np.isnan(by_user)]
        if judged.size:
            most = np.inf if key[1].startswith("novelty") else 1
            estimate = statistics.mean(judged, resamples(len(judged))).within(0, most)
            found[key] = _Figure(estimate, judged, len(judged))
    covered = statistics.coverage(shown, resamples(len(shown)))
    return found | {("catalogue", f"coverage@{TOP}"): _Figure(covered, None, len(shown))}


def _table(
    values: Mapping[str, ByMetric], shown: Mapping[str, NDArray[np.bool_]], config: Config, reference: str
) -> pd.DataFrame:
    @cache  # a metric's users are the same for all policies, and so are their resamples
    def resamples(n_users: int) -> Resampling:
        return statistics.resample(n_users, config.evaluate.bootstrap_samples, config.rng(RESAMPLES))

    figures = {name: _figures(values[name], shown[name], resamples) for name in values}
    rows, confidence = [], config.evaluate.confidence
    for protocol in dict.fromkeys(protocol for protocol, _ in figures[reference]):
        for name, found in figures.items():
            for key, own in found.items():
                if key[0] != protocol:
                    continue
                other = figures[reference][key]
                by_user = None if own.by_user is None or other.by_user is None else own.by_user - other.by_user
                rows.append(
                    {
                        "protocol": protocol,
                        "policy": name,
                        "metric": key[1],
                        **own.estimate.summary(confidence),
                        **contrast(own.estimate - other.estimate, by_user, confidence, reference),
                        "n_users": own.n_users,
                    }
                )
    return with_holm(pd.DataFrame(rows))
