"""The simulated users: they rate by a hidden taste, which moves with what they like."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rlrec.environments.rows import Rows
from rlrec.errors import WorldError
from rlrec.settings.config import ScenarioConfig
from rlrec.worlds.dynamics import Floats, best_rating, rate, react, recover
from rlrec.worlds.world import World


class FittedUsers(Rows):
    """B users of a world: `Answers` by the dynamics that `rlrec.worlds.dynamics` describes.

    Attributes:
        taste: `(B, D)` float32, now.
    """

    per_row = ("taste", "_users", "_generators", "_luck")

    def __init__(
        self, world: World, users: NDArray[np.int64], scenario: ScenarioConfig, seed: int | NDArray[np.int64] = 0
    ) -> None:
        """They start with the tastes that the world gives them.

        Args:
            world: who they are.
            users: `(B,)`.
            scenario: how they react.
            seed: of the scatter of their ratings (`scenario.noise`), one for all or `(B,)`. What a user rates a movie
                at a step depends on that, on user, step and movie alone: it is the same luck whoever recommends.

        Raises:
            WorldError: see `noise_of`.
        """
        self._world, self._users, self._scenario = world, users, scenario
        self.taste: Floats = world.user_vectors[users]
        self._noise = noise_of(world, scenario)
        seeds = np.broadcast_to(seed, len(users)).tolist()
        self._generators = [
            np.random.default_rng([one, user]) for one, user in zip(seeds, users.tolist(), strict=True) if self._noise
        ]
        self._luck = self._draw()

    def available(self) -> NDArray[np.bool_]:
        """All movies: they have an answer to each."""
        return np.ones((len(self._users), self._world.n_movies), bool)

    def rate(self, slates: NDArray[np.int64]) -> Floats:
        """See `Answers`."""
        if self._luck is None:
            return rate(self.taste, self._world.movie_vectors.take(slates, axis=0))
        return rate(
            self.taste, self._world.movie_vectors.take(slates, axis=0), np.take_along_axis(self._luck, slates, axis=1)
        )

    def rate_all(self) -> Floats:
        """What their tastes make of all movies, without the scatter that nobody can foresee; see `Answers`."""
        return rate(self.taste, self._world.movie_vectors)

    def best(self, available: NDArray[np.bool_], movies: NDArray[np.int64], ratings: Floats) -> Floats:
        """See `rlrec.worlds.dynamics.best_rating`."""
        return best_rating(self.taste, self._world.catalogue, available, movies, ratings)

    def after(self, slates: NDArray[np.int64], ratings: Floats) -> None:
        """Their tastes move by what they liked, and then a share of the way back."""
        scenario = self._scenario
        self.taste = react(
            self.taste,
            self._world.genres.take(slates, axis=0),
            ratings,
            delta=scenario.delta,
            threshold=scenario.threshold,
            affinity_cap=scenario.affinity_cap,
        )
        if scenario.recovery:
            self.taste = recover(self.taste, self._world.user_vectors[self._users], scenario.recovery)
        self._luck = self._draw()

    def _draw(self) -> Floats | None:
        """`(B, N)` float32, how far each rating of the next step scatters, in stars."""
        if not self._generators:
            return None
        drawn = [generator.standard_normal(self._world.n_movies, np.float32) for generator in self._generators]
        return np.float32(self._noise) * np.stack(drawn)


def noise_of(world: World, scenario: ScenarioConfig) -> float:
    """Standard deviation of ratings around the taste's, in stars.

    Raises:
        WorldError: it is to be the world's own, and the world was not fitted to real ratings.
    """
    if scenario.noise != "fitted":
        return float(scenario.noise)
    if np.isnan(world.rating_noise):
        raise WorldError(
            "scenario.noise is 'fitted', but this world has no rating_noise: it was not fitted to real ratings, or by "
            "an earlier version. Fit it again (`make pipeline`)"
        )
    return world.rating_noise
