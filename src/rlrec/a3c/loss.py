"""Advantages and the gradient of the actor-critic loss.

With fixed item features x and logits q·x the exact policy gradient needs no second pass over the catalogue and no
stored logits, since ∇_q log π(a) = x_a − E[x]. The rollout stores that score, and the tape sees the small network only.
"""

from typing import Any, NamedTuple

import tensorflow as tf

from rlrec.a3c.network import Weights, query, value

Tensor = Any


class Experience(NamedTuple):
    """A rollout of n steps by B sessions, as the loss needs it."""

    states: Tensor  # (n, B, S) standardised observations
    scores: Tensor  # (n, B, F) ∇_q log π(slate): the sum over positions of x_a − E[x]
    surprises: Tensor  # (n, B, F) the same for the first position alone
    rewards: Tensor  # (n, B)
    bootstrap: Tensor  # (B,) V(s_n), 0 where the session has ended


def advantages(rewards: Tensor, values: Tensor, bootstrap: Tensor, gamma: float, gae_lambda: float) -> Tensor:
    """Generalised advantage estimates (Schulman et al. 2016, arXiv 1506.02438, equation 16).

    With `gae_lambda = 1` it is A3C's n-step advantage (Mnih et al. 2016, arXiv 1602.01783, algorithm S3).

    Args:
        rewards: `(n, B)`.
        values: `(n, B)`, the critic's V(s_t).
        bootstrap: `(B,)`, V(s_n), or 0 where the session has ended.

    Returns:
        `(n, B)`; added to `values` they are the critic's targets.
    """
    errors = rewards + gamma * tf.concat([values[1:], bootstrap[None]], axis=0) - values
    steps = errors.shape[0]
    # Σ_l (γλ)^l δ_{t+l} for all t at once: one product with an (n, n) triangle instead of n dependent steps.
    distance = tf.range(steps)[None, :] - tf.range(steps)[:, None]
    powers = tf.pow(tf.constant(gamma * gae_lambda, tf.float32), tf.cast(tf.maximum(distance, 0), tf.float32))
    return tf.where(distance >= 0, powers, 0.0) @ errors


def loss_gradient(
    weights: Weights, experience: Experience, *, gamma: float, gae_lambda: float, entropy: float, value_weight: float
) -> tuple[Weights, Tensor, Tensor]:
    """Gradient of A3C's loss, `mean(−A · log π(slate) − entropy · H(π) + value_weight · (R − V)² / 2)`.

    The gradient of the entropy H of a slate's first position, −E[log π ∇log π], is estimated from the movie that was
    drawn: unbiased, and it spares a product over the catalogue at every step. log π minus its mean is q·(x_a − E[x]).

    Returns:
        The gradient, the mean policy loss (of the part that is differentiated) and the mean value loss, scalars.
    """
    flat_states = tf.reshape(experience.states, (-1, experience.states.shape[2]))
    flat_scores = tf.reshape(experience.scores, (-1, experience.scores.shape[2]))
    flat_surprises = tf.reshape(experience.surprises, flat_scores.shape)
    with tf.GradientTape() as tape:
        tape.watch(weights)
        queries = query(weights, flat_states, tf.tanh)
        values = value(weights, flat_states, tf.tanh)[:, 0]
        steps_values = tf.stop_gradient(tf.reshape(values, experience.rewards.shape))
        estimates = advantages(experience.rewards, steps_values, experience.bootstrap, gamma, gae_lambda)
        targets = tf.reshape(estimates + steps_values, (-1,))
        surprise = tf.reduce_sum(tf.stop_gradient(queries) * flat_surprises, axis=1, keepdims=True)
        direction = tf.reshape(estimates, (-1, 1)) * flat_scores - entropy * surprise * flat_surprises
        policy_loss = -tf.reduce_mean(tf.reduce_sum(tf.stop_gradient(direction) * queries, axis=1))
        value_loss = tf.reduce_mean(tf.square(targets - values)) / 2
        loss = policy_loss + value_weight * value_loss
    gradient = tape.gradient(loss, weights)
    return Weights(*gradient), policy_loss, value_loss
