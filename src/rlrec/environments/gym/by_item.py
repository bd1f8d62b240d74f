"""Slates that are built one movie at a time, so that masks can say that the movies of a slate differ."""

import operator
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from rlrec.environments.gym.game import Action, started
from rlrec.environments.gym.logged import LoggedEnv
from rlrec.environments.gym.movielens import MovieLensEnv
from rlrec.environments.gym.single import SessionEnv
from rlrec.environments.gym.slates import nearest_allowed
from rlrec.errors import WorldError
from rlrec.worlds.dynamics import Floats
from rlrec.worlds.knowledge import Knowledge


class ByItem(SessionEnv):
    """One session of a game, in which a slate of K movies takes K steps: see `SlateByItemEnv`."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        """Of the arguments of the environment whose slates are built."""
        super().__init__(*arguments, **named)
        world, scenario = self._game.world, self._game.scenario
        movies = Knowledge.of(world).representation(scenario.features)
        self._features, self._directions, self._size = movies.features, movies.directions, scenario.slate_size
        most = np.abs(self._features).max(axis=0) * 1.01
        box = self._game.observation_space
        assert isinstance(box, spaces.Box)
        self.action_space = spaces.Discrete(world.n_movies)
        self.observation_space = spaces.Box(
            np.concatenate([box.low, -most, [0.0]]).astype(np.float32),
            np.concatenate([box.high, most, [1.0]]).astype(np.float32),
            dtype=np.float32,
        )
        self._observation: Floats = np.empty(0, np.float32)
        self._picked: list[int] = []
        self._replaced = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Floats, dict[str, Any]]:
        """Starts a session, see `SessionEnv.reset`."""
        self._observation, info = super().reset(seed=seed, options=options)
        self._picked, self._replaced = [], 0
        return self._seen(), self._with_position(info)

    def step(self, action: Action) -> tuple[Floats, float, bool, bool, dict[str, Any]]:
        """Adds a movie to the slate; the last one shows it.

        Raises:
            WorldError: there is no session, or it is over, or the action is none that may be played.
        """
        sessions = started(self._sessions)
        if sessions.over.all():
            return super().step(np.zeros(self._size, np.int64))  # says so
        self._picked.append(self._checked(action))
        if len(self._picked) < self._size:
            return self._seen(), 0.0, False, False, self._with_position(self._info(sessions, {}))
        slate, replaced = np.array(self._picked), self._replaced
        self._picked, self._replaced = [], 0
        self._observation, reward, terminated, truncated, info = super().step(slate)
        if self._game.invalid == "replace":
            info["replaced"] = replaced
        return self._seen(), reward, terminated, truncated, self._with_position(info)

    def action_masks(self) -> NDArray[np.bool_]:
        """`(N,)`: the movies that may be shown now and do not stand in the slate.

        Raises:
            WorldError: there is no session.
        """
        left: NDArray[np.bool_] = started(self._sessions).available[0].copy()
        left[self._picked] = False
        return left

    def _checked(self, action: Any) -> int:
        try:
            movie = operator.index(action)
        except TypeError as error:
            raise WorldError(f"an action must be the number of a movie (is {action!r})") from error
        if not 0 <= movie < len(self._features):
            raise WorldError(f"unknown movie {movie}: this world has movies 0 to {len(self._features) - 1}")
        left = self.action_masks()
        if left[movie] or self._game.invalid == "penalise":  # that is seen to when the slate is shown
            return movie
        if self._game.invalid == "replace":
            self._replaced += 1
            return int(nearest_allowed(np.array([[movie]]), left[None], self._directions)[0, 0])
        where = "stands in the slate already" if movie in self._picked else "may not be shown any more"
        raise WorldError(f"movie {movie} {where}: see info['action_mask']")

    def _seen(self) -> Floats:
        picked = self._features[self._picked].sum(axis=0) / self._size
        return np.concatenate([self._observation, picked, [len(self._picked) / self._size]], dtype=np.float32)

    def _with_position(self, info: dict[str, Any]) -> dict[str, Any]:
        return info | {"action_mask": self.action_masks().astype(np.int8), "position": len(self._picked)}


class SlateByItemEnv(ByItem, MovieLensEnv):
    """`rlrec/SlateByItem-v0`: the sessions of `rlrec/MovieLens-v0`, with slates that are built one movie at a time.

    An agent with K choices of N movies cannot be told by a mask of `MultiDiscrete([N] * K)` that these must differ.
    Here an action is one movie, `Discrete(N)`: K steps fill a slate, and the last of them shows it. Masks are exact:
    `info["action_mask"]` and `action_masks()` have a 1 for each movie that may be shown and is not yet in the slate.

    The reward is that of the slate, in the step that shows it, and 0 in the others; a session has T * K steps. To the
    observation are added the features of the movies in the slate, their sum over K (F entries), and the share of the
    slate that is filled. `info["position"]` says how many movies stand in it; the further infos of a slate come with
    the step that shows it.

    A slate is `refuse`d at the movie that may not stand in it; with `replace` another takes that one's place at once;
    with `penalise` it is shown to nobody, which the last of its steps tells.

    Its arguments are those of `rlrec.environments.gym.movielens.MovieLensEnv`; by its name it is made with
    `slate_size=5`.
    """


class LoggedSlateByItemEnv(ByItem, LoggedEnv):
    """`rlrec/LoggedSlateByItem-v0`: the same for the sessions of `rlrec/Logged-v0`, see `SlateByItemEnv`.

    Its arguments are those of `rlrec.environments.gym.logged.LoggedEnv`; by its name it is made with `slate_size=5`.
    """
