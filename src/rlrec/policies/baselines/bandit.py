"""The Bayesian linear bandit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rlrec.environments.observations import update_belief
from rlrec.environments.sessions import Sessions
from rlrec.policies.baselines.known import Known
from rlrec.policies.baselines.reward import expected_reward
from rlrec.policies.policy import Policy, Scores
from rlrec.worlds.dynamics import Floats
from rlrec.worlds.knowledge import catalogue


class BayesianBandit(Policy):
    """Infers the user's taste from the session's ratings and recommends what the posterior mean likes best.

    Knows what the agent of the scenario knows (`scenario.features`; by default the movie vectors that the world is made
    of, and the Gaussian prior of the tastes that *training* users start with); of the user played, only the ratings of
    this session. It takes tastes for static and ratings for unclipped. It is greedy, as LinUCB and Thompson sampling
    are not: with 50 steps and a good prior, exploring costs more than it brings.
    """

    name = "bayesian_bandit"

    def __init__(self, known: Known) -> None:
        self._world, self._catalogue = known.world, catalogue(known.world)
        self._mean: Floats = np.empty((0, 0), np.float32)
        self._covariance: Floats = np.empty((0, 0, 0), np.float32)

    def begin(self, sessions: Sessions, rng: np.random.Generator) -> None:
        """Back to the prior."""
        self._catalogue, batch = catalogue(self._world, sessions.scenario.features), len(sessions.users)
        self._mean = np.tile(self._catalogue.prior.mean, (batch, 1))
        self._covariance = np.tile(self._catalogue.prior.covariance, (batch, 1, 1))

    def scores(self, sessions: Sessions) -> Scores:
        """`M · E[u]`."""
        return expected_reward(self._mean @ self._catalogue.vectors.T, self._world, sessions.scenario)

    def learn(self, slates: NDArray[np.int64], ratings: Floats) -> None:
        """Bayes' rule."""
        movies = self._catalogue.vectors[slates]
        self._mean, self._covariance = update_belief(self._mean, self._covariance, movies, ratings)
