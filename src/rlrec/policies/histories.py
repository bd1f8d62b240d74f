"""How policies are told what people rated before."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from rlrec.environments.sessions import Sessions
from rlrec.policies.policy import Policy
from rlrec.settings.config import ScenarioConfig
from rlrec.worlds.dynamics import Floats
from rlrec.worlds.world import World


def after_history(
    policies: Iterable[Policy],
    world: World,
    users: NDArray[np.int64],
    movies: NDArray[np.int64],
    ratings: Floats,
    scenario: ScenarioConfig,
    seed: np.random.SeedSequence,
) -> Sessions:
    """Tells policies what people rated, one movie after another, as if it had been a session so far.

    The simulated users are neither asked nor changed. Non-violence is not rewarded.

    Args:
        policies: begin with these sessions, and can then be asked for their scores.
        world: the catalogue.
        users: `(B,)`, whose demographics are seen.
        movies: `(B, n)`, those of a user distinct; n may be 0.
        ratings: `(B, n)` stars.
        scenario: what is observed, and the length T of a session. A history longer than T is a longer session.
        seed: of policies that draw.

    Returns:
        Sessions after n steps, to ask the policies about.

    Raises:
        WorldError: a user or a movie is unknown, or a movie is twice in a history.
        ModelError: a policy does not fit the world or the scenario.
    """
    known = movies.shape[1]
    length = min(max(scenario.episode_length, known + 1), world.n_movies)
    changes = {"slate_size": 1, "allow_repeats": False, "lambda_non_violent": 0.0, "episode_length": length}
    sessions = Sessions(world, users, scenario.model_copy(update=changes))
    policies = tuple(policies)
    for policy in policies:
        policy.begin(sessions, np.random.default_rng(seed))
    if known:
        sessions.record_steps(movies, ratings)
    for policy in policies:
        for step in range(known):
            policy.learn(movies[:, step : step + 1], ratings[:, step : step + 1])
    return sessions
