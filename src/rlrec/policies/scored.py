"""The trained policy as a recommender: saved, loaded and played without TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlrec.environments.observations import OBSERVATIONS
from rlrec.environments.sessions import Sessions
from rlrec.errors import ModelError
from rlrec.metrics.stars import CLICK_THRESHOLD
from rlrec.policies.networks import NUMPY, Network, Weights
from rlrec.policies.policy import Policy, Scores
from rlrec.worlds.dynamics import Floats
from rlrec.worlds.knowledge import catalogue, fingerprint


@dataclass(eq=False)
class A3CPolicy(Policy):
    """Ranks movies by the trained network's logits: the policy's most probable slate.

    Attributes:
        network: sizes and functions of the network.
        weights: of the network.
        center: `(S,)` float32, subtracted from an observation.
        scale: `(S,)` float32, divides it then.
        observation: the kind of observation it was trained on.
        catalogue: fingerprint of the item features it was trained with.
        item_features: the kind of these, as in `scenario.features`.
    """

    network: Network
    weights: Weights
    center: Floats
    scale: Floats
    observation: str
    catalogue: str
    item_features: str = "world"
    name: str = "a3c"

    def begin(self, sessions: Sessions, rng: np.random.Generator) -> None:
        """Refuses sessions it was not trained for, and forgets earlier ones.

        Raises:
            ModelError: the world has another catalogue, the scenario another observation or other features, or the
                network other sizes than these.
        """
        scenario = sessions.scenario
        if scenario.observation != self.observation:
            raise ModelError(
                f"this policy was trained on the observation {self.observation!r}, "
                f"but scenario.observation is {scenario.observation!r}"
            )
        if scenario.features != self.item_features:
            raise ModelError(
                f"this policy was trained with the features {self.item_features!r}, "
                f"but scenario.features is {scenario.features!r}"
            )
        if fingerprint(sessions.world, scenario.features) != self.catalogue:
            raise ModelError("this policy was trained on another catalogue than this world's: train it again")
        self._features = catalogue(sessions.world, scenario.features).features
        sizes = OBSERVATIONS[scenario.observation].size(sessions.world, scenario), self._features.shape[1]
        if (self.network.state, self.network.features, self.network.movies) != (*sizes, sessions.world.n_movies):
            raise ModelError(
                f"this policy's network is for {self.network.state} numbers seen and {self.network.movies} movies with "
                f"{self.network.features} features, but there are {sizes[0]}, {sessions.world.n_movies} and {sizes[1]}"
            )
        self._memory = np.zeros((len(sessions.users), self.network.memory), np.float32)

    def scores(self, sessions: Sessions) -> Scores:
        """`(B, N)` logits."""
        state = (sessions.observe() - self.center) / self.scale
        queries: Floats = self.network.query(self.weights, state, self._memory, NUMPY)
        return queries @ self.network.items(self.weights, self._features).T  # type: ignore[no-any-return]

    def learn(self, slates: NDArray[np.int64], ratings: Floats) -> None:
        """Takes the answers into the network's memory, if it has one."""
        if self.network.memory:
            features = self._features[slates]
            weighted = (ratings - np.float32(CLICK_THRESHOLD))[:, :, None] * features
            answer = np.concatenate([features.mean(axis=1), weighted.mean(axis=1)], axis=1)
            self._memory = self.network.remember(self.weights, self._memory, answer, NUMPY)
