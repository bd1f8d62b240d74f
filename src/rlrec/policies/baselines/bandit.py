"""The Bayesian linear bandit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rlrec.environments.observations import update_belief
from rlrec.environments.views import View
from rlrec.policies.baselines.known import Known
from rlrec.policies.baselines.reward import expected_reward
from rlrec.policies.policy import Note, Policy, Scores
from rlrec.worlds.dynamics import Floats


class BayesianBandit(Policy):
    """Infers the user's taste from the session's ratings and recommends what the posterior mean likes best.

    Knows what the agent of the scenario knows (`scenario.features`; by default the movie vectors that the world is made
    of, and the Gaussian prior of the tastes that *training* users start with); of the user played, only the ratings of
    this session. It takes tastes for static and ratings for unclipped. It is greedy, as LinUCB and Thompson sampling
    are not: with 50 steps and a good prior, exploring costs more than it brings.
    """

    name = "bayesian_bandit"
    note = Note(
        "Bayesian bandit",
        "The vectors of all movies and how training users' tastes are distributed; of this user, the session's "
        "ratings. Takes tastes for fixed.",
        "adaptive",
    )

    def __init__(self, known: Known) -> None:
        self._vectors: Floats = np.empty((0, 0), np.float32)
        self._mean: Floats = np.empty((0, 0), np.float32)
        self._covariance: Floats = np.empty((0, 0, 0), np.float32)

    def begin(self, view: View, rng: np.random.Generator) -> None:
        """Back to the prior."""
        movies, batch = view.representation, len(view.users)
        self._vectors = movies.vectors
        self._mean = np.tile(movies.prior.mean, (batch, 1))
        self._covariance = np.tile(movies.prior.covariance, (batch, 1, 1))

    def scores(self, view: View) -> Scores:
        """`M · E[u]`."""
        return expected_reward(self._mean @ self._vectors.T, view)

    def observe(self, slates: NDArray[np.int64], ratings: Floats) -> None:
        """Bayes' rule."""
        shown = self._vectors[slates]
        self._mean, self._covariance = update_belief(self._mean, self._covariance, shown, ratings)
