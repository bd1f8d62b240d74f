import numpy as np
import pytest
import tensorflow as tf
from jobs import OfTen, job
from worlds import informed, small_world

from rlrec.agents.policy_gradient.ppo import clipped_surrogate
from rlrec.agents.registry import make_agent
from rlrec.settings.learners import LoggedPPOConfig, PPOConfig
from rlrec.testing import AgentTests


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.xdist_group("agents: PPO")
class TestPPO(AgentTests):
    learner = PPOConfig(users=16, rollout=10, epochs=2, minibatches=2, hidden=8, start="zero")


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.xdist_group("agents: PPO, slates")
class TestPPOOfSlates(OfTen):
    learner = PPOConfig(users=16, rollout=5, epochs=2, minibatches=4, hidden=8, start="zero", normalise=False)


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.xdist_group("agents: PPO, cold sessions")
class TestColdPPO(AgentTests):
    learner = LoggedPPOConfig(
        users=16, length=2, rollout=1, epochs=2, minibatches=2, reward="rating", hidden=8, start="zero",
        learning_rate=0.001,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("ratio", "advantage", "surrogate", "slope"),
    [
        (1.0, 2.0, 2.0, 2.0),
        (1.5, 2.0, 2.4, 0.0),  # already likelier by more than the clip: no further
        (0.5, 2.0, 1.0, 1.0),  # less likely although it was good: back
        (0.5, -2.0, -1.6, 0.0),  # already less likely by more than the clip: no further
        (1.5, -2.0, -3.0, -3.0),  # likelier although it was bad: back
        (1.1, -2.0, -2.2, -2.2),
    ],
)
def test_the_clip_holds_on_the_side_to_which_the_advantage_pulls(
    ratio: float, advantage: float, surrogate: float, slope: float
) -> None:
    found = clipped_surrogate(tf.constant(ratio), tf.constant(advantage), 0.2)
    assert [float(value) for value in found] == pytest.approx([surrogate, slope])


@pytest.mark.parametrize("ratio", [0.3, 0.9, 1.1, 1.7])
@pytest.mark.parametrize("advantage", [-1.0, 2.0])
def test_the_derivative_is_that_of_the_surrogate(ratio: float, advantage: float) -> None:
    likelihood = tf.Variable(np.log(ratio), dtype=tf.float32)
    with tf.GradientTape() as tape:
        surrogate, slope = clipped_surrogate(tf.exp(likelihood), tf.constant(advantage), 0.2)
    expected = tape.gradient(surrogate, likelihood, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    np.testing.assert_allclose(slope, expected, rtol=1e-5)


def test_a_rollout_is_played_once_and_every_user_learned_from_once_in_every_epoch() -> None:
    sizes = {"users": 8, "rollout": 5, "episode_length": 10, "hidden": 4, "epochs": 2, "minibatches": 2}
    agent = make_agent(informed(small_world()), job("ppo", **sizes))
    weights, rng = agent.initial()(), np.random.default_rng(0)
    assert agent.steps == 8 * 5 // 4
    carry, played, gradients = agent.start(np.array([1, 0], np.int32)), [], []
    for number in range(8):
        # At the weights that it was played with; the second rollout is moved away from.
        moved = weights + (number > 4) * rng.normal(0, 0.3, weights.shape).astype(np.float32)
        step = agent.step(moved, carry, np.array([1, number + 1], np.int32))
        played.append(step.carry.trajectory is not carry.trajectory)
        gradients.append(step.gradient)
        assert (step.figures["ratio"] == pytest.approx(1, abs=1e-4)) == (number <= 4)
        assert np.isnan(step.figures["mean_return"]) == (number != 4)  # where sessions ended
        carry = step.carry
    assert played == [True, False, False, False, True, False, False, False]
    parts = [tuple(sorted(part)) for part in np.split(np.random.default_rng([1, 1, 0]).permutation(8), 2)]
    again = [tuple(sorted(part)) for part in np.split(np.random.default_rng([1, 1, 1]).permutation(8), 2)]
    assert parts != again
    assert not np.array_equal(gradients[0], gradients[2])  # another epoch, another division
