"""Targets and the gradient of the squared temporal-difference error, as one compiled TensorFlow function."""

from typing import Any, NamedTuple

import tensorflow as tf

from rlrec.agents.actor_critic.loss import TENSORFLOW
from rlrec.agents.value_based.acting import Transitions
from rlrec.agents.value_based.values import Values, best_slates, unpacked
from rlrec.settings.value_based import ValueBasedConfig

Tensor = Any


class Learned(NamedTuple):
    """What a batch gave."""

    gradient: Tensor  # (P,) float32
    errors: Tensor  # (rows,) mean |target − Q̄| of the positions
    loss: Tensor  # ()
    value: Tensor  # () mean Q of what was shown


class Learning:
    """`learn`: the gradient of a batch, compiled at its first call."""

    def __init__(self, values: Values, learner: ValueBasedConfig) -> None:
        self._values, self._double = values, learner.double
        self.learn = tf.function(self._learn, jit_compile=True)

    def _learn(self, flat: Tensor, target: Tensor, rows: Transitions, weights: Tensor) -> Learned:
        """The gradient of mean(weight · (y − Q̄)²) / 2, the mean being over rows and positions.

        Args:
            flat: `(P,)`, the newest weights.
            target: `(P,)`, the target weights.
            rows: a batch.
            weights: `(rows,)`, of their losses.
        """
        values = self._values
        newest, old = (values.network.unflatten(one, TENSORFLOW) for one in (flat, target))
        targets = self.targets(newest, old, rows)
        with tf.GradientTape() as tape:
            tape.watch(newest)
            found = values.of_slates(newest, rows.states, rows.slates, rows.offsets)
            errors = targets - found
            loss = tf.reduce_mean(weights[:, None] * tf.square(errors)) / 2
        gradient = tape.gradient(loss, newest)
        flat_gradient = tf.concat([tf.reshape(gradient[name], (-1,)) for name in values.network.shapes()], axis=0)
        return Learned(flat_gradient, tf.reduce_mean(tf.abs(errors), axis=1), loss, tf.reduce_mean(found))

    def targets(self, newest: Any, old: Any, rows: Transitions) -> Tensor:
        """`(rows, K)`: y_k = R_k + γⁿ · Q_target(s', A'), R_k being the position's own reward and later slates'.

        A' is the slate of movies still available that is best by the newest weights (double Q-learning, van Hasselt et
        al. 2016, arXiv 1509.06461), or by the target weights themselves (Mnih et al. 2015) where it is not `double`.
        """
        values, expected = self._values, self._values.expected(rows.next_believed)
        allowed, size = unpacked(rows.next_available), rows.slates.shape[1]
        valued = values.advantages(old, rows.next_states, expected)
        chosen_by = values.advantages(newest, rows.next_states, expected) if self._double else valued
        best = tf.gather(valued, best_slates(chosen_by, allowed, size), axis=1, batch_dims=1)
        worth = tf.reduce_mean(best, axis=1, keepdims=True) + values.states(old, rows.next_states)
        return rows.returns + rows.discounts[:, None] * worth
