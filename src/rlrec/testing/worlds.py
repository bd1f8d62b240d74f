"""Small made-up worlds, and what may be known of them: quick enough to be made in every test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from rlrec.data.dataset.histories import History
from rlrec.data.dataset.pools import POOLS
from rlrec.policies.baselines.known import Known
from rlrec.worlds.dynamics import rate
from rlrec.worlds.factorisation import Observed, fit_tastes
from rlrec.worlds.knowledge import Answered
from rlrec.worlds.watched import watched_vectors
from rlrec.worlds.world import World

if TYPE_CHECKING:
    from rlrec.data.dataset.tables import Tables


def small_world(
    seed: int = 0,
    n_users: int = 60,
    n_movies: int = 80,
    *,
    latent: int = 3,
    n_genres: int = 5,
    violent: bool = True,
    genre_share: float = 0.3,
    factor_spread: float = 0.6,
    affinity_spread: float = 0.35,
) -> World:
    """A world in the form a fitted one has: bias of user and movie, latent factors, genre flags last.

    By default ratings lie around 3.2 with a standard deviation of about 1; every movie has at least one genre.

    Args:
        seed: equal seeds give equal worlds.
        n_users: U; 70 % are training users, 15 % validation and 15 % test users.
        n_movies: N.
        latent: dimensions beside the biases and the genres.
        n_genres: G.
        violent: whether violence is known.
        genre_share: of the movies, that a genre has beside the one that every movie has.
        factor_spread: standard deviation of latent factors.
        affinity_spread: likewise of genre affinities, in stars.
    """
    rng = np.random.default_rng(seed)
    genres = rng.random((n_movies, n_genres)) < genre_share
    genres[np.arange(n_movies), rng.integers(n_genres, size=n_movies)] = True
    movies = np.column_stack(
        [np.ones(n_movies), rng.normal(0, 0.5, n_movies), rng.normal(0, factor_spread, (n_movies, latent)), genres]
    )
    users = np.column_stack(
        [
            rng.normal(3.2, 0.4, n_users),
            np.ones(n_users),
            rng.normal(0, factor_spread, (n_users, latent)),
            rng.normal(0.05, affinity_spread, (n_users, n_genres)),
        ]
    )
    return World(
        user_vectors=users.astype(np.float32),
        movie_vectors=movies.astype(np.float32),
        genres=genres,
        violence=(rng.random(n_movies) if violent else np.zeros(n_movies)).astype(np.float32),
        demographics=rng.random((n_users, 4)).astype(np.float32),
        titles=np.array([f"Film {i} (19{i % 100:02d})" for i in range(n_movies)]),
        user_ids=np.arange(n_users) + 1,
        movie_ids=np.arange(n_movies) * 2 + 1,
        mean_ratings=np.clip(3.2 + movies[:, 1] + rng.normal(0, 0.3, n_movies), 1, 5).astype(np.float32),
        rating_counts=rng.integers(0, 200, n_movies),
        has_violence=violent,
    )


def three_movies() -> World:
    """Everybody is lukewarm about the first movie, of both genres, hates the second and loves the last, of one each.

    Who learned nothing shows the first: of equal scores the lower number's movie comes first. By the log everybody
    watched the second, and the last after it, and never the first.
    """
    rng = np.random.default_rng(0)
    genres = np.array([[1, 1], [0, 1], [1, 0]], bool)
    movies = np.column_stack([np.ones(3), genres]).astype(np.float32)
    users = np.column_stack([np.full(30, 3.0), rng.uniform(1, 2, 30), rng.uniform(-2, -1, 30)]).astype(np.float32)
    world = World(users, movies, genres, np.zeros(3, np.float32), np.zeros((30, 4), np.float32))
    return with_log(world, [History(np.array([1, 2]), np.array([1, 5], np.float32))] * 30)


def informed(world: World, seed: int = 0) -> World:
    """The same world with what an agent may know instead of its vectors, and with a log of real ratings.

    It can be played with every kind of `scenario.features`, and learned from by what people answered: training and
    validation users rated 10 to 30 movies each (fewer where there are no more), mostly those that they like, in whole
    stars around what their simulated selves would say.
    """
    rng = np.random.default_rng(seed)
    users = world.user_vectors[world.users_in("train")]
    latent = rng.normal(0, 0.3, (world.n_movies, 2))
    average = np.eye(1, 2 + world.n_genres) * 3
    told = replace(
        world,
        rating_counts=rng.integers(0, 200, world.n_movies),
        training_movie_vectors=np.column_stack([world.movie_vectors, latent]),
        training_tastes=np.column_stack([users, rng.normal(0, 0.5, (len(users), 2))]),
        genre_tastes=(average + rng.normal(0.2, 0.4, (len(users), 2 + world.n_genres))).astype(np.float32),
    )
    stars = rate(world.user_vectors, world.movie_vectors) + rng.normal(0, 0.5, (world.n_users, world.n_movies))
    order = np.argsort(-(stars + rng.gumbel(0, 1, stars.shape)), axis=1)
    counts = rng.integers(10, 31, world.n_users)
    watched = [rng.permutation(movies[:count]) for movies, count in zip(order, counts, strict=True)]
    return with_log(told, [History(of, rated[of].round().clip(1, 5)) for of, rated in zip(watched, stars, strict=True)])


def with_log(world: World, histories: Sequence[History]) -> World:
    """The same world, in which each of its users really rated these movies, in order of time.

    As in a fitted world, nothing is known of test users' ratings, and who watched what is known of training users.
    """
    training, nothing = world.users_in("train"), History(np.empty(0, np.int64), np.empty(0, np.float32))
    in_test = world.pools == POOLS.index("test")
    histories = [nothing if sealed else history for history, sealed in zip(histories, in_test, strict=True)]
    told = replace(
        world,
        log_starts=np.cumsum([0, *(len(history.movies) for history in histories)]),
        log_movies=np.concatenate([history.movies for history in histories]),
        log_stars=np.concatenate([history.stars for history in histories]),
    )
    rows, movies, stars, n_users = Answered.of(told, training)
    ratings = Observed(rows, movies, stars.astype(np.float64), (n_users, world.n_movies))
    years = np.full(world.n_movies, np.nan)
    logs = [told.history(user).movies for user in training.tolist()]
    vectors = watched_vectors(ratings.matrix(np.ones(len(ratings))), world.genres, years, logs)
    tastes = fit_tastes(ratings, vectors.astype(np.float64), penalty=10)
    return replace(told, watched_movie_vectors=vectors, watched_tastes=tastes.astype(np.float32))


def known(world: World, seed: int = 0) -> Known:
    """What may be known of a world, and what its training users rated in `tables_of`: baselines are made from it."""
    return Known.of(world, tables_of(world), seed)


def tables_of(world: World, seed: int = 0) -> Tables:
    """Tables of the world's users and movies: of every user some ratings of three movies in ten, in whole stars."""
    import pandas as pd

    from rlrec.data.dataset.tables import Tables, typed

    rng = np.random.default_rng(seed)
    movie_ids = world.movie_ids if world.movie_ids.size else np.arange(world.n_movies) + 1
    stars = rate(world.user_vectors, world.movie_vectors) + rng.normal(0, 0.5, (world.n_users, world.n_movies))
    users, movies = np.nonzero(rng.random(stars.shape) < 0.3)
    people, films = np.arange(world.n_users), np.arange(world.n_movies)
    found: dict[str, dict[str, Any]] = {
        "ratings": {
            "user": users,
            "movie": movies,
            "original_user": users + 1,
            "original_movie": movie_ids[movies],
            "rating": stars[users, movies].round().clip(1, 5),
            "timestamp": rng.permutation(len(users)),
        },
        "users": {
            "user": people,
            "original_id": people + 1,
            "sex": "F",
            "age": 30,
            "occupation": 1,
            "zip": "55105",
        },
        "movies": {
            "movie": films,
            "original_id": movie_ids,
            "title": "",
            "year": 1990,
            "genres": "",
            "violence": np.nan,
        },
    }
    return Tables(**{name: typed(name, pd.DataFrame(values)) for name, values in found.items()})
