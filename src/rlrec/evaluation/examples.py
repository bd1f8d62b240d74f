"""Example sessions for people to read: who was shown what, what they rated, and how their taste moved."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rlrec.evaluation.evaluate import SESSIONS, names_of_genres
from rlrec.evaluation.results import Session, Sessions, ShownMovie, Step
from rlrec.metrics import slates as metrics
from rlrec.policies.playing import OnStep, Played, play
from rlrec.policies.policy import Policy
from rlrec.settings.config import Config, derive_seed
from rlrec.worlds.world import World


def example_sessions(
    policy: Policy,
    world: World,
    config: Config,
    *,
    genre_names: Sequence[str] | None = None,
    top_genres: int = 6,
    progress: OnStep | None = None,
) -> Sessions:
    """Tells `config.report.example_sessions` sessions of test users step by step, at `scenario.slate_size`.

    The sessions are those that `evaluate` plays (a user's first). Of n examples, the i-th is the user at the
    `(i + 1/2) / n` quantile of return, ties in order of user: with three, one from the middle of the lowest, of the
    middle and of the highest third. None is picked by hand, and none is the extreme.

    Args:
        policy: who recommends.
        world: its `test` pool is played.
        config: `scenario`, `report.example_sessions` and `seed` are read.
        genre_names: G names; `world.genre_names` where absent.
        top_genres: how many genres a session's affinities are told for: those whose affinity moved the farthest from
            start to end, equal ones in the order of their largest affinity.
        progress: told after every step.

    Returns:
        What `sessions.json` holds; fewer sessions where there are fewer test users.

    Raises:
        WorldError: the world has no test users, or too few movies.
        ModelError: the policy does not fit the world.
    """
    users = world.users_in("test")
    names = names_of_genres(world, genre_names)
    seed = derive_seed(config.seed, SESSIONS)
    played = play(policy, world, users, config.scenario, seed, keep_tastes=True, progress=progress)
    returns = metrics.session_return(played.rewards)
    ranking = np.argsort(returns, kind="stable")
    chosen = typical(len(users), config.report.example_sessions)
    return Sessions(
        policy=policy.name,
        scenario=config.scenario,
        seed=config.seed,
        n_users=len(users),
        sessions=[
            _session(played, int(ranking[place]), (place + 0.5) / len(users), world, names, top_genres)
            for place in chosen
        ],
    )


def typical(n_users: int, n: int) -> list[int]:
    """Places in a ranking of users that split it into n equal parts, each by its middle.

    >>> typical(9, 3)
    [1, 4, 7]
    >>> typical(2, 3)
    [0, 1]
    """
    return sorted({int((i + 0.5) / n * n_users) for i in range(n)})


def _session(played: Played, index: int, quantile: float, world: World, names: list[str], top_genres: int) -> Session:
    assert played.tastes is not None
    user, tastes = int(played.users[index]), played.tastes[index]
    moved, largest = np.abs(tastes[-1] - tastes[0]), np.abs(tastes).max(axis=0)
    followed = np.lexsort((-largest, -moved))[:top_genres]

    def affinities(step: int) -> dict[str, float]:
        return {names[g]: float(tastes[step, g]) for g in followed}

    return Session(
        quantile=quantile,
        user=user,
        user_id=_original(world.user_ids, user),
        earned=float(metrics.session_return(played.rewards[index : index + 1])[0]),
        ctr=float(metrics.ctr(played.ratings[index : index + 1])[0]),
        genres=[names[g] for g in followed],
        steps=[
            Step(
                step=t + 1,
                movies=[
                    _movie(world, names, int(movie), float(rating))
                    for movie, rating in zip(played.slates[index, t], played.ratings[index, t], strict=True)
                ],
                reward=float(played.rewards[index, t]),
                affinities_before=affinities(t),
                affinities_after=affinities(t + 1),
            )
            for t in range(played.slates.shape[1])
        ],
    )


def _movie(world: World, names: list[str], movie: int, rating: float) -> ShownMovie:
    return ShownMovie(
        movie=movie,
        movie_id=_original(world.movie_ids, movie),
        title=world.title(movie),
        genres=[names[g] for g in np.flatnonzero(world.genres[movie])],
        rating=rating,
    )


def _original(ids: NDArray[np.int64], index: int) -> int:
    return int(ids[index]) if ids.size else index
