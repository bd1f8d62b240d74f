"""A trained policy as a recommender: saved, loaded and played without TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rlrec.environments.observations import OBSERVATIONS
from rlrec.environments.views import View
from rlrec.errors import ModelError
from rlrec.metrics.stars import CLICK_THRESHOLD
from rlrec.policies.networks import NUMPY, Network, Weights
from rlrec.policies.policy import Note, Policy, Scores
from rlrec.policies.rewards import expected_reward
from rlrec.policies.slates import slates_in_turn
from rlrec.settings.beliefs import BeliefConfig
from rlrec.settings.sections import Features, Observation, Reward
from rlrec.worlds.dynamics import Floats


@dataclass(eq=False, kw_only=True)
class NetworkPolicy(Policy):
    """Ranks movies by the scores of a trained network: the most probable slate where these are logits.

    With a `sharpness` above 0, what is believed of the user is added to them: sharpness times the expected reward.

    With a query for each position, a slate is made position by position: of the movies left, the best by the position's
    own scores. These movies are ranked before all others, in this order, and the others by the first query. A slate may
    be shorter or longer than those that were trained: position k has query min(k, K − 1).

    Attributes:
        network: sizes and functions of the network.
        weights: of the network.
        center: `(S,)` float32, subtracted from an observation.
        scale: `(S,)` float32, divides it then.
        observation: the kind of observation it was trained on.
        features: the kind of movie features it was trained with.
        belief: what it took users for.
        reward: what an answer was worth to it.
        length: T, slates of the sessions that it was trained in.
        sharpness: logits per star of what is expected by that; 0 where it does not count.
        fingerprint: of these features, see `rlrec.worlds.knowledge.Representation`.
        algorithm: what trained it.
        name: the learner's, for tables.
        label: the learner's, for people.
    """

    network: Network
    weights: Weights
    center: Floats
    scale: Floats
    observation: Observation = field()
    features: Features = field()
    belief: BeliefConfig = field(default_factory=BeliefConfig)
    reward: Reward = field(default="rating")
    length: int = 50
    sharpness: float = 0.0
    fingerprint: str
    algorithm: str
    name: str
    label: str

    def __post_init__(self) -> None:
        """Says of itself what it knows."""
        seen = _SEEN[self.observation]
        if not self.network.trains_items:
            seen = f"{_FEATURES[self.features]} and {seen}"
        logged = self.observation in _LOGGED
        learned = "what training users really answered" if logged else "how tastes move by playing training users"
        knows = f"Knows {seen}; it learned {learned}."
        self.note = Note(self.label, knows, "learner")

    def begin(self, view: View, rng: np.random.Generator) -> None:
        """Refuses sessions it was not trained for, and forgets earlier ones.

        Raises:
            ModelError: the world has other movies, the sessions another observation, other features or another belief,
                or the network other sizes than these.
        """
        scenario, movies = view.scenario, view.representation
        if scenario.observation != self.observation:
            raise ModelError(
                f"this policy was trained on the observation {self.observation!r}, "
                f"but scenario.observation is {scenario.observation!r}"
            )
        if scenario.features != self.features:
            raise ModelError(
                f"this policy was trained with the features {self.features!r}, "
                f"but scenario.features is {scenario.features!r}"
            )
        if scenario.observation == "history" and (scenario.belief or BeliefConfig()) != self.belief:
            raise ModelError(
                f"this policy was trained with the belief {_numbers(self.belief)}, "
                f"but scenario.belief is {_numbers(scenario.belief or BeliefConfig())}"
            )
        if scenario.observation == "answers" and scenario.reward != self.reward:
            raise ModelError(
                f"this policy was trained on the reward {self.reward!r}, which its belief about answers is made of, "
                f"but scenario.reward is {scenario.reward!r}"
            )
        if movies.fingerprint != self.fingerprint:
            raise ModelError("this policy was trained on other movies than this world's: train it again")
        sizes = OBSERVATIONS[self.observation].size(view.knowledge, scenario), movies.features.shape[1]
        if (self.network.state, self.network.features, self.network.movies) != (*sizes, len(movies.features)):
            raise ModelError(
                f"this policy's network is for {self.network.state} numbers seen and {self.network.movies} movies with "
                f"{self.network.features} features, but there are {sizes[0]}, {len(movies.features)} and {sizes[1]}"
            )
        self._features = movies.features
        self._memory = np.zeros((len(view.users), self.network.memory), np.float32)

    def scores(self, view: View) -> Scores:
        """`(B, N)` scores of the network."""
        state = (view.observe() - self.center) / self.scale
        queries: Floats = self.network.query(self.weights, state, self._memory, NUMPY)
        positions = max(1, min(self.network.vectors, view.slate_size, int(view.available.sum(axis=1).min())))
        items = self.network.items(self.weights, self._features)
        asked = queries.reshape(len(state), self.network.vectors, -1)[:, :positions].reshape(-1, items.shape[1])
        scores = (asked @ items.T).reshape(len(state), positions, len(items))
        if self.sharpness:
            scores = scores + self.sharpness * expected_reward(view.expect(), view)[:, None]
        return scores[:, 0] if positions == 1 else _in_turn(scores, view)

    def observe(self, slates: NDArray[np.int64], ratings: Floats) -> None:
        """Takes the answers into the network's memory, if it has one."""
        if self.network.memory:
            features = self._features[slates]
            weighted = (ratings - np.float32(CLICK_THRESHOLD))[:, :, None] * features
            answer = np.concatenate([features.mean(axis=1), weighted.mean(axis=1)], axis=1)
            self._memory = self.network.remember(self.weights, self._memory, answer, NUMPY)


def _in_turn(scores: Scores, view: View) -> Scores:
    """`(B, N)`: the slates that scores `(B, J, N)` make position by position, above what the first of them rank."""
    available, first = view.available, scores[:, 0].copy()
    slates = slates_in_turn(scores, available, min(view.slate_size, int(available.sum(axis=1).min())))
    top = np.where(available, first, -np.inf).max(axis=1, keepdims=True)
    ahead = np.arange(slates.shape[1], 0, -1) * np.maximum(np.abs(top), 1)
    np.put_along_axis(first, slates, (top + ahead).astype(first.dtype), axis=1)
    return first


def _numbers(belief: BeliefConfig) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in belief.model_dump().items())


_SEEN = {
    "history": "what this user rated in this session",
    "thesis": "the thesis's 25 numbers: demographics, and the last movie's genres, rating and violence",
    "recent": "what this user rated, the latest before all, liked or not",
    "stars": "how this user rated what he or she rated",
    "answers": "who this user is, and what he or she answered in this session, nothing being an answer too",
}
_LOGGED = ("recent", "stars", "answers")
"""What is observed of real people."""
_FEATURES = {
    "world": "the features of all movies (the ones this world is made of)",
    "training": "features of all movies that were fitted to training users' ratings",
    "genres": "the genre flags of all movies, how often training users rated each,",
    "watched": "who of the training users rated which movie",
    "both": "who of the training users rated which movie, features of all movies that were fitted to how they rated,",
}
