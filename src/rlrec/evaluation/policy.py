"""What every recommender of the project looks like, how it is told a history, and how its scores become slates."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlrec.config import ScenarioConfig
from rlrec.errors import ModelError
from rlrec.simulator.dynamics import Floats
from rlrec.simulator.sessions import Sessions
from rlrec.simulator.world import World

Scores = NDArray[np.floating[Any]]


class Policy(ABC):
    """A recommender: it scores the catalogue at every step of a batch of B sessions.

    The order of calls in a batch is `begin`, then `scores` and `learn` once a step. What a policy may read of a session
    is `users`, `step`, `available`, `scenario`, `world` and `observe()`; one that reads `taste` cheats, and says so.

    Attributes:
        name: for tables and figures.
        draws: whether what it shows depends on chance, hence on the seed it is played with.
    """

    name: str
    draws: bool = False

    def begin(self, sessions: Sessions, rng: np.random.Generator) -> None:  # noqa: B027 (most policies have no state)
        """A new batch of sessions starts; what was learned in earlier sessions is forgotten.

        Args:
            sessions: at step 0.
            rng: for policies that draw. Take `session_generators(sessions.users, rng)`, so that what a user is shown
                does not depend on who else is in the batch.
        """

    @abstractmethod
    def scores(self, sessions: Sessions) -> Scores:
        """`(B, N)`: the higher, the earlier a movie is recommended; equal scores go to the lower id.

        Movies that are not available may have any score.
        """

    def learn(self, slates: NDArray[np.int64], ratings: Floats) -> None:  # noqa: B027
        """Takes in the users' answers: `(B, K)` slates shown and `(B, K)` ratings given."""


def session_generators(users: Iterable[int], rng: np.random.Generator) -> list[np.random.Generator]:
    """A generator for each session, depending on its user and on one draw from `rng` alone."""
    key = int(rng.integers(2**63))
    return [np.random.default_rng([key, int(user)]) for user in users]


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


def top_slates(scores: Scores, available: NDArray[np.bool_], k: int) -> NDArray[np.int64]:
    """The k best available movies of each session, in descending order of score; ties go to the lower id.

    Args:
        scores: `(B, N)`, without NaN.
        available: `(B, N)`, at least k of them in each row.
        k: length K of a slate.

    Returns:
        `(B, K)` int64.

    Raises:
        ModelError: the scores have the wrong shape or hold a NaN.
        ValueError: fewer than k movies are available.

    >>> top_slates(np.array([[.1, .9, .5, .9]]), np.array([[True, True, True, True]]), 3)
    array([[1, 3, 2]])
    >>> top_slates(np.array([[.1, .9, .5, .9]]), np.array([[True, False, True, False]]), 1)
    array([[2]])
    """
    scores = np.asarray(scores)
    if scores.shape != available.shape:
        raise ModelError(f"a policy must give scores of the shape {available.shape}, but gave {scores.shape}")
    if scores.dtype.kind != "f":
        scores = scores.astype(np.float64)
    # An available movie stands above every unavailable one, even with a score of minus infinity.
    nothing = scores.dtype.type(-np.inf)
    ranked = np.where(available, np.maximum(scores, np.finfo(scores.dtype).min), nothing)
    if np.isnan(ranked).any():
        raise ModelError("a policy gave NaN as a score")
    if (np.count_nonzero(available, axis=1) < k).any():
        raise ValueError(f"a slate of {k} needs {k} available movies")
    if k == 1:
        return np.asarray(ranked.argmax(axis=1, keepdims=True), np.int64)
    lowest = np.partition(ranked, -k, axis=1)[:, -k, None]
    chosen = ranked >= lowest
    for row in np.flatnonzero(np.count_nonzero(chosen, axis=1) > k):  # ties at the edge of the slate
        tied = np.flatnonzero(ranked[row] == lowest[row])
        surplus = np.count_nonzero(chosen[row]) - k
        chosen[row, tied[len(tied) - surplus :]] = False
    movies = np.nonzero(chosen)[1].reshape(len(ranked), k)
    order = np.argsort(-np.take_along_axis(ranked, movies, axis=1), axis=1, kind="stable")
    return np.asarray(np.take_along_axis(movies, order, axis=1), np.int64)
