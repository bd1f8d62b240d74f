"""The simulated users: they rate by a hidden taste, which moves with what they like."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rlrec.settings.config import ScenarioConfig
from rlrec.worlds.dynamics import Floats, rate, react, recover
from rlrec.worlds.world import World


class FittedUsers:
    """B users of a world: `Answers` by the dynamics that `rlrec.worlds.dynamics` describes.

    Attributes:
        taste: `(B, D)` float32, now.
    """

    def __init__(self, world: World, users: NDArray[np.int64], scenario: ScenarioConfig) -> None:
        """They start with the tastes that the world gives them; `users` is `(B,)`."""
        self._world, self._users, self._scenario = world, users, scenario
        self.taste: Floats = world.user_vectors[users]

    def available(self) -> NDArray[np.bool_]:
        """All movies: they have an answer to each."""
        return np.ones((len(self._users), self._world.n_movies), bool)

    def rate(self, slates: NDArray[np.int64]) -> Floats:
        """See `Answers`."""
        return rate(self.taste, self._world.movie_vectors[slates])

    def rate_all(self) -> Floats:
        """See `Answers`."""
        return rate(self.taste, self._world.movie_vectors)

    def after(self, slates: NDArray[np.int64], ratings: Floats) -> None:
        """Their tastes move by what they liked, and then a share of the way back."""
        scenario = self._scenario
        self.taste = react(
            self.taste,
            self._world.genres[slates],
            ratings,
            delta=scenario.delta,
            threshold=scenario.threshold,
            affinity_cap=scenario.affinity_cap,
        )
        if scenario.recovery:
            self.taste = recover(self.taste, self._world.user_vectors[self._users], scenario.recovery)
