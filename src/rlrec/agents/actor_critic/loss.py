"""Advantages and the gradient of the actor-critic loss.

With fixed item features x and logits q·x the exact policy gradient needs no second pass over the catalogue and no
stored logits, since ∇_q log π(a) = x_a − E[x]. The rollout stores that score, and the tape sees the small network only.
"""

from typing import Any, NamedTuple

import tensorflow as tf

from rlrec.policies.networks import Network, Ops, Weights
from rlrec.settings.learner import ActorCriticConfig

Tensor = Any

TENSORFLOW = Ops(tf.tanh, tf.sigmoid, tf.nn.relu, tf.reshape)
_NEVER = -1e9  # a logit that is never drawn, and whose exponential is 0


class Experience(NamedTuple):
    """A rollout of n steps by B sessions, as the loss needs it; what a network does not need is of size 0."""

    states: Tensor  # (n, B, S) standardised observations
    scores: Tensor  # (n, B, F) ∇_q log π(slate): the sum over positions of x_a − E[x]; fixed items
    surprises: Tensor  # (n, B, F) the same for the first position alone; fixed items
    leads: Tensor  # (n, B) by how much the offset of the first position's logit is above the expected one; fixed items
    slates: Tensor  # (n, B, K) int32; trained items
    available: Tensor  # (n, B, M) bool; trained items
    answers: Tensor  # (n, B, 2 F) what the memory took in; networks with a memory
    rewards: Tensor  # (n, B)
    memory: Tensor  # (B, memory) before the first step
    bootstrap: Tensor  # (B,) V(s_n), 0 where the session has ended


def advantages(rewards: Tensor, values: Tensor, bootstrap: Tensor, gamma: float, gae_lambda: float) -> Tensor:
    """Generalised advantage estimates (Schulman et al. 2016, arXiv 1506.02438, equation 16).

    With `gae_lambda = 1` it is A3C's n-step advantage (Mnih et al. 2016, arXiv 1602.01783, algorithm S3).

    Args:
        rewards: `(n, B)`.
        values: `(n, B)`, the critic's V(s_t).
        bootstrap: `(B,)`, V(s_n), or 0 where the session has ended.
        gamma: discount.
        gae_lambda: from one-step (0) to n-step (1).

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
    network: Network, weights: Weights, experience: Experience, learner: ActorCriticConfig
) -> tuple[Weights, Tensor, Tensor]:
    """Gradient of A3C's loss, `mean(−A · log π(slate) − entropy · H(π) + value · (R − V)² / 2)`.

    H is the entropy of a slate's first position.

    Returns:
        The gradient, the mean policy loss (of the part that is differentiated) and the mean value loss, scalars.
    """
    steps, batch = experience.rewards.shape
    states = tf.reshape(experience.states, (steps * batch, network.state))
    with tf.GradientTape() as tape:
        tape.watch(weights)
        memories = tf.reshape(replay(network, weights, experience), (steps * batch, network.memory))
        queries = network.query(weights, states, memories, TENSORFLOW)
        values = network.value(weights, states, memories, TENSORFLOW)[:, 0]
        fixed = tf.stop_gradient(tf.reshape(values, (steps, batch)))
        estimates = advantages(experience.rewards, fixed, experience.bootstrap, learner.gamma, learner.gae_lambda)
        targets = tf.reshape(estimates + fixed, (-1,))
        objective = _over_items if network.trains_items else _over_queries
        policy_loss = -objective(network, weights, queries, experience, tf.reshape(estimates, (-1,)), learner.entropy)
        value_loss = tf.reduce_mean(tf.square(targets - values)) / 2
        loss = policy_loss + learner.value * value_loss
    return tape.gradient(loss, weights), policy_loss, value_loss


def replay(network: Network, weights: Weights, experience: Any) -> Tensor:
    """Memories before each step, `(n, B, memory)`, recomputed for the tape from the rollout's first.

    An `Experience`, or a `trajectories.Trajectory`, has `memory`, `answers` and `rewards`.
    """
    steps, batch = experience.rewards.shape
    if not network.memory:
        return tf.zeros((steps, batch, 0))
    memories = tf.TensorArray(tf.float32, steps, element_shape=(batch, network.memory))

    def step(t: Tensor, memory: Tensor, memories: Any) -> tuple[Any, ...]:
        after = network.remember(weights, memory, experience.answers[t], TENSORFLOW)
        return t + 1, after, memories.write(t, memory)

    _, _, memories = tf.while_loop(
        lambda t, *_: t < steps, step, (0, experience.memory, memories), maximum_iterations=steps
    )
    return memories.stack()


def _over_queries(
    network: Network, weights: Weights, queries: Tensor, experience: Experience, estimates: Tensor, entropy: float
) -> Tensor:
    """An objective whose gradient is the exact policy gradient, from the stored scores.

    The gradient of the entropy, −E[log π ∇log π], is estimated from the movie that was drawn: unbiased, and it spares a
    product over the catalogue at every step. log π minus its mean is q·(x_a − E[x]), and with offsets that are not
    trained (see `rollout.Player`) what the offset of a leads their mean by.
    """
    scores, surprises = (tf.reshape(x, (-1, x.shape[2])) for x in (experience.scores, experience.surprises))
    surprise = tf.reduce_sum(queries * surprises, axis=1, keepdims=True) + tf.reshape(experience.leads, (-1, 1))
    direction = tf.stop_gradient(estimates[:, None] * scores - entropy * surprise * surprises)
    return tf.reduce_mean(tf.reduce_sum(direction * queries, axis=1))


def _over_items(
    network: Network, weights: Weights, queries: Tensor, experience: Experience, estimates: Tensor, entropy: float
) -> Tensor:
    """The objective itself, over all logits of all steps: movies have weights of their own."""
    available = tf.reshape(experience.available, (-1, experience.available.shape[2]))[:, : network.movies]
    slates = tf.reshape(experience.slates, (-1, experience.slates.shape[2]))
    logits = tf.where(available, queries @ tf.transpose(network.items(weights, None)), _NEVER)
    first = tf.nn.log_softmax(logits)
    spread = -tf.reduce_sum(tf.exp(first) * tf.where(available, first, 0.0), axis=1)
    log_probability = tf.gather(first, slates[:, 0], axis=1, batch_dims=1)
    for k in range(1, slates.shape[1]):
        logits = tf.where(tf.range(network.movies)[None] == slates[:, k - 1, None], _NEVER, logits)
        log_probability += tf.gather(tf.nn.log_softmax(logits), slates[:, k], axis=1, batch_dims=1)
    return tf.reduce_mean(tf.stop_gradient(estimates) * log_probability + entropy * spread)
