"""The simulator behind Gymnasium's interface: one session, or a batch of sessions played in step."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from rlrec.environments.gym.arguments import checked_scenario, drawn_users, integers, reset_options, world_of
from rlrec.environments.gym.batch import SessionVectorEnv
from rlrec.environments.gym.game import Game, Infos, Started
from rlrec.environments.gym.single import SessionEnv
from rlrec.environments.sessions import Outcome, Sessions
from rlrec.settings.beliefs import BeliefConfig
from rlrec.settings.config import ScenarioConfig
from rlrec.worlds.world import World


class MovieLensEnv(SessionEnv):
    """Recommends movies to one simulated user, whose taste moves with what he or she is shown.

    ## Description
    One episode is one user's session of T recommendations (`episode_length`). Each is a slate of K movies
    (`slate_size`), which the user rates; a rating is the clipped dot product of the movie's vector and the user's
    hidden taste. A movie that the user likes changes the user's affinity to the movie's genres: that is what an agent
    can exploit or spoil. After ml-fairness-gym's `movie_lens_dynamic` environment.

    ## Action Space
    `Discrete(N)` for `slate_size=1`, the movie to show; otherwise `MultiDiscrete([N] * K)`, the slate in its order. N
    is the number of movies of the world. The movies of a slate must be distinct and, unless `allow_repeats`, not shown
    before in the session: `info["action_mask"]` has a 1 for each movie that may be shown, and so has `action_masks()`.
    Other actions raise `WorldError`, or are replaced or penalised (see `invalid`).
    `env.action_space.sample(mask=info["action_mask"])` draws a valid action for `slate_size=1`.

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
        invalid: What is done with a movie that may not be shown, or that stands in the slate already: `refuse` it with
            a `WorldError`, or `replace` it by the one that may be shown whose features point most in its direction;
            `info` then has the `slate` (`(K,)`) that was shown and how many of it were `replaced`. Or `penalise` it:
            the user is shown nothing, the step counts, the reward is -0.2, and `info["penalised"]` is true.
        render_mode: `render` tells of the last step in words (`ansi`) or draws it beside the taste (`rgb_array`).

    Raises:
        ConfigError: an argument has the wrong type or is out of range.
        WorldError: the world cannot be loaded, or cannot be played as asked.
    """

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
        invalid: str = "refuse",
        render_mode: str | None = None,
    ) -> None:
        super().__init__(
            _game(
                world,
                pool,
                invalid,
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
            ),
            render_mode,
        )


class MovieLensVectorEnv(SessionVectorEnv):
    """A batch of `MovieLensEnv` sessions, stepped together by matrix products.

    Made by `gymnasium.make_vec("rlrec/MovieLens-v0", num_envs=B, world=W, ...)`. Spaces, rewards and infos are those
    of B single environments, batched; see `MovieLensEnv`. Seeds are theirs too: with `reset(seed=s)`, session i plays
    what a single environment plays that is reset with `s + i`, and a list has one seed for each.

    All sessions have the same length, so they end together unless some were reset alone. Autoreset is Gymnasium's
    default, `NextStep`: the step after the last one ignores its actions, starts new sessions with new users of the
    pool, and returns their first observations with rewards of 0. With `SameStep` the step that ends a session starts
    the next one, and `infos["final_obs"]` and `infos["final_info"]` have the end. With `Disabled` nothing starts by
    itself: `reset(options={"reset_mask": mask})` starts those sessions anew for which the mask, `(B,)` bool, is true.

    `reset(options={"user": [u_1, ..., u_B]})` plays these users, `{"user": u}` one user in all sessions.

    Args:
        num_envs: B, sessions played at once; users are drawn independently, so one user may be in several.
        world: And the further arguments: as for `MovieLensEnv`.
        autoreset_mode: `NextStep`, `SameStep` or `Disabled`, or Gymnasium's `AutoresetMode`.
        max_episode_steps: `truncated` is true after so many steps; never where absent.

    Raises:
        ConfigError: as for `MovieLensEnv`, or `num_envs` or `max_episode_steps` is less than 1.
        WorldError: as for `MovieLensEnv`.
    """

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
        invalid: str = "refuse",
        render_mode: str | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        max_episode_steps: int | None = None,
    ) -> None:
        super().__init__(
            num_envs,
            _game(
                world,
                pool,
                invalid,
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
            ),
            render_mode,
            autoreset_mode,
            max_episode_steps,
        )


class _Simulated(Game):
    """Users as the world has them, drawn from a pool."""

    def __init__(self, world: World, scenario: ScenarioConfig, invalid: str, pool: NDArray[np.int64]) -> None:
        super().__init__(world, scenario, invalid)
        self._pool = pool

    def start(self, rngs: Sequence[np.random.Generator], options: Mapping[str, Any] | None) -> Started:
        user = reset_options(options, "user")["user"]
        users = drawn_users(self._pool, rngs) if user is None else integers("user", user, len(rngs), "users")
        # The seed of the scatter of ratings is drawn only where there is any.
        luck = np.array([rng.integers(2**32) if self.scenario.noise else 0 for rng in rngs])
        return Started(Sessions(self.world, users, self.scenario, seed=luck), {"user": users})

    def measures(self, outcome: Outcome) -> Infos:
        return {"ratings": outcome.ratings, "ctr": outcome.ctr, "ndcg": outcome.ndcg, "ndcg_max": outcome.ndcg_max}


def _game(world: World | str | os.PathLike[str], pool: str, invalid: str, **arguments: Any) -> _Simulated:
    world = world_of(world)
    return _Simulated(world, checked_scenario(**arguments), invalid, world.users_in(pool))
