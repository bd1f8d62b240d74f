"""The simulator behind Gymnasium's interface: one session, or a batch of sessions played in step."""

import operator
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray
from pydantic import ValidationError

from rlrec.environments.observations import OBSERVATIONS
from rlrec.environments.sessions import Outcome, Sessions, check_scenario
from rlrec.errors import ConfigError, WorldError
from rlrec.settings.beliefs import BeliefConfig
from rlrec.settings.config import ScenarioConfig
from rlrec.worlds.dynamics import Floats
from rlrec.worlds.knowledge import Knowledge
from rlrec.worlds.world import World

Action = int | np.integer[Any] | NDArray[np.integer[Any]]
ActionSpace = spaces.Discrete | spaces.MultiDiscrete


class MovieLensEnv(gymnasium.Env[Floats, Action]):
    """Recommends movies to one simulated user, whose taste moves with what he or she is shown.

    ## Description
    One episode is one user's session of T recommendations (`episode_length`). Each is a slate of K movies
    (`slate_size`), which the user rates; a rating is the clipped dot product of the movie's vector and the user's
    hidden taste. A movie that the user likes changes the user's affinity to the movie's genres: that is what an agent
    can exploit or spoil. After ml-fairness-gym's `movie_lens_dynamic` environment.

    ## Action Space
    `Discrete(N)` for `slate_size=1`, the movie to show; otherwise `MultiDiscrete([N] * K)`, the slate in its order. N
    is the number of movies of the world. The movies of a slate must be distinct and, unless `allow_repeats`, not shown
    before in the session: `info["action_mask"]` has a 1 for each movie that may be shown. Other actions raise
    `WorldError`. `env.action_space.sample(mask=info["action_mask"])` draws a valid action for `slate_size=1`.

    ## Observation Space
    A `Box` of float32. `observation="history"` (the default) has `5 F + G + 5` entries, F being the number of movie
    features (see `features`) and G that of genres: mean features of the movies shown, mean of (rating - 3.5)-weighted
    features, the same of the last slate, the estimated taste given the ratings so far (see `belief`), its standard
    deviations, the liked movies of each genre as shares of all that a session shows, the user's four demographics (sex,
    age, occupation, zip), t / T. `observation="thesis"` has 25 entries: the four demographics, 19 genre flags of the
    last movie shown, its rating / 5, its violence; all but the demographics are 0 at first.

    ## Rewards
    The mean over the slate of `((1 - λ) * rating + λ * (1 - violence)) / 5`, λ being `lambda_non_violent`: at most 1.

    ## Starting State
    A user drawn uniformly from `pool`, with the taste that the world gives. `reset(options={"user": 17})` takes user 17
    of the world, of whatever pool.

    ## Episode End
    `terminated` is true after T slates. `truncated` is never true: t / T is part of the default observation, so the end
    belongs to the problem.

    ## Info
    `user` (int) and `action_mask` (`(N,)` int8) always; after a step also `ratings` (`(K,)` float32 in [1, 5]), `ctr`
    (clicks over movies shown in this session so far; a rating above 3.5 is a click), `ndcg` (against the best K movies
    that could have been shown) and `ndcg_max` (against K fives).

    ## Arguments
    ```python
    import gymnasium
    import rlrec  # registers the environment

    env = gymnasium.make("rlrec/MovieLens-v0", world="data/world/world.npz", slate_size=1, delta=1.0)
    ```

    Args:
        world: A `World`, or the path of a saved one.
        slate_size: K, movies shown at each step.
        observation: `history` or `thesis`.
        delta: A liked movie multiplies the user's affinities to its genres by `1 + delta`: > 0 is addiction, < 0
            boredom, 0 a static user.
        threshold: Lowest rating that is liked.
        affinity_cap: Affinities are clipped to plus or minus this.
        recovery: Share of the way back to its start that a taste goes after each step.
        noise: Standard deviation, in stars, of ratings around the taste's; `fitted` is the world's own.
        belief: What the estimated taste takes users for, a `BeliefConfig` or its settings; by default that tastes
            stand still and ratings do not end at 1 and 5.
        lambda_non_violent: Weight of non-violence in the reward, from 0 to 1; needs a world that knows violence.
        allow_repeats: Whether a movie may be shown twice in one session.
        episode_length: T, slates in a session.
        pool: Users to draw from: `train`, `validation`, `test` or `all`.
        features: What movie features are made of: the `world`'s own vectors, vectors fitted to `training` users' real
            ratings only, or `genres` and popularity.

    Raises:
        ConfigError: an argument has the wrong type or is out of range.
        WorldError: the world cannot be loaded, or cannot be played as asked.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 (as the base class has it)

    def __init__(
        self,
        world: World | str | os.PathLike[str],
        slate_size: int = 1,
        observation: str = "history",
        delta: float = 1.0,
        threshold: float = 3.0,
        affinity_cap: float = 5.0,
        recovery: float = 0.0,
        noise: float | str = 0.0,
        belief: BeliefConfig | Mapping[str, Any] | None = None,
        lambda_non_violent: float = 0.0,
        allow_repeats: bool = False,
        episode_length: int = 50,
        pool: str = "train",
        features: str = "world",
    ) -> None:
        self._game = _game(
            world,
            pool,
            slate_size=slate_size,
            observation=observation,
            features=features,
            delta=delta,
            threshold=threshold,
            affinity_cap=affinity_cap,
            recovery=recovery,
            noise=noise,
            belief=belief,
            lambda_non_violent=lambda_non_violent,
            allow_repeats=allow_repeats,
            episode_length=episode_length,
        )
        self.action_space = self._game.action_space
        self.observation_space = self._game.observation_space
        self._sessions: Sessions | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Floats, dict[str, Any]]:
        """Starts a session.

        Args:
            seed: Seeds the draws of this and later users.
            options: `{"user": u}` plays user u.

        Raises:
            WorldError: the user is unknown, or there is an option other than `user`.
        """
        super().reset(seed=seed)
        user = _option_user(options)
        users = self.np_random.choice(self._game.pool, size=1) if user is None else _user_ids(user, 1)
        self._sessions = Sessions(self._game.world, users, self._game.scenario, seed=self._game.luck(self.np_random))
        return self._sessions.observe()[0], self._info(self._sessions)

    def step(self, action: Action) -> tuple[Floats, float, bool, bool, dict[str, Any]]:
        """Shows a slate.

        Raises:
            WorldError: there is no session, or it is over, or the action is none that may be played.
        """
        sessions = _started(self._sessions)
        outcome = sessions.play(np.asarray(action).reshape(1, -1))
        info = self._info(sessions) | {name: values[0] for name, values in _measures(outcome).items()}
        return (sessions.observe()[0], float(outcome.rewards[0]), outcome.done, False, info)

    @staticmethod
    def _info(sessions: Sessions) -> dict[str, Any]:
        return {"user": int(sessions.users[0]), "action_mask": sessions.available[0].astype(np.int8)}


class MovieLensVectorEnv(VectorEnv[Floats, NDArray[np.integer[Any]], NDArray[Any]]):
    """A batch of `MovieLensEnv` sessions, stepped together by matrix products.

    Made by `gymnasium.make_vec("rlrec/MovieLens-v0", num_envs=B, world=W, ...)`. Spaces, rewards and infos are those
    of B single environments, batched; see `MovieLensEnv`. All sessions have the same length, so they end together.

    Autoreset is Gymnasium's default, `AutoresetMode.NEXT_STEP`: the step after the last one ignores its actions,
    starts new sessions with new users of the pool, and returns their first observations with rewards of 0.

    Args:
        num_envs: B, sessions played at once; users are drawn independently, so one user may be in several.
        world: And the further arguments: as for `MovieLensEnv`.

    Raises:
        ConfigError: as for `MovieLensEnv`, or `num_envs` is less than 1.
        WorldError: as for `MovieLensEnv`.
    """

    metadata: dict[str, Any] = {"render_modes": [], "autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012

    def __init__(
        self,
        num_envs: int,
        world: World | str | os.PathLike[str],
        slate_size: int = 1,
        observation: str = "history",
        delta: float = 1.0,
        threshold: float = 3.0,
        affinity_cap: float = 5.0,
        recovery: float = 0.0,
        noise: float | str = 0.0,
        belief: BeliefConfig | Mapping[str, Any] | None = None,
        lambda_non_violent: float = 0.0,
        allow_repeats: bool = False,
        episode_length: int = 50,
        pool: str = "train",
        features: str = "world",
    ) -> None:
        if not isinstance(num_envs, int | np.integer) or num_envs < 1:
            raise ConfigError(f"num_envs: must be an integer of at least 1 (is {num_envs!r})")
        self._game = _game(
            world,
            pool,
            slate_size=slate_size,
            observation=observation,
            features=features,
            delta=delta,
            threshold=threshold,
            affinity_cap=affinity_cap,
            recovery=recovery,
            noise=noise,
            belief=belief,
            lambda_non_violent=lambda_non_violent,
            allow_repeats=allow_repeats,
            episode_length=episode_length,
        )
        self.num_envs = int(num_envs)
        self.single_action_space = self._game.action_space
        self.single_observation_space = self._game.observation_space
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self._sessions: Sessions | None = None
        self._over = False

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Floats, dict[str, Any]]:
        """Starts all sessions.

        Args:
            seed: Seeds the draws of these and later users.
            options: `{"user": [u_1, ..., u_B]}` plays these users, `{"user": u}` one user in all sessions.

        Raises:
            WorldError: a user is unknown, their number is not B, or there is an option other than `user`.
        """
        super().reset(seed=seed)
        user = _option_user(options)
        drawn = user is None
        users = self.np_random.choice(self._game.pool, size=self.num_envs) if drawn else _user_ids(user, self.num_envs)
        self._sessions = Sessions(self._game.world, users, self._game.scenario, seed=self._game.luck(self.np_random))
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
        outcome = sessions.play(slates)
        self._over = outcome.done
        ended, truncated = (np.full(self.num_envs, outcome.done), np.zeros(self.num_envs, bool))
        infos = self._infos(sessions, _measures(outcome))
        return (sessions.observe(), outcome.rewards.astype(np.float64), ended, truncated, infos)

    def _infos(self, sessions: Sessions, measures: dict[str, NDArray[Any]]) -> dict[str, Any]:
        infos = {"user": sessions.users.copy(), "action_mask": sessions.available.astype(np.int8), **measures}
        # Gymnasium's own vector environments say beside each value which sessions have it.
        return infos | {f"_{name}": np.ones(self.num_envs, bool) for name in infos}


class _Game(NamedTuple):
    """What is played, and by whom."""

    world: World
    scenario: ScenarioConfig
    pool: NDArray[np.int64]
    action_space: ActionSpace
    observation_space: spaces.Space[Floats]

    def luck(self, rng: np.random.Generator) -> int:
        """The seed of the scatter of a session's ratings, drawn only where there is any."""
        return int(rng.integers(2**32)) if self.scenario.noise else 0


