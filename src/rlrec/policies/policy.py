"""What every recommender of the project looks like, how it is told a history, and how its scores become slates."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlrec.environments.sessions import Sessions
from rlrec.worlds.dynamics import Floats

Scores = NDArray[np.floating[Any]]


class Policy(ABC):
    """A recommender: it scores the catalogue at every step of a batch of B sessions.

    The order of calls in a batch is `begin`, then `scores` and `learn` once a step. What a policy may read of a session
    is `users`, `step`, `available`, `scenario`, `world` and `observe()`; one that reads `taste` cheats, and says so.

    Attributes:
        name: for tables and figures.
        draws: whether what it shows depends on chance, hence on the seed it is played with.
    """

    name: str
    draws: bool = False

    def begin(self, sessions: Sessions, rng: np.random.Generator) -> None:  # noqa: B027 (most policies have no state)
        """A new batch of sessions starts; what was learned in earlier sessions is forgotten.

        Args:
            sessions: at step 0.
            rng: for policies that draw. Take `session_generators(sessions.users, rng)`, so that what a user is shown
                does not depend on who else is in the batch.
        """

    @abstractmethod
    def scores(self, sessions: Sessions) -> Scores:
        """`(B, N)`: the higher, the earlier a movie is recommended; equal scores go to the lower id.

        Movies that are not available may have any score.
        """

    def learn(self, slates: NDArray[np.int64], ratings: Floats) -> None:  # noqa: B027
        """Takes in the users' answers: `(B, K)` slates shown and `(B, K)` ratings given."""


def session_generators(users: Iterable[int], rng: np.random.Generator) -> list[np.random.Generator]:
    """A generator for each session, depending on its user and on one draw from `rng` alone."""
    key = int(rng.integers(2**63))
    return [np.random.default_rng([key, int(user)]) for user in users]
