"""One session of a game behind Gymnasium's interface."""

from typing import Any, NamedTuple

import gymnasium
import numpy as np
from numpy.typing import NDArray

from rlrec.environments.gym.drawing import check_render_mode, draw_step
from rlrec.environments.gym.game import Action, Game, Infos, started
from rlrec.environments.sessions import Sessions
from rlrec.worlds.dynamics import Floats


class Shown(NamedTuple):
    """The last step: the movies of its slate, none where nothing was shown, how they were rated, and the reward."""

    movies: list[int]
    ratings: Floats
    reward: float | None


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
        self._last: Shown | None = None
        self.action_space, self.observation_space = game.action_space, game.observation_space
        self._sessions: Sessions | None = None
        self._about: dict[str, int] = {}

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Floats, dict[str, Any]]:
        """Starts a session.

        Args:
            seed: Seeds the draws of this and later sessions.
            options: Who is played, and how: see *Starting State* of the environment.

        Raises:
            WorldError: an option is unknown, or cannot be had.
        """
        super().reset(seed=seed)
        self._sessions, about = self._game.start([self.np_random], options)
        self._about = {name: int(values[0]) for name, values in about.items()}
        self._last = None
        return self._sessions.observe()[0], self._info(self._sessions, {})

    def step(self, action: Action) -> tuple[Floats, float, bool, bool, dict[str, Any]]:
        """Shows a slate.

        Raises:
            WorldError: there is no session, or it is over, or the action is none that may be played.
        """
        sessions = started(self._sessions)
        asked = np.asarray(action).reshape(1, -1)
        rewards, told = self._game.play(sessions, asked)
        shown = [] if "penalised" in told and told["penalised"][0] else told.get("slate", asked)[0].tolist()
        reward = float(rewards[0])
        self._last = Shown(shown, told["ratings"][0], reward)
        return sessions.observe()[0], reward, bool(sessions.over[0]), False, self._info(sessions, told)

    def render(self) -> Any:
        """What the last step showed and how it was rated: a text (`ansi`), a picture (`rgb_array`), or None.

        The picture, `(H, W, 3)` uint8, has the taste of a simulated user beside it.

        Raises:
            WorldError: there is no session.
        """
        if self.render_mode is None:
            return None
        sessions, scenario = started(self._sessions), self._game.scenario
        last = self._last or Shown([], np.empty(0, np.float32), None)
        titles = [self._game.world.title(movie) for movie in last.movies]
        ratings = last.ratings[: len(titles)].tolist()
        reward = "" if last.reward is None else f", reward {last.reward:.2f}"
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
        return np.tile(started(self._sessions).available[0], self._game.scenario.slate_size)

    def _info(self, sessions: Sessions, measures: Infos) -> dict[str, Any]:
        mask = sessions.available[0].astype(np.int8)
        return {**self._about, "action_mask": mask, **{name: values[0] for name, values in measures.items()}}
