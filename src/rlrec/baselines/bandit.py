"""The Bayesian linear bandit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rlrec.baselines.reward import expected_reward
from rlrec.evaluation.policy import Policy, Scores
from rlrec.simulator.dynamics import Floats
from rlrec.simulator.observation import Prior, update_belief
from rlrec.simulator.sessions import Sessions
from rlrec.simulator.world import World


class BayesianBandit(Policy):
    """Infers the user's taste from the session's ratings and recommends what the posterior mean likes best.

    Knows all movie vectors (the ones the world is made of) and the Gaussian prior of the tastes that *training* users
    start with; of the user played, only the ratings of this session. It takes tastes for static and ratings for
    unclipped. It is greedy, as LinUCB and Thompson sampling are not: with 50 steps and a good prior, exploring costs
    more than it brings.
    """

    name = "bayesian_bandit"

    def __init__(self, world: World) -> None:
        self._world, self._prior = world, Prior.of(world)
        self._mean: Floats = np.empty((0, len(self._prior.mean)), np.float32)
        self._covariance: Floats = np.empty((0, len(self._prior.mean), len(self._prior.mean)), np.float32)

    def begin(self, sessions: Sessions, rng: np.random.Generator) -> None:
        """Back to the prior."""
        batch = len(sessions.users)
        self._mean = np.tile(self._prior.mean, (batch, 1))
        self._covariance = np.tile(self._prior.covariance, (batch, 1, 1))

    def scores(self, sessions: Sessions) -> Scores:
        """`M · E[u]`."""
        return expected_reward(self._mean @ self._world.movie_vectors.T, self._world, sessions.scenario)

    def learn(self, slates: NDArray[np.int64], ratings: Floats) -> None:
        """Bayes' rule."""
        movies = self._world.movie_vectors[slates]
        self._mean, self._covariance = update_belief(self._mean, self._covariance, movies, ratings)
