"""Bayesian bandits: greedy on what they believe of the user, by three kinds of belief."""

from __future__ import annotations

import copy
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from rlrec.environments.belief import Belief
from rlrec.environments.views import View
from rlrec.policies.baselines.known import Known
from rlrec.policies.policy import Note, Policy, Scores
from rlrec.policies.rewards import expected_reward
from rlrec.settings.beliefs import BeliefConfig, BeliefKind, Beliefs, ByFeatures
from rlrec.settings.config import ScenarioConfig
from rlrec.worlds.dynamics import Floats


class BeliefBandit(Policy):
    """Infers the user's taste from the session's ratings and recommends what it expects the best ratings of.

    Knows what the agent of the scenario knows (`scenario.features`; by default the movie vectors that the world is made
    of, and the Gaussian prior of the tastes that *training* users start with); of the user played, only the ratings of
    this session. It is greedy, as LinUCB and Thompson sampling are not: with 50 steps and a good prior, exploring costs
    more than it brings.

    Attributes:
        kind: of its belief, whose settings are those that were estimated for the scenario's features.
    """

    kind: ClassVar[BeliefKind]

    def __init__(self, known: Known, *, belief: BeliefConfig | None = None) -> None:
        """Takes the settings that were estimated for its kind of belief, unless others are given."""
        self._given, self._estimated = belief, known.beliefs

    def believing(self, beliefs: ByFeatures) -> Self:
        """The same bandit with what was estimated elsewhere: in another scenario."""
        other = copy.copy(self)
        other._estimated = beliefs
        return other

    def settings_in(self, scenario: ScenarioConfig) -> BeliefConfig:
        """What it takes the users of a scenario for."""
        return self._given or self._estimated.get(scenario.features, Beliefs()).of(self.kind)

    def begin(self, view: View, rng: np.random.Generator) -> None:
        """Back to the prior."""
        scenario = view.scenario
        self._belief = Belief(view.knowledge, scenario, len(view.users), self.settings_in(scenario))

    def scores(self, view: View) -> Scores:
        """The expected ratings."""
        return expected_reward(self._belief.expect(), view)

    def observe(self, slates: NDArray[np.int64], ratings: Floats) -> None:
        """Bayes' rule, and the step of the taste."""
        self._belief.update(slates, ratings)


_KNOWS = (
    "The vectors of all movies and how training users' tastes are distributed; of this user, the session's ratings. "
)


class BayesianBandit(BeliefBandit):
    """Takes tastes for fixed; see `BeliefBandit`."""

    name = "bayesian_bandit"
    kind = "static"
    note = Note("Bayesian bandit", _KNOWS + "Takes tastes for fixed.", "adaptive")


class WalkBandit(BeliefBandit):
    """Takes the affinities to the genres of what was liked for a random walk; see `BeliefBandit`."""

    name = "walk_bandit"
    kind = "walk"
    note = Note("Random-walk bandit", _KNOWS + "Takes the affinities to liked genres for less certain.", "adaptive")


class DynamicsBandit(BeliefBandit):
    """Expects of the affinities to the genres of what was liked to grow, as much as training users' did.

    It is told the form of the dynamics (which rating moves the taste, and where affinities end), not `delta`; see
    `BeliefBandit`.
    """

    name = "dynamics_bandit"
    kind = "dynamics"
    note = Note(
        "Dynamics-aware bandit",
        _KNOWS + "Expects liked genres to grow or fade by what it estimated from training users' sessions.",
        "adaptive",
    )
