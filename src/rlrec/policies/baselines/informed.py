"""Policies that know what no recommender can: the user's true taste."""

from __future__ import annotations

import numpy as np

from rlrec.environments.views import View
from rlrec.policies.baselines.known import Known
from rlrec.policies.policy import InformedPolicy, Note, Scores
from rlrec.policies.rewards import expected_reward
from rlrec.worlds.dynamics import Floats


class StaticFactors(InformedPolicy):
    """Matrix factorisation whose factors are the truth: ranks by `M · u_0`, once and for all.

    Knows all movie vectors and each user's true taste `u_0` at the start of the session; never learns that it moves. No
    collaborative filter fitted to ratings can do better than this in a static world, where it equals the oracle.
    """

    name = "static_mf"
    note = Note("Static MF", "The user's true taste at the start of the session. Never learns that it moves.", "told")

    def __init__(self, known: Known) -> None:
        self._ratings: Floats = np.empty((0, known.knowledge.n_movies), np.float32)

    def begin(self, view: View, rng: np.random.Generator) -> None:
        """Ranks all movies for each user."""
        told = self.informed(view)
        self._ratings = told.taste @ told.movie_vectors.T

    def scores(self, view: View) -> Scores:
        """`M · u_0`."""
        return expected_reward(self._ratings, view)


class Oracle(InformedPolicy):
    """Greedy with full knowledge: ranks by `M · u_t`.

    Knows all movie vectors and each user's true taste `u_t` at every step. No policy beats it in a static world. Where
    tastes move it is strong but not the optimum: it does not care what a movie does to later steps.
    """

    name = "oracle"
    note = Note(
        "Greedy oracle",
        "The user's true taste at every step. Takes the best movie now, whatever it does to later steps.",
        "told",
        bound=True,
    )

    def __init__(self, known: Known) -> None:
        """Nothing is known beforehand: all it goes by is what it sees."""

    def scores(self, view: View) -> Scores:
        """`M · u_t`."""
        told = self.informed(view)
        return expected_reward(told.taste @ told.movie_vectors.T, view)
