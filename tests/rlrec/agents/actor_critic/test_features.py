"""Training with what an agent may know instead of the world's own vectors."""

import numpy as np
import pytest
from jobs import job
from worlds import informed, known, small_world

from rlrec.agents.train import train
from rlrec.policies.baselines.registry import BASELINES
from rlrec.policies.playing import play
from rlrec.worlds.knowledge import Knowledge

WORLD = informed(small_world(6))


@pytest.mark.parametrize("features", ["training", "genres"])
def test_a_policy_learns_from_the_features_of_its_scenario(features: str) -> None:
    sizes = {"agents": 1, "steps": 40_000, "users": 16, "rollout": 10, "hidden": 8, "checkpoint_every": 50}
    training = job(**sizes, episode_length=10, delta=0.0, features=features)
    scenario = training.scenario

    policy = train(WORLD, training).policy

    knowledge = Knowledge.of(WORLD)
    assert policy.features == features
    assert policy.fingerprint == knowledge.representation(features).fingerprint
    assert policy.fingerprint != knowledge.representation("world").fingerprint
    users = WORLD.users_in("all")
    earned, random = (
        play(one, WORLD, users, scenario, 0).rewards.sum(axis=1) for one in (policy, BASELINES["random"](known(WORLD)))
    )
    difference = earned - random
    assert difference.mean() > 3 * difference.std() / np.sqrt(len(users))
