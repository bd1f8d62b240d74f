"""What the environments have in common: sessions behind Gymnasium's interface, one alone or a batch played in step."""

import operator
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray
from pydantic import ValidationError

from rlrec.environments.gym.drawing import check_render_mode, draw_step
from rlrec.environments.gym.slates import Slates, nearest_allowed
from rlrec.environments.observations import OBSERVATIONS
from rlrec.environments.sessions import Outcome, Sessions, check_scenario
from rlrec.errors import ConfigError, WorldError
from rlrec.settings.config import ScenarioConfig
from rlrec.worlds.dynamics import Floats
from rlrec.worlds.knowledge import Knowledge
from rlrec.worlds.world import World

Action = int | np.integer[Any] | NDArray[np.integer[Any]]
ActionSpace = spaces.Discrete | spaces.MultiDiscrete
INVALID = ("refuse", "replace")
"""What may be done with a slate that may not be shown."""
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
        action_space: of one session.
        observation_space: of one session.
    """

    def __init__(self, world: World, scenario: ScenarioConfig, invalid: str) -> None:
        """Makes the spaces.

        Args:
            world: see the class.
            scenario: see the class.
            invalid: what is done with a slate that may not be shown: `refuse` or `replace`.

        Raises:
            ConfigError: `invalid` is none of these.
            WorldError: see `rlrec.environments.sessions.check_scenario`.
        """
        if invalid not in INVALID:
            raise ConfigError(f"invalid: must be {' or '.join(INVALID)} (is {invalid!r})")
        check_scenario(world, scenario)
        self.world, self.scenario, self._replaces = world, scenario, invalid == "replace"
        low, high = OBSERVATIONS[scenario.observation].bounds(Knowledge.of(world), scenario)
        size = scenario.slate_size
        self.action_space: ActionSpace = (
            spaces.Discrete(world.n_movies) if size == 1 else Slates(world.n_movies, (size,))
        )
        self.observation_space: spaces.Space[Floats] = spaces.Box(low, high, dtype=np.float32)

    def play(self, sessions: Sessions, slates: NDArray[np.integer[Any]]) -> tuple[Outcome, Infos]:
        """Shows `(B, K)` slates, or what takes their place; with what infos tell of it.

        Raises:
            WorldError: a slate may not be shown and is not replaced, has the wrong shape or a movie that there is not,
                or the sessions are over.
        """
        if not self._replaces:
            outcome = sessions.play(slates)
            return outcome, self.measures(outcome)
        shape = (len(sessions.users), self.scenario.slate_size)
        fits = slates.shape == shape and np.issubdtype(slates.dtype, np.integer)
        shown = slates  # of what is no slate at all, `Sessions.play` says what is wrong with it
        if fits and ((slates >= 0) & (slates < self.world.n_movies)).all():
            movies = Knowledge.of(self.world).representation(self.scenario.features)
            shown = nearest_allowed(slates.astype(np.int64), sessions.available, movies.directions)
        outcome = sessions.play(shown)
        return outcome, self.measures(outcome) | {"slate": shown, "replaced": (shown != slates).sum(axis=1)}

    @abstractmethod
    def start(self, count: int, rng: np.random.Generator, options: Mapping[str, Any] | None) -> Started:
        """Begins so many sessions, as the options of `reset` have it; what they do not say is drawn.

        Raises:
            WorldError: an option is unknown, or cannot be had.
        """

    @abstractmethod
    def measures(self, outcome: Outcome) -> Infos:
        """What infos tell of a step."""


class SessionEnv(gymnasium.Env[Floats, Action]):
    """One session of a game."""

    metadata: dict[str, Any] = {"render_modes": ["ansi", "rgb_array"], "render_fps": 2}  # noqa: RUF012 (as the base class has it)

    def __init__(self, game: Game, render_mode: str | None) -> None:
        """Nothing is played before `reset`.

        Raises:
            ConfigError: there is no such render mode.
        """
        check_render_mode(render_mode, self.metadata)
        self._game, self.render_mode = game, render_mode
        self._last: tuple[NDArray[np.integer[Any]], Outcome] | None = None
        self.action_space, self.observation_space = game.action_space, game.observation_space
        self._sessions: Sessions | None = None
        self._about: Infos = {}

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Floats, dict[str, Any]]:
        """Starts a session.

        Args:
            seed: Seeds the draws of this and later sessions.
            options: Who is played, and how: see *Starting State* of the environment.

        Raises:
            WorldError: an option is unknown, or cannot be had.
        """
        super().reset(seed=seed)
        self._sessions, self._about = self._game.start(1, self.np_random, options)
        self._last = None
        return self._sessions.observe()[0], self._info(self._sessions, {})

    def step(self, action: Action) -> tuple[Floats, float, bool, bool, dict[str, Any]]:
        """Shows a slate.

        Raises:
            WorldError: there is no session, or it is over, or the action is none that may be played.
        """
        sessions = _started(self._sessions)
        asked = np.asarray(action).reshape(1, -1)
        outcome, told = self._game.play(sessions, asked)
        self._last = told.get("slate", asked)[0], outcome
        return sessions.observe()[0], float(outcome.rewards[0]), outcome.done, False, self._info(sessions, told)

    def render(self) -> Any:
        """What the last step showed and how it was rated: a text (`ansi`), a picture (`rgb_array`), or None.

        The picture, `(H, W, 3)` uint8, has the taste of a simulated user beside it.

        Raises:
            WorldError: there is no session.
        """
        if self.render_mode is None:
            return None
        sessions, scenario = _started(self._sessions), self._game.scenario
        slate, outcome = self._last or (np.empty(0, np.int64), None)
        titles = [self._game.world.title(movie) for movie in slate.tolist()]
        ratings = [] if outcome is None else outcome.ratings[0].tolist()
        reward = "" if outcome is None else f", reward {outcome.rewards[0]:.2f}"
        heading = f"user {sessions.users[0]}, step {sessions.step} of {scenario.episode_length}{reward}"
        if self.render_mode == "ansi":
            return "\n  ".join(
                [heading, *(f"{title}: {rating:.1f}" for title, rating in zip(titles, ratings, strict=True))]
            )
        genres = self._game.world.genre_names if sessions.simulated else ()
        affinities = sessions.taste[0, -len(genres) :].tolist() if genres else []
        size = scenario.slate_size
        return draw_step(heading, titles or [""] * size, ratings or [0.0] * size, genres, affinities)

    def action_masks(self) -> NDArray[np.bool_]:
        """`(N,)`, or `(K · N,)` with slates: the movies that may be shown now, in the form that sb3-contrib asks for.

        That the movies of a slate must differ, no such mask can say; see `invalid`.

        Raises:
            WorldError: there is no session.
        """
        return np.tile(_started(self._sessions).available[0], self._game.scenario.slate_size)

    def _info(self, sessions: Sessions, measures: Infos) -> dict[str, Any]:
        about = {name: int(values[0]) for name, values in self._about.items()}
        mask = {"action_mask": sessions.available[0].astype(np.int8)}
        return about | mask | {name: values[0] for name, values in measures.items()}


class SessionVectorEnv(VectorEnv[Floats, NDArray[np.integer[Any]], NDArray[Any]]):
    """A batch of sessions of a game, all at the same step."""

    metadata: dict[str, Any] = {"render_modes": [], "autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012

    def __init__(self, num_envs: int, game: Game, render_mode: str | None) -> None:
        """Nothing is played before `reset`.

        Raises:
            ConfigError: `num_envs` is less than 1, or there is no such render mode.
        """
        check_render_mode(render_mode, self.metadata)
        if not isinstance(num_envs, int | np.integer) or num_envs < 1:
            raise ConfigError(f"num_envs: must be an integer of at least 1 (is {num_envs!r})")
        self._game, self.num_envs = game, int(num_envs)
        self.single_action_space, self.single_observation_space = game.action_space, game.observation_space
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self._sessions: Sessions | None = None
        self._about: Infos = {}
        self._over = False

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Floats, dict[str, Any]]:
        """Starts all sessions.

        Args:
            seed: Seeds the draws of these and later sessions.
            options: As for the single environment, each with B values, or with one for all sessions.

        Raises:
            WorldError: an option is unknown, or cannot be had, or has neither one value nor B.
        """
        super().reset(seed=seed)
        self._sessions, self._about = self._game.start(self.num_envs, self.np_random, options)
        self._over = False
        return self._sessions.observe(), self._infos(self._sessions, {})

    def step(
        self, actions: NDArray[np.integer[Any]]
    ) -> tuple[Floats, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Shows each user a slate, or starts new sessions where the last step ended them.

        Args:
            actions: `(B,)` movies for `slate_size=1`, otherwise `(B, K)`.

        Raises:
            WorldError: there are no sessions, or an action is none that may be played.
        """
        sessions = _started(self._sessions)
        if self._over:
            observations, infos = self.reset()
            none = np.zeros(self.num_envs, bool)
            return observations, np.zeros(self.num_envs), none, none.copy(), infos
        slates = np.asarray(actions)
        if slates.ndim == 1 and self._game.scenario.slate_size == 1:
            slates = slates[:, None]
        outcome, told = self._game.play(sessions, slates)
        self._over = outcome.done
        ended, truncated = (np.full(self.num_envs, outcome.done), np.zeros(self.num_envs, bool))
        infos = self._infos(sessions, told)
        return sessions.observe(), outcome.rewards.astype(np.float64), ended, truncated, infos

    def action_masks(self) -> NDArray[np.bool_]:
        """`(B, N)`, or `(B, K · N)`, see `SessionEnv.action_masks`.

        Raises:
            WorldError: there are no sessions.
        """
        return np.tile(_started(self._sessions).available, self._game.scenario.slate_size)

    def _infos(self, sessions: Sessions, measures: Infos) -> dict[str, Any]:
        about = {name: values.copy() for name, values in self._about.items()}
        infos = {**about, "action_mask": sessions.available.astype(np.int8), **measures}
        # Gymnasium's own vector environments say beside each value which sessions have it.
        return infos | {f"_{name}": np.ones(self.num_envs, bool) for name in infos}