def _game(world: World | str | os.PathLike[str], pool: str, **arguments: Any) -> _Game:
    if isinstance(world, str | os.PathLike):
        world = World.load(world)
    elif not isinstance(world, World):
        raise WorldError(f"world: must be a World or the path of a saved one (is {type(world).__name__})")
    try:
        scenario = ScenarioConfig(**arguments)
    except ValidationError as error:
        problems = (f"{problem['loc'][0]}: {problem['msg']} (is {problem['input']!r})" for problem in error.errors())
        raise ConfigError("\n".join(problems)) from error
    check_scenario(world, scenario)
    slate_size, n_movies = scenario.slate_size, world.n_movies
    low, high = OBSERVATIONS[scenario.observation].bounds(Knowledge.of(world), scenario)
    return _Game(
        world,
        scenario,
        world.users_in(pool),
        spaces.Discrete(n_movies) if slate_size == 1 else spaces.MultiDiscrete([n_movies] * slate_size),
        spaces.Box(low, high, dtype=np.float32),
    )


def _option_user(options: Mapping[str, Any] | None) -> Any:
    unknown = set(options or {}) - {"user"}
    if unknown:
        raise WorldError(f"unknown reset option {min(unknown, key=str)!r}: the only one is 'user'")
    return (options or {}).get("user")


def _user_ids(user: Any, count: int) -> NDArray[np.int64]:
    """The users asked for as `(count,)`; a single one is repeated."""
    try:
        ids = [operator.index(one) for one in (np.ravel(user) if np.ndim(user) else [user])]
    except (TypeError, ValueError) as error:
        raise WorldError(f"reset option 'user' must be an integer, or {count} of them (is {user!r})") from error
    if len(ids) != count and np.ndim(user):
        raise WorldError(f"reset option 'user' must name {count} users, but names {len(ids)}")
    return np.full(count, ids, np.int64)


def _started(sessions: Sessions | None) -> Sessions:
    if sessions is None:
        raise WorldError("there is no session yet: call reset() before step()")
    return sessions


def _measures(outcome: Outcome) -> dict[str, NDArray[Any]]:
    return {"ratings": outcome.ratings, "ctr": outcome.ctr, "ndcg": outcome.ndcg, "ndcg_max": outcome.ndcg_max}
