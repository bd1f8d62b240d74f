"""Worlds to measure in: the fitted one, and synthetic ones of any size in its form."""

from pathlib import Path

import numpy as np

from benchmarks.records import FITTED_WORLD
from rlrec.worlds.world import World

FITTED_MOVIES = 1682
"""Movies of ml-100k, hence of the world fitted to it."""


def world_of_size(n_movies: int, fitted: Path | None = FITTED_WORLD) -> tuple[World, str]:
    """A world of N movies and its origin: the fitted one where it has as many, a synthetic one otherwise."""
    if fitted is not None and fitted.is_file():
        world = World.load(fitted)
        if world.n_movies == n_movies:
            return world, "fitted"
    return synthetic_world(n_movies), "synthetic"


def synthetic_world(n_movies: int, *, n_users: int = 943, latent: int = 16, n_genres: int = 19, seed: int = 0) -> World:
    """A world in the form and of the scale of a fitted one: biases, latent factors, genre flags last.

    The sizes are those of the world fitted to ml-100k, so that only the catalogue differs.
    """
    rng = np.random.default_rng(seed)
    genres = rng.random((n_movies, n_genres)) < 0.09
    genres[np.arange(n_movies), rng.integers(n_genres, size=n_movies)] = True
    movies = np.column_stack(
        [np.ones(n_movies), rng.normal(0, 0.5, n_movies), rng.normal(0, 0.3, (n_movies, latent)), genres]
    )
    users = np.column_stack(
        [
            rng.normal(3.2, 0.4, n_users),
            np.ones(n_users),
            rng.normal(0, 0.3, (n_users, latent)),
            rng.normal(0.05, 0.2, (n_users, n_genres)),
        ]
    )
    return World(
        user_vectors=users.astype(np.float32),
        movie_vectors=movies.astype(np.float32),
        genres=genres,
        violence=np.zeros(n_movies, np.float32),
        demographics=rng.random((n_users, 4)).astype(np.float32),
        has_violence=False,
    )
