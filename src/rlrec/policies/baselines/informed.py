"""Policies that know what no recommender can: the user's true taste."""

from __future__ import annotations

import numpy as np

from rlrec.environments.sessions import Sessions
from rlrec.policies.baselines.known import Known
from rlrec.policies.baselines.reward import expected_reward
from rlrec.policies.policy import Policy, Scores
from rlrec.worlds.dynamics import Floats


class StaticFactors(Policy):
    """Matrix factorisation whose factors are the truth: ranks by `M · u_0`, once and for all.

    Knows all movie vectors and each user's true taste `u_0` at the start of the session; never learns that it moves. No
    collaborative filter fitted to ratings can do better than this in a static world, where it equals the oracle.
    """

    name = "static_mf"

    def __init__(self, known: Known) -> None:
        self._world = known.world
        self._ratings: Floats = np.empty((0, known.world.n_movies), np.float32)

    def begin(self, sessions: Sessions, rng: np.random.Generator) -> None:
        """Ranks the catalogue for each user."""
        self._ratings = self._world.user_vectors[sessions.users] @ self._world.movie_vectors.T

    def scores(self, sessions: Sessions) -> Scores:
        """`M · u_0`."""
        return expected_reward(self._ratings, self._world, sessions.scenario)


class Oracle(Policy):
    """Greedy with full knowledge: ranks by `M · u_t`.

    Knows all movie vectors and each user's true taste `u_t` at every step. No policy beats it in a static world. Where
    tastes move it is strong but not the optimum: it does not care what a movie does to later steps.
    """

    name = "oracle"

    def __init__(self, known: Known) -> None:
        self._world = known.world

    def scores(self, sessions: Sessions) -> Scores:
        """`M · u_t`."""
        return expected_reward(sessions.taste @ self._world.movie_vectors.T, self._world, sessions.scenario)
