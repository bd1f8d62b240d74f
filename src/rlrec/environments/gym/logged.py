"""What people really answered behind Gymnasium's interface: one session, or a batch of sessions played in step."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from rlrec.data.dataset.histories import History
from rlrec.data.dataset.pools import POOLS
from rlrec.environments.gym.arguments import checked_scenario, drawn_users, integers, reset_options, world_of
from rlrec.environments.gym.batch import SessionVectorEnv
from rlrec.environments.gym.game import Game, Infos, Started
from rlrec.environments.gym.single import SessionEnv
from rlrec.environments.logged import EARLIEST, LATEST, LoggedUsers, continued_users, known_at, logged_in
from rlrec.environments.sessions import Outcome, Sessions
from rlrec.errors import ConfigError, WorldError
from rlrec.settings.config import ScenarioConfig
from rlrec.worlds.world import World

OBSERVED = {"cold": ("answers", "recent", "stars"), "continue": ("recent", "stars")}
"""By kind of session, what may be observed in it; by default the first of these."""


class LoggedEnv(SessionEnv):
    """Recommends movies to a real person, who answers as he or she really did.

    ## Description
    One episode is a session of somebody of whose ratings the world has a log, in order of time: T slates
    (`episode_length`) of K movies (`slate_size`) are shown. A movie is answered by the stars that it was given, or by 0
    where it was not rated: that is an answer too. In a `cold` session nothing is known, and all that the person ever
    rated can be found. Sessions that `continue` begin at some moment of the log: what was rated before is known, what
    was rated next, a quarter of the log's length, can be found, and what was rated later counts as not rated. Answers
    do not depend on what was shown: how people would have gone on had they been shown something else, nobody knows.

    ## Action Space
    `Discrete(N)` for `slate_size=1`, the movie to show; otherwise `MultiDiscrete([N] * K)`, the slate in its order. N
    is the number of movies of the world. The movies of a slate must be distinct, and neither shown before in the
    session nor known from before it: `info["action_mask"]` has a 1 for each movie that may be shown, and so has
    `action_masks()`. Other actions raise `WorldError`, or are replaced or penalised (see `invalid`).
    `env.action_space.sample(mask=info["action_mask"])` draws a valid action for `slate_size=1`.

    ## Observation Space
    A `Box` of float32. `observation="recent"` has `10 F + 2` entries, F being the number of movie features (see
    `features`): decayed sums of the features of the movies that were rated above 3.5, and of the others, for each of
    five half-lives, and how many these are. `observation="stars"` has `F + 1`: what is believed of the person's taste
    by how movies were rated, and how many were. `observation="answers"` has `2 R + 5`, R being 16 at most: mean and
    standard deviations of what is believed of the factors of the person's answers, four demographics (sex, age,
    occupation, zip), t / T. See `rlrec.environments.lately` and `rated_taste`. By default it is `answers` in cold
    sessions and `recent` in those that continue, which cannot have `answers`: of what was not rated before them, nobody
    knows what was shown.

    ## Rewards
    The mean over the slate of what an answer is worth, from 0 to 1: 1 if the movie was rated (`reward="seen"`), 1 if
    it was rated above 3.5 (`liked`), or its stars / 5 (`rating`).

    ## Starting State
    A person drawn uniformly from those of `pool` whose log is long enough: one rating, or two for sessions that
    continue, of which a share drawn uniformly from 0.2 to 0.95 is known. `reset(options={"user": 17})` takes user 17 of
    the world, of whatever pool but `test`; in sessions that continue `{"known": 20}` begins after 20 ratings.

    ## Episode End
    `terminated` is true after T slates. `truncated` is never true.

    ## Info
    `user` (int) and `action_mask` (`(N,)` int8) always, in sessions that continue also `known` (int), how many ratings
    are history; after a step also `ratings` (`(K,)` float32, 0 for what was not rated), `ctr` (clicks over movies shown
    in this session so far; a rating above 3.5 is a click) and `ndcg` (of the stars, against the best K movies that
    could have been shown; NaN where nothing that was rated is left to be shown).

    ## Arguments
    ```python
    import gymnasium
    import rlrec  # registers the environment

    env = gymnasium.make("rlrec/Logged-v0", world="data/world/world.npz", sessions="cold", slate_size=1)
    ```

    Args:
        world: A `World` that was fitted to real ratings, or the path of a saved one.
        sessions: `cold` or `continue`.
        slate_size: K, movies shown at each step.
        episode_length: T, slates in a session.
        reward: What an answer is worth: `seen`, `liked` or `rating`.
        observation: `recent`, `stars` or `answers`; by default what becomes the kind of session.
        features: What movie features are made of: who `watched` what, or as for `rlrec/MovieLens-v0`.
        pool: People to draw from: `train` or `validation`. Of test users a world has no log.
        invalid: `refuse`, `replace` or `penalise`, as for `rlrec/MovieLens-v0`.
        render_mode: None, `ansi` or `rgb_array`, as for `rlrec/MovieLens-v0`.

    Raises:
        ConfigError: an argument has the wrong type or is out of range.
        WorldError: the world cannot be loaded, has no log, or cannot be played as asked.
    """

    def __init__(
        self,
        world: World | str | os.PathLike[str],
        sessions: str = "cold",
        slate_size: int = 1,
        episode_length: int = 40,
        reward: str = "seen",
        observation: str | None = None,
        features: str = "watched",
        pool: str = "train",
        invalid: str = "refuse",
        render_mode: str | None = None,
    ) -> None:
        super().__init__(
            _game(world, sessions, slate_size, episode_length, reward, observation, features, pool, invalid),
            render_mode,
        )


class LoggedVectorEnv(SessionVectorEnv):
    """A batch of `LoggedEnv` sessions, stepped together by matrix products.

    Made by `gymnasium.make_vec("rlrec/Logged-v0", num_envs=B, world=W, ...)`. Spaces, rewards and infos are those of B
    single environments, batched; see `LoggedEnv`. All sessions have the same length; where they continue, their
    histories differ in length. Seeds, autoreset and `reset_mask` are as for
    `rlrec.environments.gym.movielens.MovieLensVectorEnv`.

    `reset(options={"user": [u_1, ..., u_B]})` plays these users, `{"user": u}` one user in all sessions; likewise
    `known`.

    Args:
        num_envs: B, sessions played at once; people are drawn independently, so one may be in several.
        world: And the further arguments: as for `LoggedEnv`.
        autoreset_mode: as for `MovieLensVectorEnv`.
        max_episode_steps: likewise.

    Raises:
        ConfigError: as for `LoggedEnv`, or `num_envs` or `max_episode_steps` is less than 1.
        WorldError: as for `LoggedEnv`.
    """

    def __init__(
        self,
        num_envs: int,
        world: World | str | os.PathLike[str],
        sessions: str = "cold",
        slate_size: int = 1,
        episode_length: int = 40,
        reward: str = "seen",
        observation: str | None = None,
        features: str = "watched",
        pool: str = "train",
        invalid: str = "refuse",
        render_mode: str | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        max_episode_steps: int | None = None,
    ) -> None:
        super().__init__(
            num_envs,
            _game(world, sessions, slate_size, episode_length, reward, observation, features, pool, invalid),
            render_mode,
            autoreset_mode,
            max_episode_steps,
        )


class _Cold(Game):
    """People of whom nothing is known, drawn from those of a pool who rated something."""

    least = 1
    """Ratings that a log must have."""
    options: tuple[str, ...] = ("user",)
    """Of `reset`."""

    def __init__(self, world: World, scenario: ScenarioConfig, pool: str, invalid: str) -> None:
        self._users = logged_in(world, pool, self.least)
        super().__init__(world, scenario, invalid)

    def start(self, rngs: Sequence[np.random.Generator], options: Mapping[str, Any] | None) -> Started:
        given = reset_options(options, *self.options)
        user = given["user"]
        users = drawn_users(self._users, rngs) if user is None else integers("user", user, len(rngs), "users")
        histories = [self.world.history(user) for user in users.tolist()]
        for user, history in zip(users.tolist(), histories, strict=True):
            if len(history.movies) < self.least:
                raise WorldError(
                    f"the log of user {user} ({POOLS[self.world.pools[user]]} pool) has {len(history.movies)} ratings, "
                    f"but {self.least} or more are needed; of test users a world has no log"
                )
        return self._begin(users, histories, rngs, given)

    def _begin(
        self,
        users: NDArray[np.int64],
        histories: list[History],
        rngs: Sequence[np.random.Generator],
        given: dict[str, Any],
    ) -> Started:
        people = LoggedUsers(histories, self.world.n_movies)
        return Started(Sessions(self.world, users, self.scenario, people), {"user": users})

    def measures(self, outcome: Outcome) -> Infos:
        return {"ratings": outcome.ratings, "ctr": outcome.ctr, "ndcg": outcome.ndcg}


class _Continued(_Cold):
    """People whose log is continued at some moment."""

    least = 2
    options = ("user", "known")

    def __init__(self, world: World, scenario: ScenarioConfig, pool: str, invalid: str) -> None:
        super().__init__(world, scenario, pool, invalid)
        lengths = np.diff(world.log_starts)[self._users]
        self._check_known(self._users, lengths, known_at(lengths, LATEST))

    def _begin(
        self,
        users: NDArray[np.int64],
        histories: list[History],
        rngs: Sequence[np.random.Generator],
        given: dict[str, Any],
    ) -> Started:
        lengths = np.array([len(history.movies) for history in histories])
        if given["known"] is None:
            known = known_at(lengths, np.array([rng.uniform(EARLIEST, LATEST) for rng in rngs]))
        else:
            known = integers("known", given["known"], len(users), "numbers of ratings")
        self._check_known(users, lengths, known)
        people = continued_users(histories, self.world.n_movies, known)
        sessions = Sessions(self.world, users, self.scenario, people)
        sessions.recall(
            [History(one.movies[:end], one.stars[:end]) for one, end in zip(histories, known.tolist(), strict=True)]
        )
        return Started(sessions, {"user": users, "known": known})

    def _check_known(self, users: NDArray[np.int64], lengths: NDArray[np.int64], known: NDArray[np.int64]) -> None:
        """Refuses histories, `(B,)` each, after which there is nothing to be found or too little to be shown."""
        steps, size = self.scenario.episode_length, self.scenario.slate_size
        for user, length, begun in zip(users.tolist(), lengths.tolist(), known.tolist(), strict=True):
            if not 1 <= begun < length:
                raise WorldError(
                    f"user {user} rated {length} movies: of these 1 to {length - 1} are known, not {begun}"
                )
            if self.world.n_movies - begun < steps * size:
                raise WorldError(
                    f"a session of {steps} slates of {size} needs {steps * size} movies, but user {user} already knows "
                    f"{begun} of the {self.world.n_movies} of this world"
                )


def _game(
    world: World | str | os.PathLike[str],
    sessions: str,
    slate_size: int,
    episode_length: int,
    reward: str,
    observation: str | None,
    features: str,
    pool: str,
    invalid: str,
) -> Game:
    world = world_of(world)
    if sessions not in OBSERVED:
        raise ConfigError(f"sessions: must be {' or '.join(OBSERVED)} (is {sessions!r})")
    seen = OBSERVED[sessions][0] if observation is None else observation
    if seen not in OBSERVED[sessions]:
        observed = " or ".join(OBSERVED[sessions])
        raise ConfigError(f"observation: must be {observed} in sessions that are {sessions!r} (is {seen!r})")
    scenario = checked_scenario(
        slate_size=slate_size, episode_length=episode_length, reward=reward, observation=seen, features=features
    )
    if pool in ("test", "all"):
        raise WorldError(
            f"pool {pool!r}: what test users really rated is kept for judging, a world has no log of it. Play train or "
            "validation users"
        )
    return (_Cold if sessions == "cold" else _Continued)(world, scenario, pool, invalid)
