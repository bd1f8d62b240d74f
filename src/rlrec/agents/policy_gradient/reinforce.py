"""REINFORCE (Williams 1992, Machine Learning 8) with a learned baseline, and corrected for rollouts of older weights.

The corrections are those of Chen et al. 2019, arXiv 1812.02353.
"""

from typing import Any

import tensorflow as tf

from rlrec.agents.actor_critic.learning import Credit
from rlrec.agents.actor_critic.trajectories import Reading, Trajectory
from rlrec.agents.policy_gradient.agent import Lagging, ratios
from rlrec.settings.policy_gradient import ReinforceSettings

Tensor = Any


def returns(rewards: Tensor, gamma: float) -> Tensor:
    """`(n, B)`, discounted rewards to come, of rewards `(n, B)` of whole sessions."""
    steps = rewards.shape[0]
    distance = tf.range(steps)[None, :] - tf.range(steps)[:, None]
    powers = tf.pow(tf.constant(gamma, tf.float32), tf.cast(tf.maximum(distance, 0), tf.float32))
    return tf.where(distance >= 0, powers, 0.0) @ rewards


def top_k(log_chance: Tensor, k: int) -> Tensor:
    """λ_K = K (1 − π)^(K − 1), of log π of any shape.

    It is the derivative of 1 − (1 − π)^K, the chance that a movie is in a slate of K independent draws.
    """
    return k * tf.pow(-tf.math.expm1(tf.minimum(log_chance, 0.0)), float(k - 1))


class Reinforce(Lagging):
    """Returns of whole sessions less what the critic expects, times the score of what was shown."""

    label = "REINFORCE"
    figures = ("mean_return", "ctr", "entropy", "policy_loss", "value_loss", "ratio", "clipped")

    def credit(self, trajectory: Trajectory, reading: Reading, values: Tensor) -> Credit:
        """See `Collecting`."""
        learner = self._job.learner
        assert isinstance(learner, ReinforceSettings)
        targets = returns(trajectory.rewards, learner.gamma)
        advantages = targets - values[:-1]
        ratio, weights = tf.ones_like(targets), tf.ones_like(targets)
        if learner.correction == "top_k":
            ratio = tf.exp(reading.firsts - trajectory.firsts)
            weights = tf.minimum(ratio, learner.cap) * top_k(reading.firsts, ratio.shape[2])
            direction = self._of_movies(trajectory.slates, reading.expected, weights * advantages[:, :, None])
            loss = -tf.reduce_mean(weights * advantages[:, :, None] * reading.firsts)
        else:
            if learner.correction == "off_policy":
                ratio = ratios(trajectory, reading)
                weights = tf.minimum(ratio, learner.cap)
            direction = (weights * advantages)[:, :, None] * reading.scores
            loss = -tf.reduce_mean(weights * advantages * reading.likelihoods)
        figures = {
            "ratio": tf.reduce_mean(tf.minimum(ratio, learner.cap)),
            "clipped": tf.reduce_mean(tf.cast(ratio > learner.cap, tf.float32)),
        }
        return Credit(direction, targets, loss, figures)

    def _of_movies(self, slates: Tensor, expected: Tensor, weights: Tensor) -> Tensor:
        """`(n, B, F)`, the mean over the movies of slates `(n, B, K)` of their weight times x_a − E[x]."""
        drawn = tf.gather(self.player.simulation.features, slates)
        return tf.reduce_mean(weights[:, :, :, None] * (drawn - expected[:, :, None, :]), axis=2)


class ColdReinforce(Reinforce):
    """The same in cold sessions with real people, who answer as they did."""

    label = "REINFORCE, cold start"
