"""What the environments play, and what they do with slates that may not be shown."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from rlrec.environments.gym.slates import Slates, forbidden, nearest_allowed
from rlrec.environments.observations import OBSERVATIONS
from rlrec.environments.sessions import Outcome, Sessions, check_scenario
from rlrec.errors import ConfigError, WorldError
from rlrec.settings.config import ScenarioConfig
from rlrec.worlds.dynamics import Floats
from rlrec.worlds.knowledge import Knowledge
from rlrec.worlds.world import World

Action = int | np.integer[Any] | NDArray[np.integer[Any]]
ActionSpace = spaces.Discrete | spaces.MultiDiscrete
INVALID = ("refuse", "replace", "penalise")
"""What may be done with a slate that may not be shown."""
PENALTY = -0.2
"""Reward of a slate that may not be shown, where that is penalised: a star less than what was not rated."""
Infos = dict[str, NDArray[Any]]
"""By name, a value for each of the B sessions."""


class Started(NamedTuple):
    """Sessions that begin.

    Attributes:
        sessions: before their first slate.
        about: `(B,)` int64 each, what is told of them in all their infos.
    """

    sessions: Sessions
    about: Infos


class Game(ABC):
    """What is played, and by whom.

    Attributes:
        world: whose movies are shown.
        scenario: how it is played.
        invalid: what is done with a slate that may not be shown.
        action_space: of one session.
        observation_space: of one session.
    """

    def __init__(self, world: World, scenario: ScenarioConfig, invalid: str) -> None:
        """Makes the spaces.

        Args:
            world: see the class.
            scenario: see the class.
            invalid: what is done with a slate that may not be shown: `refuse`, `replace` or `penalise`.

        Raises:
            ConfigError: `invalid` is none of these.
            WorldError: see `rlrec.environments.sessions.check_scenario`.
        """
        if invalid not in INVALID:
            raise ConfigError(f"invalid: must be {', '.join(INVALID[:-1])} or {INVALID[-1]} (is {invalid!r})")
        check_scenario(world, scenario)
        self.world, self.scenario, self.invalid = world, scenario, invalid
        low, high = OBSERVATIONS[scenario.observation].bounds(Knowledge.of(world), scenario)
        size = scenario.slate_size
        self.action_space: ActionSpace = (
            spaces.Discrete(world.n_movies) if size == 1 else Slates(world.n_movies, (size,))
        )
        self.observation_space: spaces.Space[Floats] = spaces.Box(low, high, dtype=np.float32)

    def play(self, sessions: Sessions, slates: NDArray[np.integer]) -> tuple[Floats, Infos]:
        """Shows `(B, K)` slates, or what takes their place; `(B,)` rewards, with what infos tell of the step.

        Raises:
            WorldError: a slate may not be shown and that is refused, has the wrong shape or a movie that there is not,
                or a session is over.
        """
        # Of what is no slate at all, `Sessions.play` says what is wrong with it.
        if self.invalid == "refuse" or not self._are_slates(slates, len(sessions.users)):
            outcome = sessions.play(slates)
            return outcome.rewards, self.measures(outcome)
        if self.invalid == "penalise":
            return self._play_or_penalise(sessions, slates.astype(np.int64))
        directions = Knowledge.of(self.world).representation(self.scenario.features).directions
        shown = nearest_allowed(slates.astype(np.int64), sessions.available, directions)
        outcome = sessions.play(shown)
        return outcome.rewards, self.measures(outcome) | {"slate": shown, "replaced": (shown != slates).sum(axis=1)}

    def _are_slates(self, given: NDArray[Any], batch: int) -> bool:
        """Whether these are `(B, K)` movies that there are."""
        fits = given.shape == (batch, self.scenario.slate_size) and given.dtype.kind in "iu"
        return bool(fits and given.min() >= 0 and given.max() < self.world.n_movies)

    def _play_or_penalise(self, sessions: Sessions, slates: NDArray[np.int64]) -> tuple[Floats, Infos]:
        wrong = forbidden(slates, sessions.available)
        if not wrong.any():
            outcome = sessions.play(slates)
            return outcome.rewards, self.measures(outcome) | {"penalised": wrong}
        if wrong.all():
            sessions.wait()
        else:
            waiting, playing = sessions.take(wrong), sessions.take(~wrong)
            waiting.wait()
            played = playing.play(slates[~wrong])
            sessions.put(wrong, waiting)
            sessions.put(~wrong, playing)
        found = _nothing(slates.shape, sessions)
        if not wrong.all():
            for name in ("ratings", "rewards", "ndcg", "ndcg_max"):
                getattr(found, name)[~wrong] = getattr(played, name)
        return found.rewards, self.measures(found) | {"penalised": wrong}

    @abstractmethod
    def start(self, rngs: Sequence[np.random.Generator], options: Mapping[str, Any] | None) -> Started:
        """Begins B sessions, as the options of `reset` have it; what they do not say is drawn, each by its own of B.

        Raises:
            WorldError: an option is unknown, or cannot be had.
        """

    @abstractmethod
    def measures(self, outcome: Outcome) -> Infos:
        """What infos tell of a step."""


def _nothing(shape: tuple[int, ...], sessions: Sessions) -> Outcome:
    """What a step gave in which nobody was shown anything."""
    none = np.zeros(len(sessions.users))
    rewards = np.full(len(none), PENALTY, np.float32)
    return Outcome(np.zeros(shape, np.float32), rewards, sessions.ctr, none, none.copy(), bool(sessions.over.all()))


def started(sessions: Sessions | None) -> Sessions:
    """The sessions.

    Raises:
        WorldError: there are none yet.
    """
    if sessions is None:
        raise WorldError("there is no session yet: call reset() before step()")
    return sessions
