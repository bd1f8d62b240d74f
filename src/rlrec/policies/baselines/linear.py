"""Linear bandits that know the movies' features and nothing of the users."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rlrec.environments.views import View
from rlrec.metrics.stars import HIGHEST_RATING, LOWEST_RATING
from rlrec.policies.baselines.known import Known
from rlrec.policies.policy import Note, Policy, Scores, session_generators
from rlrec.policies.rewards import expected_reward
from rlrec.worlds.dynamics import Floats

MIDDLE = (LOWEST_RATING + HIGHEST_RATING) / 2
"""What a rating is taken to be where nothing is known."""

Doubles = NDArray[np.float64]


class LinearBandit(Policy):
    """Ridge regression of this session's ratings on the movies' features: `r ≈ 3 + θ · z`.

    `z` is 1 and the features that the agent of the scenario has (`scenario.features`; by default made of
    the vectors that the world is made of). Every session has its own `θ`, which all movies share: a model for each
    movie, as in the disjoint form of LinUCB, knows a movie only after it was shown, and it is not shown again.

    Nothing is known of users in general, not even that they agree on some movies: before the first rating `θ` is 0.
    That is what parts these bandits from the Bayesian one.

    Attributes:
        middle: what is taken from a rating, and added to an estimate.
    """

    middle = MIDDLE

    def __init__(self, known: Known, *, ridge: float) -> None:
        self._ridge = ridge
        self._contexts: Doubles = np.empty((0, 0))
        self._gram: Doubles = np.empty((0, 0, 0))
        self._target: Doubles = np.empty((0, 0))

    def begin(self, view: View, rng: np.random.Generator) -> None:
        """Nothing is rated yet."""
        self._contexts = self.contexts(view)
        width, batch = self._contexts.shape[1], len(view.users)
        self._gram = np.tile(self._ridge * np.eye(width), (batch, 1, 1))
        self._target = np.zeros((batch, width))

    def contexts(self, view: View) -> Doubles:
        """What is known of the movies: z of each, `(N, F)`."""
        features = view.representation.features
        return np.column_stack([np.ones(len(features)), features])

    def observe(self, slates: NDArray[np.int64], ratings: Floats) -> None:
        """Adds to the normal equations `(Σ z zᵀ + ridge · I) θ = Σ z (r - 3)`."""
        shown = self._contexts[slates]
        self._gram += shown.transpose(0, 2, 1) @ shown
        self._target += np.einsum("bkf,bk->bf", shown, ratings - self.middle)

    def estimates(self) -> Scores:
        """`3 + θ · z` of every movie, `(B, N)`."""
        return self.middle + np.linalg.solve(self._gram, self._target[:, :, None])[:, :, 0] @ self._contexts.T


class LinUCB(LinearBandit):
    """LinUCB (Li et al. 2010, arXiv 1003.0146): ranks by how well a movie may be rated at best.

    That is `3 + θ · z + alpha · sqrt(zᵀ A⁻¹ z)` with `A = Σ z zᵀ + ridge · I`. See `LinearBandit` for the model and
    for what it knows.
    """

    name = "linucb"
    note = Note(
        "LinUCB",
        "The features of all movies (the ones this world is made of) and this user's ratings in the session; nothing "
        "of users in general. Tries what it is unsure of.",
        "adaptive",
    )

    def __init__(self, known: Known, *, alpha: float = 0.05, ridge: float = 10.0) -> None:
        super().__init__(known, ridge=ridge)
        self._alpha = alpha
        self._squares: Floats = np.empty((0, 0), np.float32)

    def begin(self, view: View, rng: np.random.Generator) -> None:
        """Nothing is rated yet."""
        super().begin(view, rng)
        squares = self._contexts[:, :, None] * self._contexts[:, None, :]
        self._squares = squares.reshape(len(squares), -1).astype(np.float32)

    def scores(self, view: View) -> Scores:
        """The upper bounds."""
        return expected_reward(self.bounds(), view)

    def bounds(self) -> Scores:
        """The estimates, and how far above them a rating may lie, `(B, N)`."""
        bounds = self.estimates()
        if self._alpha:
            # zᵀ A⁻¹ z of all movies at once: the product of two flattened matrices.
            inverses = np.linalg.inv(self._gram).reshape(len(self._gram), -1).astype(np.float32)
            bounds = bounds + self._alpha * np.sqrt(np.maximum(inverses @ self._squares.T, 0))
        return bounds


class EpsilonGreedy(LinearBandit):
    """Shows what it takes for the best, but each movie of a slate is with probability `epsilon` any available one.

    Movies drawn like that head the slate. See `LinearBandit` for the model and for what it knows. By default nothing is
    drawn: that is what earns most, see `benchmarks.tuning`.
    """

    name = "epsilon_greedy"
    note = Note(
        "ε-greedy",
        "The features of all movies (the ones this world is made of) and this user's ratings in the session; nothing "
        "of users in general. Now and then a movie at random.",
        "adaptive",
    )

    def __init__(self, known: Known, *, epsilon: float = 0.0, ridge: float = 10.0) -> None:
        super().__init__(known, ridge=ridge)
        self._epsilon, self.draws = epsilon, epsilon > 0
        self._generators: list[np.random.Generator] = []

    def begin(self, view: View, rng: np.random.Generator) -> None:
        """Nothing is rated yet; each session gets a generator of its own."""
        super().begin(view, rng)
        self._generators = session_generators(view.users, rng)

    def scores(self, view: View) -> Scores:
        """The estimates; infinity for movies drawn at random."""
        scores = np.array(expected_reward(self.estimates(), view))
        available = view.available
        for row, generator in enumerate(self._generators):
            if drawn := generator.binomial(view.slate_size, self._epsilon):
                scores[row, generator.choice(np.flatnonzero(available[row]), drawn, replace=False)] = np.inf
        return scores
