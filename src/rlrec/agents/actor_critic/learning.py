"""The gradient of a trajectory with other weights than it was played with, for any rule of what is to be made likely.

Policy gradients differ in what the score ∇ log π of a slate is multiplied with, and in what the critic is taught. Both
are a rule's; queries are differentiated by the tape, and scores by hand (see `plackett_luce`).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

from rlrec.agents.actor_critic.loss import TENSORFLOW
from rlrec.agents.actor_critic.trajectories import Collector, Reading, Trajectory
from rlrec.settings.learner import ActorCriticConfig

Tensor = Any


class Credit(NamedTuple):
    """What a rule makes of a trajectory; nothing of it is differentiated."""

    direction: Tensor  # (n, B, F) in which queries are to go
    targets: Tensor  # (n, B) what the critic should have expected
    policy_loss: Tensor  # ()
    figures: dict[str, Tensor]  # (), by name


Rule = Callable[[Trajectory, Reading, Tensor], Credit]
"""Of a trajectory, how it reads with the weights of now, and what the critic expects with them, `(n + 1, B)`."""


class Learned(NamedTuple):
    """What came of it; `figures` are scalars."""

    gradient: Tensor  # (P,) float32
    figures: dict[str, Tensor]


def learn(
    collector: Collector, learner: ActorCriticConfig, rule: Rule, flat: Tensor, trajectory: Trajectory
) -> Learned:
    """The gradient of `mean(−direction · q − entropy · H(π) + value · (target − V)² / 2)`.

    Args:
        collector: what reads the trajectory.
        learner: weights of the parts.
        rule: gives directions and targets.
        flat: `(P,)`, the weights of now.
        trajectory: what was played.
    """
    network = collector.network
    weights = network.unflatten(flat, TENSORFLOW)
    with tf.GradientTape() as tape:
        tape.watch(weights)
        queries, values = collector.queries_and_values(weights, trajectory)
        reading = collector.read(tf.stop_gradient(queries), trajectory)
        credit = rule(trajectory, reading, tf.stop_gradient(values))
        direction = tf.stop_gradient(credit.direction + learner.entropy * reading.slopes)
        objective = tf.reduce_mean(tf.reduce_sum(direction * queries, axis=2))
        value_loss = tf.reduce_mean(tf.square(tf.stop_gradient(credit.targets) - values[:-1])) / 2
        loss = learner.value * value_loss - objective
    gradient = tape.gradient(loss, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    figures = {"policy_loss": credit.policy_loss, "value_loss": value_loss, **credit.figures}
    figures["entropy"] = tf.reduce_mean(reading.entropies)
    return Learned(tf.concat([tf.reshape(gradient[name], (-1,)) for name in network.shapes()], axis=0), figures)
