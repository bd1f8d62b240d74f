"""What every recommender of the project looks like, and what is said of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rlrec.environments.sessions import Sessions
from rlrec.environments.views import InformedView, View
from rlrec.settings.beliefs import BeliefConfig
from rlrec.settings.config import ScenarioConfig
from rlrec.settings.sections import Features, Observation, Reward
from rlrec.worlds.dynamics import Floats

Scores = NDArray[np.floating[Any]]

Kind = Literal["learner", "adaptive", "collaborative", "unpersonal", "told"]
"""What a policy goes by: what it learned by playing (`learner`); the movies' features and what it learns in the session
alone (`adaptive`, as bandits do); what other people rated (`collaborative`); nothing of the user (`unpersonal`); or the
user's true taste (`told`)."""


@dataclass(frozen=True)
class Note:
    """A policy as people read of it.

    Attributes:
        label: its name for tables and figures.
        knows: what it knows, in a sentence or two.
        kind: see `Kind`.
        bound: whether regret is measured against it.
    """

    label: str
    knows: str
    kind: Kind
    bound: bool = False


class Policy(ABC):
    """A recommender: it scores all movies at every step of a batch of B sessions.

    The order of calls in a batch is `begin`, then `scores` and `observe` once a step; while a history is told,
    `observe` alone. A policy sees the sessions through a view, which has neither the users' tastes nor the truth about
    the movies. It keeps what it learns of a session in itself, and a copy of it (`copy.copy`) may begin others.

    `rlrec.testing.PolicyTests` holds a policy to this.

    Attributes:
        name: for tables: letters, digits and underscores.
        note: for people.
        draws: whether what it shows depends on chance, hence on the seed it is played with.
        observation: the kind of `view.observe()` that it needs; None where the scenario's is as good.
        features: the kind of `view.representation` that it needs; None for the scenario's.
        belief: what `view.observe()` and `view.expect()` take users for; None for the scenario's.
        reward: what answers are worth in the belief about them (the observation `answers`); None for the scenario's.
    """

    name: str
    note: Note
    draws: bool = False
    observation: Observation | None = None
    features: Features | None = None
    belief: BeliefConfig | None = None
    reward: Reward | None = None

    def begin(self, view: View, rng: np.random.Generator) -> None:  # noqa: B027 (most policies have no state)
        """A new batch of sessions starts; what was learned in earlier sessions is forgotten.

        Args:
            view: of the sessions, at step 0.
            rng: for policies that draw. Take `session_generators(view.users, rng)`, so that what a user is shown does
                not depend on who else is in the batch.
        """

    @abstractmethod
    def scores(self, view: View) -> Scores:
        """`(B, N)`: the higher, the earlier a movie is recommended; equal scores go to the lower number.

        Movies that are not available may have any score.
        """

    def observe(self, slates: NDArray[np.int64], ratings: Floats) -> None:  # noqa: B027
        """Takes in the users' answers: `(B, K)` slates shown and `(B, K)` ratings given."""


class InformedPolicy(Policy):
    """A policy that knows what no recommender can: a bound for those that do not. Its note is of the kind `told`."""

    def informed(self, view: View) -> InformedView:
        """The view that it is given, with the users' tastes and the truth about the movies.

        Raises:
            TypeError: it was given another.
        """
        if not isinstance(view, InformedView):
            raise TypeError(f"the policy {self.name!r} is to be told the taste: give it view_of(policy, sessions)")
        return view


def scenario_of(policy: Policy, scenario: ScenarioConfig) -> ScenarioConfig:
    """The scenario with the observation, the features and the belief that the policy needs."""
    names = "observation", "features", "belief", "reward"
    needs = {name: getattr(policy, name) for name in names}
    changes = {name: need for name, need in needs.items() if need not in (None, getattr(scenario, name))}
    return scenario.model_copy(update=changes) if changes else scenario


def view_of(policy: Policy, sessions: Sessions) -> View:
    """What the policy may see of sessions."""
    return InformedView(sessions) if isinstance(policy, InformedPolicy) else View(sessions)


def session_generators(users: Iterable[int], rng: np.random.Generator) -> list[np.random.Generator]:
    """A generator for each session, depending on its user and on one draw from `rng` alone."""
    key = int(rng.integers(2**63))
    return [np.random.default_rng([key, int(user)]) for user in users]
