"""A world made for planning: two genres, one liked better, and users who tire of what they see and recover.

With boredom that is complete (`delta = -1`: a genre that was just liked has nothing left to give) and recovers by half
a step, showing the favourite genre whenever it is the better one *now* wears it out. Alternating the two earns more,
although every second movie is of the genre that is liked less. A policy that sees the hidden taste but looks one step
ahead does not find that; one that learns from returns can.

For one user with affinities (2, 1), a base rating of 3 and 50 steps, looking one step ahead earns 40.2 and the best
cycle of at most six steps, (favourite, other, favourite, other, favourite), 41.5.
"""

import numpy as np

from rlrec.data.dataset.pools import draw_pools
from rlrec.settings.config import ScenarioConfig
from rlrec.worlds.world import World

PLANNING_SCENARIO = ScenarioConfig(delta=-1.0, recovery=0.5, allow_repeats=True, episode_length=50)
"""The scenario that goes with the world."""


def planning_world(seed: int = 0, n_users: int = 200, n_movies: int = 20) -> World:
    """Users with a favourite genre (affinity about 2) and another (about 1); which one it is is hidden.

    Args:
        seed: of the users' and movies' small differences, and of the pools.
        n_users: U.
        n_movies: N, half of each genre; they differ by about 0.05 stars in how good they are.

    Returns:
        A world with D = 4: base rating, quality of the movie, two genres.
    """
    rng = np.random.default_rng(seed)
    genres = np.zeros((n_movies, 2), bool)
    genres[np.arange(n_movies), np.arange(n_movies) % 2] = True
    quality = rng.normal(0, 0.05, n_movies)
    movies = np.column_stack([np.ones(n_movies), quality, genres])
    favourite = rng.integers(2, size=n_users)
    affinities = np.empty((n_users, 2))
    affinities[np.arange(n_users), favourite] = rng.normal(2, 0.05, n_users)
    affinities[np.arange(n_users), 1 - favourite] = rng.normal(1, 0.05, n_users)
    users = np.column_stack([np.full(n_users, 3.0), np.ones(n_users), affinities])
    return World(
        user_vectors=users.astype(np.float32),
        movie_vectors=movies.astype(np.float32),
        genres=genres,
        violence=np.zeros(n_movies, np.float32),
        demographics=np.zeros((n_users, 4), np.float32),
        pools=draw_pools(n_users, 0.7, 0.15, rng),
        has_violence=False,
    )
