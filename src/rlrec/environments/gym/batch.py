"""A batch of sessions of a game behind Gymnasium's interface for vector environments."""

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from rlrec.environments.gym.drawing import check_render_mode
from rlrec.environments.gym.game import Game, Infos, started
from rlrec.environments.rows import Chosen
from rlrec.environments.sessions import Sessions
from rlrec.errors import ConfigError, WorldError
from rlrec.worlds.dynamics import Floats

Stepped = tuple[Floats, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]


class SessionVectorEnv(VectorEnv[Floats, NDArray[np.integer[Any]], NDArray[Any]]):
    """A batch of sessions of a game: what Gymnasium's `SyncVectorEnv` gives of as many single ones, but faster.

    Session i has the seed `seed + i`, or its own of a list, and plays what a single environment with that seed plays.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 (as the base class has it)

    def __init__(
        self,
        num_envs: int,
        game: Game,
        render_mode: str | None,
        autoreset_mode: AutoresetMode | str,
        max_episode_steps: int | None,
    ) -> None:
        """Nothing is played before `reset`.

        Raises:
            ConfigError: `num_envs` or `max_episode_steps` is less than 1, or there is no such render or autoreset mode.
        """
        check_render_mode(render_mode, self.metadata)
        for name, number in (("num_envs", num_envs), ("max_episode_steps", max_episode_steps)):
            if number is None and name == "max_episode_steps":
                continue
            if not isinstance(number, int | np.integer) or number < 1:
                raise ConfigError(f"{name}: must be an integer of at least 1 (is {number!r})")
        try:
            self._mode = AutoresetMode(autoreset_mode)
        except ValueError as error:
            modes = ", ".join(mode.value for mode in AutoresetMode)
            raise ConfigError(f"autoreset_mode: must be one of {modes} (is {autoreset_mode!r})") from error
        self.metadata = {**self.metadata, "autoreset_mode": self._mode}
        self._game, self.num_envs, self._limit = game, int(num_envs), max_episode_steps
        self.single_action_space, self.single_observation_space = game.action_space, game.observation_space
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self._rngs: list[np.random.Generator] = []
        self._seeds: list[int] = []
        self._sessions: Sessions | None = None
        self._about: Infos = {}
        self._ended = np.zeros(self.num_envs, bool)

    @property  # type: ignore[misc]
    def np_random(self) -> tuple[np.random.Generator, ...]:  # type: ignore[override]
        """The sessions' generators, as `SyncVectorEnv` has them."""
        self._seed(None)
        return tuple(self._rngs)

    @property
    def np_random_seed(self) -> tuple[int, ...]:  # type: ignore[override]
        """What these were seeded with."""
        self._seed(None)
        return tuple(self._seeds)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Floats, dict[str, Any]]:
        """Starts all sessions, or those of `options["reset_mask"]`.

        Args:
            seed: Seeds the draws of these and later sessions: session i has `seed + i`, or the i-th of a list.
            options: As for the single environment, each with B values, or with one for all sessions; `reset_mask`,
                `(B,)` bool, has the sessions that start anew while the others stay where they are.

        Raises:
            WorldError: an option is unknown, or cannot be had, or has neither one value nor B.
        """
        given = dict(options or {})
        chosen = self._reset_mask(given.pop("reset_mask", None))
        self._seed(seed, chosen)
        self._begin(chosen, given)
        sessions = started(self._sessions)
        return sessions.observe(), _told(self._state(sessions), chosen)

    def step(self, actions: NDArray[np.integer[Any]]) -> Stepped:
        """Shows each user a slate, or starts new sessions where the last step ended them (`NEXT_STEP`).

        Args:
            actions: `(B,)` movies for `slate_size=1`, otherwise `(B, K)`.

        Raises:
            WorldError: there are no sessions, or an action is none that may be played, or a session is over and is
                neither reset by itself nor was by `reset_mask`.
        """
        sessions = started(self._sessions)
        if self._ended.any() and self._mode is AutoresetMode.DISABLED:
            numbers = ", ".join(map(str, np.flatnonzero(self._ended)[:5].tolist()))
            raise WorldError(f"sessions are over (of these environments: {numbers}): reset them, see reset_mask")
        anew = self._ended.copy()
        if anew.all():
            self._begin(anew, {})
            sessions = started(self._sessions)
            none = np.zeros(self.num_envs, bool)
            return sessions.observe(), np.zeros(self.num_envs), none, none.copy(), _told(self._state(sessions), ~none)
        rewards, measures = self._play(sessions, actions, ~anew)
        if anew.any():
            self._begin(anew, {})
        ended, truncated = sessions.over, np.zeros(self.num_envs, bool)
        if self._limit is not None:
            truncated = sessions.steps >= self._limit
        over, played = ended | truncated, ~anew
        infos: dict[str, Any] = {}
        observations = sessions.observe()
        if over.any() and self._mode is AutoresetMode.SAME_STEP:
            final = _told(self._state(sessions), over) | _told(measures, over)
            infos = {"final_obs": np.full(self.num_envs, None, object), "final_info": final}
            for row in np.flatnonzero(over):
                infos["final_obs"][row] = observations[row].copy()
            infos |= {"_final_obs": over.copy(), "_final_info": over.copy()}
            self._begin(over, {})
            sessions, played = started(self._sessions), played & ~over
            observations = sessions.observe()
        else:
            self._ended = over
        infos |= _told(self._state(sessions), np.ones(self.num_envs, bool))
        if played.any():
            infos |= _told(measures, played)
        return observations, rewards, ended, truncated, infos

    def action_masks(self) -> NDArray[np.bool_]:
        """`(B, N)`, or `(B, K · N)`, see `rlrec.environments.gym.single.SessionEnv.action_masks`.

        Raises:
            WorldError: there are no sessions.
        """
        return np.tile(started(self._sessions).available, self._game.scenario.slate_size)

    def _play(
        self, sessions: Sessions, actions: NDArray[np.integer[Any]], chosen: Chosen
    ) -> tuple[NDArray[np.float64], Infos]:
        """Rewards and measures of the chosen sessions' step; 0 for the others."""
        slates = np.asarray(actions)
        if slates.ndim == 1 and self._game.scenario.slate_size == 1:
            slates = slates[:, None]
        if chosen.all():
            rewards, measures = self._game.play(sessions, slates)
            return rewards.astype(np.float64), measures
        if len(slates) != self.num_envs:
            raise WorldError(f"there must be {self.num_envs} actions, one a session, but there are {len(slates)}")
        playing = sessions.take(chosen)
        some, measures = self._game.play(playing, slates[chosen])
        sessions.put(chosen, playing)
        measures = {name: self._spread(values, chosen) for name, values in measures.items()}
        return self._spread(some.astype(np.float64), chosen), measures

    def _spread(self, values: NDArray[Any], chosen: Chosen) -> NDArray[Any]:
        spread = np.zeros((self.num_envs, *values.shape[1:]), values.dtype)
        spread[chosen] = values
        return spread

    def _begin(self, chosen: Chosen, options: dict[str, Any]) -> None:
        """Starts the chosen sessions anew."""
        if not chosen.all():
            options = {name: _of_chosen(value, chosen) for name, value in options.items()}
        rngs = [rng for rng, wanted in zip(self._rngs, chosen.tolist(), strict=True) if wanted]
        sessions, about = self._game.start(rngs, options)
        if self._sessions is None or chosen.all():
            self._sessions, self._about = sessions, about
        else:
            self._sessions.put(chosen, sessions)
            self._about = {name: values.copy() for name, values in self._about.items()}
            for name, values in about.items():
                self._about[name][chosen] = values
        self._ended = self._ended & ~chosen

    def _reset_mask(self, given: Any) -> Chosen:
        if given is None:
            return np.ones(self.num_envs, bool)
        mask = np.asarray(given)
        if mask.shape != (self.num_envs,) or mask.dtype != bool or not mask.any():
            raise WorldError(
                f"reset option 'reset_mask' must be {self.num_envs} truth values, one of them true (is {given!r})"
            )
        if self._sessions is None:
            raise WorldError("there are no sessions yet: call reset() without a 'reset_mask' first")
        return mask

    def _seed(self, seed: int | Sequence[int | None] | None, chosen: Chosen | None = None) -> None:
        """Seeds the generators of the chosen sessions; those that were never seeded are in any case."""
        seeds: list[int | None] = [None] * self.num_envs
        if seed is not None:
            seeds = list(seed) if isinstance(seed, Sequence | np.ndarray) else [seed + i for i in range(self.num_envs)]
        if len(seeds) != self.num_envs:
            raise WorldError(f"seed must be one number, or {self.num_envs} of them (there are {len(seeds)})")
        fresh = not self._rngs
        if fresh:
            self._rngs, self._seeds = [np.random.default_rng(0)] * self.num_envs, [0] * self.num_envs
        elif all(one is None for one in seeds):
            return
        for number, one in enumerate(seeds):
            if fresh or (one is not None and (chosen is None or chosen[number])):
                given = None if one is None else operator.index(one)
                self._rngs[number], self._seeds[number] = seeding.np_random(given)

    def _state(self, sessions: Sessions) -> Infos:
        about = {name: values.copy() for name, values in self._about.items()}
        return about | {"action_mask": sessions.available.astype(np.int8)}


def _told(infos: Infos, who: Chosen) -> dict[str, Any]:
    """As Gymnasium's own vector environments tell it: beside each value, which sessions have it."""
    return {**infos, **{f"_{name}": who.copy() for name in infos}}


def _of_chosen(value: Any, chosen: Chosen) -> Any:
    """The chosen ones of B values of an option; one for all stays as it is."""
    return np.asarray(value)[chosen] if np.ndim(value) == 1 and len(value) == len(chosen) else value
