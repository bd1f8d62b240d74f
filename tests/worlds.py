"""Small synthetic worlds for tests."""

import numpy as np

from rlrec.simulator.world import World


def small_world(
    seed: int = 0,
    n_users: int = 60,
    n_movies: int = 80,
    *,
    latent: int = 3,
    n_genres: int = 5,
    violent: bool = True,
) -> World:
    """A world in the form a fitted one has: bias of user and movie, latent factors, genre flags last.

    Ratings lie around 3.2 with a standard deviation of about 1; every movie has at least one genre. Where `violent` is
    false, violence is unknown.
    """
    rng = np.random.default_rng(seed)
    genres = rng.random((n_movies, n_genres)) < 0.3
    genres[np.arange(n_movies), rng.integers(n_genres, size=n_movies)] = True
    movies = np.column_stack(
        [np.ones(n_movies), rng.normal(0, 0.5, n_movies), rng.normal(0, 0.6, (n_movies, latent)), genres]
    )
    users = np.column_stack(
        [
            rng.normal(3.2, 0.4, n_users),
            np.ones(n_users),
            rng.normal(0, 0.6, (n_users, latent)),
            rng.normal(0.05, 0.35, (n_users, n_genres)),
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
