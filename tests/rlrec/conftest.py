"""Small made-up worlds."""

from collections.abc import Callable

import numpy as np
import pytest

from rlrec.worlds.world import World

WorldMaker = Callable[..., World]


@pytest.fixture(scope="session")
def make_world() -> WorldMaker:
    """Makes a random world of a given size: the same for the same arguments."""

    def make(users: int = 30, movies: int = 60, latent: int = 3, genres: int = 19, seed: int = 0) -> World:
        rng = np.random.default_rng(seed)
        flags = rng.random((movies, genres)) < 0.2
        movie_vectors = np.column_stack(
            [np.ones(movies), rng.normal(0, 0.4, movies), rng.normal(0, 0.5, (movies, latent)), flags]
        )
        user_vectors = np.column_stack(
            [rng.normal(3.3, 0.4, users), np.ones(users), rng.normal(0, 0.8, (users, latent + genres))]
        )
        user_vectors[:, 2 + latent :] *= 0.5
        return World(
            user_vectors=user_vectors,
            movie_vectors=movie_vectors,
            genres=flags,
            violence=rng.random(movies),
            demographics=rng.random((users, 4)),
            titles=np.array([f"Movie {i} (19{i:02d})" for i in range(movies)]),
        )

    return make


@pytest.fixture(scope="session")
def world(make_world: WorldMaker) -> World:
    """A random world with 19 genres."""
    return make_world()
