from functools import cache

import numpy as np
import pytest
import tensorflow as tf
from jobs import OfTen, job
from worlds import informed, small_world

from rlrec.agents.agent import Agent
from rlrec.agents.policy_gradient.impala import v_trace
from rlrec.agents.registry import make_agent
from rlrec.settings.learners import ImpalaConfig, LoggedImpalaConfig
from rlrec.testing import AgentTests

RNG = np.random.default_rng(0)
REWARDS, VALUES = RNG.random((4, 3)).astype(np.float32), RNG.normal(size=(5, 3)).astype(np.float32)
RATIO = np.exp(RNG.normal(size=(4, 3))).astype(np.float32)


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.xdist_group("agents: IMPALA")
class TestImpala(AgentTests):
    learner = ImpalaConfig(users=16, rollout=10, hidden=8, start="zero")


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.xdist_group("agents: IMPALA, slates")
class TestImpalaOfSlates(OfTen):
    """With rollouts that end within sessions, and a network that remembers what was shown."""

    learner = ImpalaConfig(users=16, rollout=1, lag=2, hidden=8, network="recurrent", start="zero")


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.xdist_group("agents: IMPALA, cold sessions")
class TestColdImpala(AgentTests):
    learner = LoggedImpalaConfig(
        users=16, length=2, rollout=1, reward="rating", hidden=8, start="zero", learning_rate=0.001
    )


def by_recursion(rho_clip: float, c_clip: float, gamma: float, trace_lambda: float) -> tuple[np.ndarray, np.ndarray]:
    """v_s = V(x_s) + ρ_s δ_s + γ c_s (v_{s+1} − V(x_{s+1})), one number after another."""
    targets, advantages = np.zeros((5, 3)), np.zeros((4, 3))
    targets[4] = VALUES[4]
    for s in reversed(range(4)):
        rho, c = np.minimum(RATIO[s], rho_clip), trace_lambda * np.minimum(RATIO[s], c_clip)
        error = rho * (REWARDS[s] + gamma * VALUES[s + 1] - VALUES[s])
        targets[s] = VALUES[s] + error + gamma * c * (targets[s + 1] - VALUES[s + 1])
        advantages[s] = rho * (REWARDS[s] + gamma * targets[s + 1] - VALUES[s])
    return targets[:4], advantages


@pytest.mark.parametrize(
    ("rho_clip", "c_clip", "gamma", "trace_lambda"),
    [(1.0, 1.0, 0.9, 1.0), (2.0, 0.5, 0.9, 1.0), (0.5, 1.0, 1.0, 0.7), (1.0, 1.0, 0.0, 1.0)],
)
def test_targets_and_advantages_are_those_of_the_recursion(
    rho_clip: float, c_clip: float, gamma: float, trace_lambda: float
) -> None:
    found = v_trace(*map(tf.constant, (REWARDS, VALUES, RATIO)), gamma, trace_lambda, rho_clip, c_clip)
    targets, advantages = by_recursion(rho_clip, c_clip, gamma, trace_lambda)
    np.testing.assert_allclose(found.targets, targets, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.advantages, advantages, rtol=1e-4, atol=1e-5)


def test_where_nothing_is_stale_targets_are_n_step_returns() -> None:
    found = v_trace(tf.constant(REWARDS), tf.constant(VALUES), tf.ones((4, 3)), 0.9)
    expected = [sum(0.9 ** (t - s) * REWARDS[t] for t in range(s, 4)) + 0.9 ** (4 - s) * VALUES[4] for s in range(4)]
    np.testing.assert_allclose(found.targets, expected, rtol=1e-5)
    np.testing.assert_allclose(found.advantages, np.array(expected) - VALUES[:4], rtol=1e-4, atol=1e-6)


@cache
def agent(lag: int) -> Agent:
    return make_agent(informed(small_world()), job("impala", users=8, rollout=5, hidden=4, episode_length=10, lag=lag))


@pytest.mark.ci
def test_a_gradient_is_that_of_the_rollout_played_so_many_steps_before_with_the_weights_of_now() -> None:
    """Without a lag, ratios are one at whatever weights; with one they are so until a rollout is old enough."""
    rng, told = np.random.default_rng(0), {}
    weights = [rng.normal(0, 0.1, agent(0).initial()().shape).astype(np.float32) for _ in range(4)]
    for lag in (0, 2):
        carry, told[lag] = agent(lag).start(np.array([1, 0], np.int32)), []
        for number, flat in enumerate(weights):
            step = agent(lag).step(flat, carry, np.array([1, number + 1], np.int32))
            carry = step.carry
            told[lag].append(step)
    assert [step.figures["ratio"] for step in told[0]] == pytest.approx([1] * 4, abs=1e-4)
    assert [step.figures["ratio"] > 0.999 for step in told[2]] == [True, True, False, False]
    for number in range(2):  # nothing is old enough: the new rollout is learned from
        np.testing.assert_array_equal(told[2][number].gradient, told[0][number].gradient)
    # What is told of returns is of what was played now, whatever is learned from.
    assert [step.figures["mean_return"] for step in told[2]] == pytest.approx(
        [step.figures["mean_return"] for step in told[0]], nan_ok=True
    )
    assert len(carry[1]) == 3
