"""Worlds to measure in: the fitted one, and synthetic ones of any size in its form."""

from pathlib import Path

from benchmarks.records import FITTED_WORLD
from rlrec.testing import small_world
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
    return small_world(
        seed, n_users, n_movies, latent=latent, n_genres=n_genres, violent=False,
        genre_share=0.09, factor_spread=0.3, affinity_spread=0.2,
    )  # fmt: skip
