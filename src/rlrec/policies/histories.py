"""How policies are told what people rated before."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlrec.environments.sessions import Sessions
from rlrec.environments.views import View
from rlrec.policies.policy import Policy, scenario_of, view_of
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
) -> list[View]:
    """Tells policies what people rated, one movie after another, as if it had been a session so far.

    Sessions are started once for all policies that need the same observation and features. The simulated users are
    neither asked nor changed. Non-violence is not rewarded.

    Args:
        policies: begin with these sessions, and can then be asked for their scores.
        world: its movies are rated.
        users: `(B,)`, whose demographics are seen.
        movies: `(B, n)`, those of a user distinct; n may be 0.
        ratings: `(B, n)` stars.
        scenario: what is observed (unless a policy needs something else), and the length T of a session. A history
            longer than T is a longer session.
        seed: of policies that draw.

    Returns:
        What each policy sees after n steps, in their order: to ask it for its scores.

    Raises:
        WorldError: a user or a movie is unknown, or a movie is twice in a history.
        ModelError: a policy does not fit the world or the scenario.
    """
    known = movies.shape[1]
    length = min(max(scenario.episode_length, known + 1), world.n_movies)
    changes: dict[str, Any] = {"slate_size": 1, "allow_repeats": False, "noise": 0.0, "lambda_non_violent": 0.0}
    changes["episode_length"] = length
    scenario, policies = scenario.model_copy(update=changes), tuple(policies)
    started: dict[tuple[Any, ...], Sessions] = {}
    views = []
    for policy in policies:
        own = scenario_of(policy, scenario)
        need = own.observation, own.features, own.belief, own.reward
        if need not in started:
            started[need] = Sessions(world, users, own)
        views.append(view_of(policy, started[need]))
        policy.begin(views[-1], np.random.default_rng(seed))
    if known:
        for sessions in started.values():
            sessions.record_steps(movies, ratings)
    for policy in policies:
        for step in range(known):
            policy.observe(movies[:, step : step + 1], ratings[:, step : step + 1])
    return views
