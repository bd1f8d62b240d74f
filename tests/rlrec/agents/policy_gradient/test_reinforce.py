from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from jobs import OfTen, job
from worlds import informed, small_world

from rlrec.agents.actor_critic.trajectories import Reading, Trajectory
from rlrec.agents.policy_gradient.reinforce import Reinforce, returns, top_k
from rlrec.settings.learners import LoggedReinforceConfig, ReinforceConfig
from rlrec.testing import AgentTests


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.xdist_group("agents: REINFORCE")
class TestReinforce(AgentTests):
    learner = ReinforceConfig(users=16, rollout=10, hidden=8, start="zero", lag=1, correction="top_k")


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.xdist_group("agents: REINFORCE, slates")
class TestReinforceOfSlates(OfTen):
    learner = ReinforceConfig(users=16, rollout=5, hidden=8, start="zero", lag=1, correction="off_policy")


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.xdist_group("agents: REINFORCE, cold sessions")
class TestColdReinforce(AgentTests):
    learner = LoggedReinforceConfig(
        users=16, length=2, rollout=2, reward="rating", hidden=8, start="zero", learning_rate=0.001
    )


def test_returns_are_discounted_sums_to_the_end_of_the_session() -> None:
    found = returns(tf.constant([[1.0, 0.0], [0.0, 2.0], [4.0, 1.0]]), 0.5)
    np.testing.assert_allclose(found, [[2.0, 1.25], [2.0, 2.5], [4.0, 1.0]])


def test_lambda_k_is_the_derivative_of_the_chance_of_being_in_the_slate() -> None:
    chance = np.array([1e-9, 0.01, 0.3, 0.9])
    for k in (1, 2, 10):
        slope = [(-((1 - p - 1e-6) ** k) + (1 - p + 1e-6) ** k) / 2e-6 for p in chance]
        np.testing.assert_allclose(top_k(tf.constant(np.log(chance), tf.float32), k), slope, rtol=1e-3, atol=1e-6)
    assert float(top_k(tf.constant(0.0), 1)) == 1
    assert float(top_k(tf.constant(0.0), 2)) == 0  # nothing is gained by making likelier what is there anyway


K, F = 2, 3


def credited(correction: str, cap: float = 20.0) -> tuple[np.ndarray, dict[str, Any]]:
    """The direction for one session of two steps whose slates have changed in likelihood, and what it is made of."""
    rng, settings = np.random.default_rng(0), {"users": 1, "rollout": 2, "gamma": 0.5}
    world = informed(small_world())
    learner = {**settings, "correction": correction, "cap": cap}
    agent = Reinforce(world, job("reinforce", episode_length=2, slate_size=K, **learner))
    items = agent.player.simulation.features.numpy()
    then, now = np.log(rng.uniform(0.1, 0.5, (2, 2, 1, K)))
    parts = {
        "rewards": np.array([[1.0], [3.0]]), "values": np.array([[0.5], [1.0], [0.0]]),
        "slates": rng.permutation(20)[: 2 * K].reshape(2, 1, K), "scores": rng.normal(size=(2, 1, items.shape[1])),
        "expected": rng.normal(size=(2, 1, items.shape[1])), "then": then, "now": now, "items": items,
    }  # fmt: skip
    trajectory = Trajectory(**dict.fromkeys(Trajectory._fields))._replace(
        rewards=tf.constant(parts["rewards"], tf.float32), slates=tf.constant(parts["slates"], tf.int32),
        likelihoods=tf.constant(then.sum(axis=2), tf.float32), firsts=tf.constant(then, tf.float32),
    )  # fmt: skip
    reading = Reading(
        *(tf.constant(array, tf.float32) for array in (now.sum(axis=2), now, parts["scores"], parts["expected"])),
        tf.zeros((2, 1)),
        tf.zeros((2, 1, items.shape[1])),
    )
    return agent.credit(trajectory, reading, tf.constant(parts["values"], tf.float32)).direction.numpy(), parts


ADVANTAGES = np.array([1 + 0.5 * 3 - 0.5, 3 - 1.0])[:, None, None]


@pytest.mark.parametrize(("correction", "cap"), [("none", 20.0), ("off_policy", 20.0), ("off_policy", 0.3)])
def test_a_slate_counts_by_the_capped_ratio_of_its_likelihoods(correction: str, cap: float) -> None:
    found, parts = credited(correction, cap)
    ratio = np.exp((parts["now"] - parts["then"]).sum(axis=2, keepdims=True))
    weight = np.ones_like(ratio[:, :, 0]) if correction == "none" else np.minimum(ratio[:, :, 0], cap)
    np.testing.assert_allclose(found, ADVANTAGES * weight[:, :, None] * parts["scores"], rtol=1e-4)


@pytest.mark.parametrize("cap", [20.0, 0.5])
def test_a_movie_counts_by_its_own_ratio_and_by_lambda_k(cap: float) -> None:
    """Equation 6's gradient, with an advantage in place of the return."""
    found, parts = credited("top_k", cap)
    expected = np.zeros_like(found)
    for t in range(2):
        for k in range(K):
            chance = np.exp(parts["now"][t, 0, k])
            weight = min(chance / np.exp(parts["then"][t, 0, k]), cap) * K * (1 - chance) ** (K - 1)
            drawn = parts["items"][parts["slates"][t, 0, k]]
            expected[t, 0] += ADVANTAGES[t, 0] * weight * (drawn - parts["expected"][t, 0]) / K
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)
