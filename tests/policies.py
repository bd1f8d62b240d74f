"""Small policies that nobody trained, for tests of what is done with trained ones."""

from dataclasses import replace

import numpy as np

from rlrec.environments.observations import OBSERVATIONS
from rlrec.policies.networks import NETWORKS, NUMPY
from rlrec.policies.scored import NetworkPolicy
from rlrec.settings.config import ScenarioConfig
from rlrec.worlds.knowledge import Knowledge
from rlrec.worlds.world import World

TITLES = (
    "Toy Story (1995)",
    "Fargo (1996)",
    "Congo (1995)",
    "Usual Suspects, The (1995)",
    "Sabrina (1995)",
    "Sabrina (1954)",
    "Postman, The (Postino, Il) (1994)",
    "Misérables, Les (1995)",
    "Star Trek: First Contact (1996)",
    "Star Trek: Generations (1994)",
    "Die Hard (1988)",
    "2001: A Space Odyssey (1968)",
)


def policy_for(
    world: World,
    kind: str = "bilinear",
    seed: int = 0,
    features: str = "world",
    observation: str = "history",
    reward: str = "rating",
    **sizes: int,
) -> NetworkPolicy:
    """A policy with random weights that fits the world's movies."""
    rng = np.random.default_rng(seed)
    scenario = ScenarioConfig.model_validate({"features": features, "observation": observation, "reward": reward})
    size = OBSERVATIONS[observation].size(Knowledge.of(world), scenario)
    movies = Knowledge.of(world).representation(features)
    network = NETWORKS[kind](size, 6, movies.features.shape[1], world.n_movies, **sizes)
    weights = network.unflatten(rng.normal(size=network.size()).astype(np.float32), NUMPY)
    center, scale = rng.normal(size=(2, network.state)).astype(np.float32)
    return NetworkPolicy(
        network=network,
        weights=weights,
        center=center,
        scale=np.abs(scale) + 0.5,
        observation=scenario.observation,
        features=scenario.features,
        reward=scenario.reward,
        fingerprint=movies.fingerprint,
        algorithm="a3c",
        name="a3c",
        label="A3C",
    )


def with_titles(world: World) -> World:
    """The same world, its first movies called as in `TITLES`."""
    return replace(world, titles=np.array([*TITLES, *world.titles[len(TITLES) :]]))