def world_of(world: World | str | os.PathLike[str]) -> World:
    """The world, or the one that is saved at this path.

    Raises:
        WorldError: it cannot be loaded, or is none.
    """
    if isinstance(world, str | os.PathLike):
        return World.load(world)
    if not isinstance(world, World):
        raise WorldError(f"world: must be a World or the path of a saved one (is {type(world).__name__})")
    return world


def checked_scenario(**arguments: Any) -> ScenarioConfig:
    """The scenario that these arguments of an environment make.

    Raises:
        ConfigError: one has the wrong type or is out of range.
    """
    try:
        return ScenarioConfig(**arguments)
    except ValidationError as error:
        problems = (f"{problem['loc'][0]}: {problem['msg']} (is {problem['input']!r})" for problem in error.errors())
        raise ConfigError("\n".join(problems)) from error


def reset_options(options: Mapping[str, Any] | None, *names: str) -> dict[str, Any]:
    """The options of `reset` by all the names that there are; None where an option is absent.

    Raises:
        WorldError: there is one of another name.
    """
    given = options or {}
    unknown = set(given) - set(names)
    if unknown:
        known = f"the only one is {names[0]!r}" if len(names) == 1 else f"there are {' and '.join(map(repr, names))}"
        raise WorldError(f"unknown reset option {min(unknown, key=str)!r}: {known}")
    return {name: given.get(name) for name in names}


def integers(name: str, value: Any, count: int, what: str) -> NDArray[np.int64]:
    """The integers that a reset option of this name gives, `(count,)`; a single one is repeated.

    Args:
        name: of the option.
        value: an integer, or `count` of them.
        count: B.
        what: they are, in the plural.

    Raises:
        WorldError: it is something else.
    """
    try:
        found = [operator.index(one) for one in (np.ravel(value) if np.ndim(value) else [value])]
    except (TypeError, ValueError) as error:
        raise WorldError(f"reset option {name!r} must be an integer, or {count} of them (is {value!r})") from error
    if len(found) != count and np.ndim(value):
        raise WorldError(f"reset option {name!r} must name {count} {what}, but names {len(found)}")
    return np.full(count, found, np.int64)


def _started(sessions: Sessions | None) -> Sessions:
    if sessions is None:
        raise WorldError("there is no session yet: call reset() before step()")
    return sessions
