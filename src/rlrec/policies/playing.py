"""Plays a policy in the simulator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlrec.environments.answers import Answers
from rlrec.environments.sessions import Sessions
from rlrec.policies.policy import Policy, scenario_of, view_of
from rlrec.policies.slates import top_slates
from rlrec.settings.config import ScenarioConfig
from rlrec.worlds.dynamics import Floats
from rlrec.worlds.world import World

OnStep = Callable[[int, int, str], None]
"""Called with the number of steps done, the number to do, and what is being played."""

_CELLS = 2**22
"""Most entries of a batch's `(B, N)` arrays: larger batches leave the cache and are no faster."""


@dataclass(frozen=True, eq=False)
class Played:
    """B finished sessions: all users' first, then all users' second, and so on.

    Attributes:
        users: `(B,)` int64.
        slates: `(B, T, K)` int64.
        ratings: `(B, T, K)` float32.
        rewards: `(B, T)` float32.
        ndcg: `(B, T)` float64.
        ndcg_max: `(B, T)` float64.
        tastes: `(B, T + 1, G)` float32, genre affinities before the first slate and after each; where asked for.
    """

    users: NDArray[np.int64]
    slates: NDArray[np.int64]
    ratings: Floats
    rewards: Floats
    ndcg: NDArray[np.float64]
    ndcg_max: NDArray[np.float64]
    tastes: Floats | None = None


def play(
    policy: Policy,
    world: World,
    users: NDArray[np.int64],
    scenario: ScenarioConfig,
    seed: int | np.random.SeedSequence,
    *,
    sessions_per_user: int = 1,
    keep_tastes: bool = False,
    answers: Callable[[NDArray[np.int64]], Answers] | None = None,
    progress: OnStep | None = None,
) -> Played:
    """Plays `sessions_per_user` sessions with each user.

    A session's draws come from `(seed, user, repetition)`: they are the same for every policy, whoever else is played.

    Args:
        policy: who recommends.
        world: where.
        users: `(U,)`, distinct.
        scenario: its `slate_size` is K, its `episode_length` is T; what is observed is what the policy needs.
        seed: of the policy's draws, and of the scatter of ratings where there is any (`scenario.noise`).
        sessions_per_user: R; B = R · U sessions are played.
        keep_tastes: whether to keep the genre affinities over time.
        answers: who answers for these users `(B,)`; their simulated selves where absent.
        progress: told after every step of a batch.

    Raises:
        WorldError: the world cannot play this scenario.
        ModelError: the policy's scores are no scores.
    """
    root = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    size = max(1, _CELLS // world.n_movies)
    batches = [
        (repetition, users[start : start + size])
        for repetition in range(sessions_per_user)
        for start in range(0, len(users), size)
    ]
    scenario, paid = scenario_of(policy, scenario), scenario.reward
    steps, played = scenario.episode_length, []
    for number, (repetition, batch) in enumerate(batches):

        def tell(step: int, number: int = number) -> None:
            if progress is not None:
                progress(number * steps + step, len(batches) * steps, policy.name)

        # All batches of a repetition start from one generator: what a user draws does not depend on the cut.
        entropy = np.random.SeedSequence(root.entropy, spawn_key=(*root.spawn_key, repetition))
        who = None if answers is None else answers(batch)
        sessions = Sessions(world, batch, scenario, who, seed=int(entropy.generate_state(1)[0]), paid=paid)
        played.append(_play_batch(policy, sessions, np.random.default_rng(entropy), keep_tastes, tell))
    names = [name for name in played[0] if name != "tastes" or keep_tastes]
    return Played(**{name: np.concatenate([part[name] for part in played]) for name in names})


def _play_batch(
    policy: Policy, sessions: Sessions, rng: np.random.Generator, keep_tastes: bool, tell: Callable[[int], None]
) -> dict[str, NDArray[Any]]:
    steps, k, n_genres = sessions.scenario.episode_length, sessions.scenario.slate_size, sessions.world.n_genres
    batch = len(sessions.users)
    record: dict[str, NDArray[Any]] = {
        "users": sessions.users,
        "slates": np.empty((batch, steps, k), np.int64),
        "ratings": np.empty((batch, steps, k), np.float32),
        "rewards": np.empty((batch, steps), np.float32),
        "ndcg": np.empty((batch, steps)),
        "ndcg_max": np.empty((batch, steps)),
    }
    tastes = np.empty((batch, steps + 1, n_genres), np.float32) if keep_tastes else None
    view = view_of(policy, sessions)
    policy.begin(view, rng)
    for t in range(steps):
        if tastes is not None:
            tastes[:, t] = sessions.taste[:, -n_genres:]
        slates = top_slates(policy.scores(view), sessions.available, k)
        outcome = sessions.play(slates)
        policy.observe(slates, outcome.ratings)
        record["slates"][:, t], record["ratings"][:, t] = slates, outcome.ratings
        record["rewards"][:, t] = outcome.rewards
        record["ndcg"][:, t], record["ndcg_max"][:, t] = outcome.ndcg, outcome.ndcg_max
        tell(t + 1)
    if tastes is not None:
        tastes[:, steps] = sessions.taste[:, -n_genres:]
        record["tastes"] = tastes
    return record
