"""The trained policy as a recommender: for users of the data set, and for anybody who names a few movies.

Nothing heavy is imported here: no TensorFlow, and pyarrow only where a user's real ratings are read.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from dataclasses import replace
from functools import cached_property
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from rlrec.data.dataset.histories import History, read_histories
from rlrec.data.dataset.pools import POOLS
from rlrec.environments.sessions import Sessions
from rlrec.environments.views import View
from rlrec.errors import ModelError, RequestError, WorldError
from rlrec.policies.histories import after_history
from rlrec.policies.policy import scenario_of
from rlrec.policies.saved import load_policy
from rlrec.policies.scored import NetworkPolicy
from rlrec.policies.slates import top_slates
from rlrec.recommending.answers import Rating, Recommendation, Recommendations, Similar
from rlrec.recommending.catalogue import Catalogue
from rlrec.recommending.places import TABLES, WORLD, default_model
from rlrec.recommending.reasons import explained
from rlrec.recommending.twins import Mask, best_twins, without_twins
from rlrec.settings.config import ScenarioConfig
from rlrec.worlds.world import World

LIKED, DISLIKED = 5.0, 1.0
"""Stars that a liked and a disliked movie count as."""
LEAST_STARS, MOST_STARS = 0.5, 5.0
"""What MovieLens takes for a rating."""

_NO_DRAWS = np.random.SeedSequence(0)
_NOTHING = History(np.empty(0, np.int64), np.empty(0, np.float32))


class Recommender:
    """A policy in its world. Calls do not depend on one another.

    Somebody whom the world does not know has the average demographics of its training users.

    Attributes:
        catalogue: the world's movies.
    """

    def __init__(
        self,
        policy: NetworkPolicy,
        world: World,
        tables: str | os.PathLike[str] | None = None,
        scenario: ScenarioConfig | None = None,
    ) -> None:
        """Checks that all fit, and prepares what does not depend on a person.

        Args:
            policy: its own observation and features are used.
            world: on whose movies it was trained.
            tables: the folder with `ratings.parquet`, from which users' real ratings are read when first needed. Where
                there is none, users start afresh.
            scenario: the length T of a session and, for sessions, how simulated users react; where absent the length
                that the policy was trained with, and for the rest the defaults.

        Raises:
            ModelError: the policy was trained on other movies.
            WorldError: the world lacks what the policy observes.
        """
        scenario = scenario or ScenarioConfig(episode_length=policy.length)
        self._scenario = scenario_of(policy, scenario.model_copy(update={"slate_size": 1}))
        self._policy, self._n_users, self._tables = policy, world.n_users, None if tables is None else Path(tables)
        self._world, self.catalogue = _with_stranger(world), Catalogue(world)
        # One person's matrices are so small that threads mostly wait for one another, on a busy machine for long.
        self._threads = ThreadpoolController()
        self._ask(self._n_users, _NOTHING)

    @classmethod
    def load(
        cls,
        model: str | os.PathLike[str] | None = None,
        world: str | os.PathLike[str] = WORLD,
        tables: str | os.PathLike[str] | None = TABLES,
        scenario: ScenarioConfig | None = None,
    ) -> Recommender:
        """A recommender from what the pipeline left.

        Args:
            model: folder of the policy; see `default_model` where absent.
            world: the world that it was trained in.
            tables: see `__init__`.
            scenario: see `__init__`.

        Raises:
            ModelError: there is no policy, or it is broken, of an earlier version, or was trained on other movies.
            WorldError: there is no world, or it is broken.
        """
        model = default_model() if model is None else model
        if not Path(model).exists():
            raise ModelError(f"there is no policy at {model}: run `make pipeline` first")
        if not Path(world).exists():
            raise WorldError(f"there is no world at {world}: run `make pipeline` first")
        return cls(load_policy(model), World.load(world), tables, scenario)

    def recommend(
        self,
        liked: Iterable[str] = (),
        disliked: Iterable[str] = (),
        ratings: Mapping[int, float] | None = None,
        k: int = 10,
        *,
        only: Mask | None = None,
        explain: bool = False,
    ) -> Recommendations:
        """Recommends to somebody whom nobody knows, by what he or she says.

        The policy is told of the liked movies first, then of the disliked ones, then of the ratings.

        Args:
            liked: titles, see `rlrec.data.own.titles.Titles.find`; they count as five stars.
            disliked: titles; they count as one star.
            ratings: stars from 0.5 to 5 by original movie id, in the order in which they are told.
            k: how many movies.
            only: `(N,)`, the movies to choose from, see `Catalogue.allowed`.
            explain: whether to say which ratings count most for each movie.

        Raises:
            TitleError: a title is that of no movie, or could be that of several.
            RequestError: a movie is unknown or named twice, a rating is none, or k is less than 1 or more than movies
                are left.
        """
        given: dict[int, float] = {}
        titled = chain(((title, LIKED) for title in liked), ((title, DISLIKED) for title in disliked))
        by_title = ((self.catalogue.find(title), stars) for title, stars in titled)
        by_id = ((self.catalogue.number(movie_id), stars) for movie_id, stars in (ratings or {}).items())
        for movie, stars in chain(by_title, by_id):
            if movie in given:
                raise RequestError(f'"{self.catalogue.titles[movie]}" is named twice')
            if not LEAST_STARS <= stars <= MOST_STARS:
                allowed = f"within {LEAST_STARS:g} and {MOST_STARS:g}"
                raise RequestError(f'the rating of "{self.catalogue.titles[movie]}" is {stars}, but must be {allowed}')
            given[movie] = stars
        rated = History(np.array([*given], np.int64), np.array([*given.values()], np.float32))
        return self._recommend(None, self._n_users, rated, k, only, explain)

    def for_user(
        self, user_id: int, k: int = 10, *, only: Mask | None = None, explain: bool = False
    ) -> Recommendations:
        """Recommends to a user of the data set, by all of his or her real ratings.

        These are told in order of time, like in the offline comparison, but none is kept back. Where there are no
        tables the session is a fresh one.

        Args:
            user_id: in the original data set.
            k: how many movies.
            only: see `recommend`.
            explain: see `recommend`.

        Raises:
            RequestError: the user is unknown, or k is less than 1 or more than there are movies left.
            DataError: the ratings cannot be read.
            WorldError: the ratings are not those that the world was fitted to.
        """
        user = self._user(user_id)
        rated = self._ratings[user] if self._ratings else _NOTHING
        return self._recommend(user_id, user, rated, k, only, explain)

    def for_everybody(self, k: int = 10, *, only: Mask | None = None) -> Iterator[Recommendations]:
        """Recommends to the users of the data set one after another; to whom fewer movies are left gets these.

        Args:
            k: how many movies, at most.
            only: see `recommend`.

        Raises:
            RequestError: to a user no movie is left.
            DataError: see `for_user`.
            WorldError: likewise.
        """
        for user, user_id in enumerate(self._user_ids.tolist()):
            rated = self._ratings[user] if self._ratings else _NOTHING
            yield self._recommend(user_id, user, rated, k, only, explain=False, at_most=True)

    def similar(self, title: str | int, k: int = 10, *, only: Mask | None = None) -> tuple[Similar, ...]:
        """The movies whose vectors point most in the direction of a movie's, as the policy knows them.

        To a policy that learned from logged answers, movies are alike that the same people watched, and about the same
        time.

        Args:
            title: see `recommend`; or its id in the data set.
            k: how many movies, at most.
            only: see `recommend`.

        Raises:
            TitleError: the title is that of no movie, or could be that of several.
            RequestError: there is no movie of that id, or k is less than 1.
        """
        if k < 1:
            raise RequestError(f"{k:,} movies are asked for, but must be 1 or more")
        wanted = self.catalogue.find(title)
        directions = self._ask(self._n_users, _NOTHING)[1].representation.directions
        likeness = directions @ directions[wanted]
        others = np.asarray(self.catalogue.same != self.catalogue.same[wanted])
        others = others if only is None else others & only
        best = np.flatnonzero(best_twins(likeness, others, self.catalogue.same))
        ranked = best[np.argsort(-likeness[best], kind="stable")][:k].tolist()
        return tuple(
            Similar(
                rank, self.catalogue.ids[m], self.catalogue.titles[m], self.catalogue.genres_of(m), float(likeness[m])
            )
            for rank, m in enumerate(ranked, 1)
        )

    def begin(self, user_id: int) -> tuple[NetworkPolicy, Sessions]:
        """A fresh session with a simulated user, for `Session`: whatever he or she really rated is not told.

        Raises:
            RequestError: the user is unknown.
            WorldError: the world is too small for the session, or its violence is to be rewarded but unknown.
        """
        policy = copy(self._policy)
        sessions = Sessions(self._world, np.array([self._user(user_id)]), self._scenario)
        policy.begin(View(sessions), np.random.default_rng(_NO_DRAWS))
        return policy, sessions

    def ranked(self, policy: NetworkPolicy, view: View, k: int, only: Mask | None = None) -> tuple[Recommendation, ...]:
        """The k movies that a policy would show now in the only session of a batch.

        Raises:
            RequestError: k is less than 1 or more than there are movies left.
        """
        available = self._left(view, only)
        left = len(np.unique(self.catalogue.same[available]))
        if not 1 <= k <= left:
            raise RequestError(f"{k:,} movies are asked for, but must be from 1 to the {left:,} that are left")
        with self._threads.limit(limits=1, user_api="blas"):
            scores = policy.scores(view)
        available = best_twins(scores[0], available, self.catalogue.same)
        slate = top_slates(scores, available[None], k)[0]
        logits = scores[0].astype(np.float64)
        weights = np.exp(logits - logits[slate[0]], where=available, out=np.zeros(len(logits)))
        values = zip(slate.tolist(), logits[slate].tolist(), (weights[slate] / weights.sum()).tolist(), strict=True)
        return tuple(
            Recommendation(
                rank,
                self.catalogue.ids[movie],
                self.catalogue.titles[movie],
                self.catalogue.genres_of(movie),
                score,
                probability,
            )
            for rank, (movie, score, probability) in enumerate(values, 1)
        )

    def _recommend(
        self,
        user_id: int | None,
        user: int,
        rated: History,
        k: int,
        only: Mask | None,
        explain: bool,
        at_most: bool = False,
    ) -> Recommendations:
        policy, view = self._ask(user, rated)
        ratings = tuple(
            Rating(self.catalogue.ids[movie], self.catalogue.titles[movie], stars)
            for movie, stars in zip(rated.movies.tolist(), rated.stars.tolist(), strict=True)
        )
        considered = len(np.unique(self.catalogue.same[self._left(view, only)]))
        movies = self.ranked(policy, view, min(k, max(considered, 1)) if at_most else k, only)
        if explain and ratings:
            with self._threads.limit(limits=1, user_api="blas"):
                movies = explained(movies, self._policy, self._world, user, rated, self._scenario, self.catalogue)
        return Recommendations(user_id, ratings, len(np.unique(self.catalogue.same)), considered, movies)

    def _left(self, view: View, only: Mask | None) -> Mask:
        """`(N,)`, the movies to choose from in the only session of a batch, each by all of its ids."""
        left = without_twins(view.available[0], self.catalogue.same)
        return left if only is None else left & only

    def _ask(self, user: int, rated: History) -> tuple[NetworkPolicy, View]:
        """A policy that was told the ratings. It is a copy: what it keeps of a session is nobody else's."""
        policy, users = copy(self._policy), np.array([user])
        movies, stars = rated.movies[None], rated.stars[None]
        with self._threads.limit(limits=1, user_api="blas"):
            (view,) = after_history([policy], self._world, users, movies, stars, self._scenario, _NO_DRAWS)
        return policy, view

    def _user(self, user_id: int) -> int:
        ids = self._user_ids
        found = np.flatnonzero(ids == user_id)
        if not found.size:
            raise RequestError(f"there is no user {user_id}: this world has users from {ids.min()} to {ids.max()}")
        return int(found[0])

    @property
    def n_users(self) -> int:
        """Users of the data set."""
        return self._n_users

    @cached_property
    def _user_ids(self) -> NDArray[np.int64]:
        return self._world.user_ids[: self._n_users] if self._world.user_ids.size else np.arange(self._n_users)

    @cached_property
    def _ratings(self) -> list[History] | None:
        """Every user's ratings in order of time; None where there are no tables."""
        path = self._tables / "ratings.parquet" if self._tables else None
        ids = self._world.user_ids[: self._n_users]
        return read_histories(path, ids, self._world.movie_ids) if path and path.is_file() else None


def _with_stranger(world: World) -> World:
    """The world with one user more, its last: the average training user. Nothing that a policy knows changes."""
    known = world.users_in("train")
    return replace(
        world,
        user_vectors=np.vstack([world.user_vectors, world.user_vectors[known].mean(axis=0)]),
        demographics=np.vstack([world.demographics, world.demographics[known].mean(axis=0)]),
        pools=np.append(world.pools, POOLS.index("test")),
        user_ids=np.append(world.user_ids, -1) if world.user_ids.size else world.user_ids,
        log_starts=np.append(world.log_starts, world.log_starts[-1:]),
    )
