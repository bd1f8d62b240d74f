"""The trained policy as a recommender: for users of the data set, and for anybody who names a few movies.

Nothing heavy is imported here: no TensorFlow, and pyarrow only where a user's real ratings are read.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
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
from rlrec.recommending.answers import Rating, Recommendation, Recommendations
from rlrec.recommending.titles import Titles
from rlrec.recommending.twins import best_twins, without_twins
from rlrec.settings.config import PARAMS_FILE, ScenarioConfig, load_config
from rlrec.worlds.world import World

MODELS, WORLD, TABLES = Path("data/models"), Path("data/world/world.npz"), Path("data/tables")
"""Where the pipeline leaves the policies, a folder each, the world and the ratings."""
LIKED, DISLIKED = 5.0, 1.0
"""Stars that a liked and a disliked movie count as."""
LEAST_STARS, MOST_STARS = 0.5, 5.0
"""What MovieLens takes for a rating."""

_NO_DRAWS = np.random.SeedSequence(0)
_NOTHING = History(np.empty(0, np.int64), np.empty(0, np.float32))


class Recommender:
    """A policy in its world. Calls do not depend on one another.

    Somebody whom the world does not know has the average demographics of its training users.
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
            scenario: the length T of a session and, for sessions, how simulated users react; the defaults where absent.

        Raises:
            ModelError: the policy was trained on other movies.
            WorldError: the world lacks what the policy observes.
        """
        self._scenario = scenario_of(policy, (scenario or ScenarioConfig()).model_copy(update={"slate_size": 1}))
        self._policy, self._n_users, self._tables = policy, world.n_users, None if tables is None else Path(tables)
        self._world = _with_stranger(world)
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
    ) -> Recommendations:
        """Recommends to somebody whom nobody knows, by what he or she says.

        The policy is told of the liked movies first, then of the disliked ones, then of the ratings.

        Args:
            liked: titles, see `rlrec.recommending.titles.Titles.find`; they count as five stars.
            disliked: titles; they count as one star.
            ratings: stars from 0.5 to 5 by original movie id.
            k: how many movies.

        Raises:
            TitleError: a title is that of no movie, or could be that of several.
            RequestError: a movie is unknown or named twice, a rating is none, or k is less than 1 or more than movies
                are left.
        """
        given: dict[int, float] = {}
        titled = chain(((title, LIKED) for title in liked), ((title, DISLIKED) for title in disliked))
        by_title = ((self._index.find(title), stars) for title, stars in titled)
        by_id = ((self.movie(movie_id), stars) for movie_id, stars in (ratings or {}).items())
        for movie, stars in chain(by_title, by_id):
            if movie in given:
                raise RequestError(f'"{self.titles[movie]}" is named twice')
            if not LEAST_STARS <= stars <= MOST_STARS:
                allowed = f"within {LEAST_STARS:g} and {MOST_STARS:g}"
                raise RequestError(f'the rating of "{self.titles[movie]}" is {stars}, but must be {allowed}')
            given[movie] = stars
        rated = History(np.array([*given], np.int64), np.array([*given.values()], np.float32))
        return self._recommend(None, self._n_users, rated, k)

    def for_user(self, user_id: int, k: int = 10) -> Recommendations:
        """Recommends to a user of the data set, by all of his or her real ratings.

        These are told in order of time, like in the offline comparison, but none is kept back. Where there are no
        tables the session is a fresh one.

        Args:
            user_id: in the original data set.
            k: how many movies.

        Raises:
            RequestError: the user is unknown, or k is less than 1 or more than there are movies left.
            DataError: the ratings cannot be read.
            WorldError: the ratings are not those that the world was fitted to.
        """
        user = self._user(user_id)
        return self._recommend(user_id, user, self._ratings[user] if self._ratings else _NOTHING, k)

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

    def ranked(self, policy: NetworkPolicy, view: View, k: int) -> tuple[Recommendation, ...]:
        """The k movies that a policy would show now in the only session of a batch.

        Raises:
            RequestError: k is less than 1 or more than there are movies left.
        """
        available = without_twins(view.available[0], self._same)
        left = len(np.unique(self._same[available]))
        if not 1 <= k <= left:
            raise RequestError(f"{k:,} movies are asked for, but must be from 1 to the {left:,} that are left")
        with self._threads.limit(limits=1, user_api="blas"):
            scores = policy.scores(view)
        available = best_twins(scores[0], available, self._same)
        slate = top_slates(scores, available[None], k)[0]
        logits = scores[0].astype(np.float64)
        weights = np.exp(logits - logits[slate[0]], where=available, out=np.zeros(len(logits)))
        values = zip(slate.tolist(), logits[slate].tolist(), (weights[slate] / weights.sum()).tolist(), strict=True)
        return tuple(
            Recommendation(rank, self._movie_ids[movie], self.titles[movie], self._genres_of(movie), score, probability)
            for rank, (movie, score, probability) in enumerate(values, 1)
        )

    def _recommend(self, user_id: int | None, user: int, rated: History, k: int) -> Recommendations:
        policy, view = self._ask(user, rated)
        ratings = tuple(
            Rating(self._movie_ids[movie], self.titles[movie], stars)
            for movie, stars in zip(rated.movies.tolist(), rated.stars.tolist(), strict=True)
        )
        considered = len(np.unique(self._same[without_twins(view.available[0], self._same)]))
        movies = self.ranked(policy, view, k)
        return Recommendations(user_id, ratings, self._world.n_movies, considered, movies)

    def _ask(self, user: int, rated: History) -> tuple[NetworkPolicy, View]:
        """A policy that was told the ratings. It is a copy: what it keeps of a session is nobody else's."""
        policy, users = copy(self._policy), np.array([user])
        movies, stars = rated.movies[None], rated.stars[None]
        with self._threads.limit(limits=1, user_api="blas"):
            (view,) = after_history([policy], self._world, users, movies, stars, self._scenario, _NO_DRAWS)
        return policy, view

    def _user(self, user_id: int) -> int:
        ids = self._world.user_ids[: self._n_users] if self._world.user_ids.size else np.arange(self._n_users)
        found = np.flatnonzero(ids == user_id)
        if not found.size:
            raise RequestError(f"there is no user {user_id}: this world has users from {ids.min()} to {ids.max()}")
        return int(found[0])

    def movie(self, movie_id: int) -> int:
        """The number in the world of a movie of the data set.

        Raises:
            RequestError: there is none.
        """
        if movie_id not in self._movies:
            raise RequestError(f"there is no movie with the id {movie_id}")
        return self._movies[movie_id]

    def _genres_of(self, movie: int) -> tuple[str, ...]:
        return tuple(self.genres[number] for number in np.flatnonzero(self._world.genres[movie]).tolist())

    @cached_property
    def genres(self) -> tuple[str, ...]:
        """Names of the world's G genres."""
        return self._world.genre_names

    @cached_property
    def titles(self) -> list[str]:
        """Of the world's N movies."""
        world = self._world
        return world.titles.tolist() if world.titles.size else [f"movie {m}" for m in range(world.n_movies)]

    @cached_property
    def _same(self) -> NDArray[np.int64]:
        """`(N,)`: of every movie the number of its title, which it may share with another."""
        return np.unique(self.titles, return_inverse=True)[1]

    @cached_property
    def _index(self) -> Titles:
        counts = self._world.rating_counts
        return Titles(self.titles, counts if counts.size else None)

    @cached_property
    def _movie_ids(self) -> list[int]:
        return self._world.movie_ids.tolist() if self._world.movie_ids.size else list(range(self._world.n_movies))

    @cached_property
    def _movies(self) -> dict[int, int]:
        return {movie_id: movie for movie, movie_id in enumerate(self._movie_ids)}

    @cached_property
    def _ratings(self) -> list[History] | None:
        """Every user's ratings in order of time; None where there are no tables."""
        path = self._tables / "ratings.parquet" if self._tables else None
        ids = self._world.user_ids[: self._n_users]
        return read_histories(path, ids, self._world.movie_ids) if path and path.is_file() else None


def default_model(models: Path = MODELS, params: Path = PARAMS_FILE, *, simulated: bool = False) -> Path:
    """The policy that is asked unless another is named: the only one there is, or of several the settings' choice.

    That is `evaluate.recommender` for people, and `evaluate.reference` for simulated users.

    Args:
        models: folder of policies, a folder each.
        params: the settings.
        simulated: for whom it is.

    Raises:
        ModelError: there is none, or the settings do not say which.
        ConfigError: the settings are wrong.
    """
    found = sorted(path.name for path in models.glob("*") if path.is_dir())
    if len(found) > 1 and params.is_file():
        evaluated = load_config(params).evaluate
        if (chosen := evaluated.reference if simulated else evaluated.for_people) in found:
            return models / chosen
    if len(found) == 1:
        return models / found[0]
    if not found:
        raise ModelError(f"there is no policy in {models}: run `make pipeline` first")
    raise ModelError(f"{models} has several policies ({', '.join(found)}): say which one is to answer (--model)")


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
