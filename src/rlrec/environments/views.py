"""What a policy sees of sessions: everything but the users' tastes and the truth about the movies.

A policy that reads more fails: mypy says so where it is written, and an `AttributeError` with what to do instead where
it is run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from rlrec.environments.sessions import Sessions
from rlrec.settings.config import ScenarioConfig
from rlrec.worlds.dynamics import Floats
from rlrec.worlds.knowledge import Knowledge, Representation


class View:
    """A batch of B sessions as a policy sees it; it follows the sessions as they go on. Arrays are read-only."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    @property
    def users(self) -> NDArray[np.int64]:
        """`(B,)`, numbers of the users: to seed draws with, not to look anything up."""
        return self._sessions.users

    @property
    def step(self) -> int:
        """t, how many slates were shown."""
        return self._sessions.step

    @property
    def length(self) -> int:
        """T, how many will have been in the end."""
        return self._sessions.scenario.episode_length

    @property
    def slate_size(self) -> int:
        """K, the movies of a slate."""
        return self._sessions.scenario.slate_size

    @property
    def available(self) -> NDArray[np.bool_]:
        """`(B, N)`, the movies that may be shown now."""
        return _read_only(self._sessions.available)

    @property
    def scenario(self) -> ScenarioConfig:
        """How the sessions are played."""
        return self._sessions.scenario

    @property
    def demographics(self) -> Floats:
        """`(B, 4)` float32 in [0, 1]: sex, age, occupation, zip of each user."""
        return self._sessions.demographics

    @property
    def knowledge(self) -> Knowledge:
        """What may be known of the world."""
        return self._sessions.knowledge

    @property
    def representation(self) -> Representation:
        """The movies as an agent knows them in this scenario (`scenario.features`)."""
        return self.knowledge.representation(self.scenario.features)

    def observe(self) -> Floats:
        """`(B, S)` float32, see `rlrec.environments.observations`."""
        return self._sessions.observe()

    def expect(self) -> Floats:
        """`(B, N)` float32, ratings that are expected by what is believed of the users: `rlrec.environments.belief`."""
        return self._sessions.expect()

    if not TYPE_CHECKING:  # mypy would take it for a promise that every attribute exists

        def __getattr__(self, name: str) -> Any:
            """Says what to do instead."""
            hint = _HIDDEN.get(name, "see rlrec.environments.views for what it has")
            raise AttributeError(f"a policy's view of sessions has no {name!r}: {hint}")


class InformedView(View):
    """What a policy sees that is meant to know what no recommender can know: see `InformedPolicy`."""

    @property
    def taste(self) -> Floats:
        """`(B, D)` float32, the users' true tastes now."""
        return _read_only(self._sessions.taste)

    @property
    def movie_vectors(self) -> Floats:
        """`(N, D)` float32, what the users rate by: a rating is the clipped dot product of the two."""
        return self._sessions.world.movie_vectors


_Kind = TypeVar("_Kind", bound=np.generic)


def _read_only(array: NDArray[_Kind]) -> NDArray[_Kind]:
    seen = array.view()
    seen.flags.writeable = False
    return seen


_HIDDEN = {
    "taste": "what a user likes is hidden, and to be inferred from ratings. A bound that is told it derives from "
    "rlrec.policies.policy.InformedPolicy",
    "movie_vectors": "what users rate by is hidden. Take `representation`, what an agent may know of the movies; a "
    "bound that is told more derives from rlrec.policies.policy.InformedPolicy",
    "world": "the users' tastes are in it. Take `knowledge`, what may be known of it",
}
"""Attributes that somebody may look for."""
