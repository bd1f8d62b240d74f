"""Slates drawn one movie after another, without replacement (Plackett-Luce): how likely they are, and its gradient.

With logits q · x plus offsets that are not trained, the gradient of a log-likelihood with respect to the query is made
of expectations of x, which are sums over the catalogue: no tape, and nothing is stored by movie.
"""

from typing import Any, NamedTuple

import tensorflow as tf

Tensor = Any

_LOWEST_LOGIT = -60.0  # below the best available movie's; a chance of 1e-26


class Masses(NamedTuple):
    """Unnormalised chances of B policies over M movies."""

    mass: Tensor  # (B, M) 0 where a movie may not be shown
    level: Tensor  # (B, M) its logarithm, where it may: the logit less `top`
    top: Tensor  # (B, 1) the best available movie's logit


class Chances(NamedTuple):
    """Of B slates, each of K movies."""

    likelihood: Tensor  # (B,) log π(slate)
    firsts: Tensor  # (B, K) the logarithm of the chance that each of its movies had of being the first
    score: Tensor  # (B, F) ∇_q log π(slate): the sum over positions of x_a − E[x] over what was left
    surprise: Tensor  # (B, F) the same for the first position alone
    lead: Tensor  # (B,) by how much the offset of the first position's logit is above the expected one
    expected: Tensor  # (B, F) E[x] of the first position
    entropy: Tensor  # (B,) of the first position, nats
    total: Tensor  # (B, 1) of all masses


def masses(logits: Tensor, available: Tensor) -> Masses:
    """Of logits `(B, M)`, where movies may be shown (`available` `(B, M)` above 0)."""
    allowed = available > 0
    top = tf.reduce_max(tf.where(allowed, logits, -1e30), axis=1, keepdims=True)
    # Bounded below, so that a slate can be drawn from a policy that is all but certain of one movie.
    level = tf.clip_by_value(logits - top, _LOWEST_LOGIT, 0.0)
    return Masses(tf.where(allowed, tf.exp(level), 0.0), level, top)


def without(available: Tensor, slates: Tensor) -> Tensor:
    """What is left of `(B, M)` after slates `(B, K)`."""
    for k in range(slates.shape[1]):
        available = tf.where(tf.range(available.shape[1])[None] == slates[:, k, None], 0.0, available)
    return available


def chances(
    queries: Tensor, items: Tensor, offsets: Tensor | None, of: Masses, left: Tensor, slates: Tensor, chosen: Tensor
) -> Chances:
    """How likely slates are, and how that changes with the query.

    Args:
        queries: `(B, F)`.
        items: `(M, F)`.
        offsets: `(B, M)`, what is not trained of the logits, if anything.
        of: the masses of these logits.
        left: `(B, M)` 1.0 where a movie may be shown and is not in the slate.
        slates: `(B, K)` int32.
        chosen: `(B, K)`, the masses of their movies.
    """
    # Expectations from the last position to the first: sums of what was left, never differences, which would
    # lose all digits where the policy is sharp.
    rest = of.mass * left
    total, moment = tf.reduce_sum(rest, axis=1, keepdims=True), rest @ items  # (B, 1), (B, F)
    score, lead, likelihood = tf.zeros_like(moment), tf.zeros_like(total[:, 0]), tf.zeros_like(total[:, 0])
    of_offsets = None if offsets is None else tf.reduce_sum(rest * offsets, axis=1)
    for k in reversed(range(slates.shape[1])):
        drawn = tf.gather(items, slates[:, k])
        total += chosen[:, k, None]
        moment += chosen[:, k, None] * drawn
        surprise = drawn - moment / total
        score += surprise
        likelihood += tf.math.log(chosen[:, k]) - tf.math.log(total[:, 0])
        if offsets is not None:
            offset = tf.gather(offsets, slates[:, k], axis=1, batch_dims=1)
            of_offsets += chosen[:, k] * offset
            lead = offset - of_offsets / total[:, 0]
    expected_logit = tf.reduce_sum(queries * moment / total, axis=1)
    if offsets is not None:
        expected_logit += of_offsets / total[:, 0]
    entropy = tf.math.log(total[:, 0]) + of.top[:, 0] - expected_logit
    firsts = tf.math.log(chosen) - tf.math.log(total)
    return Chances(likelihood, firsts, score, surprise, lead, moment / total, entropy, total)


def entropy_slope(items: Tensor, of: Masses, total: Tensor) -> Tensor:
    """`(B, F)`, ∇_q of the entropy of a slate's first position: −Cov[q · x, x]."""
    chance = of.mass / total
    above = of.level - tf.reduce_sum(chance * of.level, axis=1, keepdims=True)
    return -(chance * above) @ items
