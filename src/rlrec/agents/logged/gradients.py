"""Gradients on logged answers, each as one compiled TensorFlow function: of slates that are drawn, and of likelihood.

A state is a person at a moment; what the person would have answered to any slate is in the log. So several slates may
be drawn at one state, and what one earned be held against what the others did (Kool et al. 2019, "Buy 4 REINFORCE
samples, get a baseline for free!").

With fixed movie features x and logits q·x, ∇_q log π(a) = x_a − E[x]: the tape sees the small network only, as in
`rlrec.agents.actor_critic.loss`.
"""

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from rlrec.agents.actor_critic.loss import TENSORFLOW
from rlrec.agents.actor_critic.sampling import block_size, draw_slates
from rlrec.environments.compiled_logged import Moment, Moments
from rlrec.policies.networks import NETWORKS, Network, Weights
from rlrec.settings.learners import CrossEntropyConfig, LoggedA3CConfig
from rlrec.worlds.dynamics import Floats

Tensor = Any

_LOWEST_LOGIT = -60.0  # below the best available movie's; a chance of 1e-26
_NEVER = -1e9


class Gradient(NamedTuple):
    """What a local agent gets back; `figures` are scalars, by the names of the agent's figures."""

    gradient: Tensor  # (P,) float32
    figures: dict[str, Tensor]


class Parts:
    """What both gradients need: moments, a network, and how states are standardised."""

    def __init__(self, moments: Moments, hidden: int, center: Floats, scale: Floats) -> None:
        """Prepares the network of this many hidden units; `center` and `scale` are `(S,)`."""
        self.moments, features = moments, moments.log.features
        self.network: Network = NETWORKS["bilinear"](
            moments.state_size, hidden, features.shape[1], moments.log.n_movies
        )
        self.features, self._center, self._scale = features, tf.constant(center), tf.constant(scale)

    def draw(self, flat: Tensor, users: int, seed: Tensor) -> tuple[Weights, Moment]:
        """The weights by name, and moments whose states are standardised."""
        moment = self.moments.draw(users, seed)
        states = (moment.states - self._center) / self._scale
        return self.network.unflatten(flat, TENSORFLOW), moment._replace(states=states)

    def flatten(self, gradient: Weights) -> Tensor:
        """As one vector; what a loss does not depend on has a gradient of 0."""
        shapes = self.network.shapes()
        found = {name: tf.zeros(shape) if gradient[name] is None else gradient[name] for name, shape in shapes.items()}
        return tf.concat([tf.reshape(found[name], (-1,)) for name in shapes], axis=0)


class SlateGradient:
    """Policy gradient of slates, and the critic's: `play` is compiled at its first call.

    A slate is drawn movie by movie without replacement (Plackett-Luce). Its return is its discounted gain over the
    ideal slate's, `Σ_k g_k / log2(k + 1)`; position k is held responsible for what it and later ones add to it.
    """

    def __init__(self, parts: Parts, learner: LoggedA3CConfig) -> None:
        self._parts, self._learner = parts, learner
        self._block = block_size(parts.moments.log.n_movies)
        self.play = tf.function(self._play, jit_compile=True)

    def _play(self, flat: Tensor, seed: Tensor) -> Gradient:
        """One gradient at the weights `(P,)`; draws are those of `seed` `(2,)` int32."""
        parts, learner = self._parts, self._learner
        network, users, slates = parts.network, learner.users, learner.slates
        weights, moment = parts.draw(flat, users, seed)
        with tf.GradientTape() as tape:
            tape.watch(weights)
            queries = network.query(weights, moment.states, None, TENSORFLOW)
            values = network.value(weights, moment.states, None, TENSORFLOW)[:, 0]
            drawn = self._draw(tf.stop_gradient(queries), moment, seed + tf.constant([0, 1 << 20]))
            returns = self._returns(drawn.gains, moment)  # (B, slates, K)
            if slates > 1:
                others = (tf.reduce_sum(returns, axis=1, keepdims=True) - returns) / (slates - 1)
            else:  # what is left of the slate is expected to earn its share
                share = tf.cumsum(_discounts(learner.slate_size), reverse=True)
                others = tf.stop_gradient(values)[:, None, None] * share / share[0]
            scores = tf.reshape(drawn.scores, (users, slates, learner.slate_size, -1))
            direction = tf.einsum("bsk,bskf->bf", returns - others, scores) / slates
            direction += learner.entropy * drawn.spread
            policy_loss = -tf.reduce_mean(tf.reduce_sum(direction * queries, axis=1))
            earned = tf.reduce_mean(returns[:, :, 0], axis=1)
            value_loss = tf.reduce_mean((earned - values) ** 2) / 2
            loss = policy_loss + learner.value * value_loss
        figures = {
            "mean_return": tf.reduce_mean(earned),
            "ctr": tf.reduce_mean(tf.cast(drawn.gains > 0, tf.float32)),
            "entropy": drawn.entropy,
            "policy_loss": policy_loss,
            "value_loss": value_loss,
        }
        return Gradient(parts.flatten(tape.gradient(loss, weights)), figures)

    def _draw(self, queries: Tensor, moment: Moment, seed: Tensor) -> "_Drawn":
        features, slates, size = self._parts.features, self._learner.slates, self._learner.slate_size
        logits = tf.where(moment.available > 0, tf.matmul(queries, features, transpose_b=True), _NEVER)
        top = tf.reduce_max(logits, axis=1, keepdims=True)
        mass = moment.available * tf.exp(tf.clip_by_value(logits - top, _LOWEST_LOGIT, 0.0))
        chances = mass / tf.reduce_sum(mass, axis=1, keepdims=True)
        surprise = tf.where(chances > 0, -tf.math.log(tf.maximum(chances, 1e-30)), 0.0)
        entropy = tf.reduce_sum(chances * surprise, axis=1, keepdims=True)
        spread = (chances * (surprise - entropy)) @ features  # ∇_q of the entropy, Σ p (−log p − H) x
        mass = tf.repeat(mass, slates, axis=0)
        drawn, chosen = draw_slates(mass, tf.random.stateless_uniform((mass.shape[0], size), seed), self._block)
        left = mass
        for k in range(size):
            left = tf.where(tf.range(mass.shape[1])[None] == drawn[:, k, None], 0.0, left)
        # From the last position to the first: sums of what was left, never differences.
        shown = tf.cast(chosen > 0, tf.float32)  # where fewer than K movies may be shown, slates end early
        total, moments, scores = tf.reduce_sum(left, axis=1, keepdims=True), left @ features, []
        for k in reversed(range(size)):
            movies = tf.gather(features, drawn[:, k])
            total += chosen[:, k, None]
            moments += chosen[:, k, None] * movies
            scores.append(shown[:, k, None] * (movies - tf.math.divide_no_nan(moments, total)))
        gains = shown * tf.gather(tf.repeat(moment.gains, slates, axis=0), drawn, axis=1, batch_dims=1)
        return _Drawn(gains, tf.stack(scores[::-1], axis=1), spread, tf.reduce_mean(entropy))

    def _returns(self, gains: Tensor, moment: Moment) -> Tensor:
        """`(B, slates, K)`, what each position and later ones add to the share of the ideal."""
        size = self._learner.slate_size
        discounts = _discounts(size)
        best = tf.math.top_k(moment.gains, size).values if self._learner.reward == "rating" else _first(moment, size)
        ideal = tf.reduce_sum(best * discounts, axis=1, keepdims=True)
        ideal = tf.repeat(tf.where(ideal > 0, ideal, 1.0), self._learner.slates, axis=0)
        returns = tf.cumsum(gains * discounts, axis=1, reverse=True) / ideal
        return tf.reshape(returns, (self._learner.users, self._learner.slates, size))


class _Drawn(NamedTuple):
    gains: Tensor  # (B · slates, K)
    scores: Tensor  # (B · slates, K, F) x_a − E[x] of each position
    spread: Tensor  # (B, F) ∇_q of the first position's entropy
    entropy: Tensor  # () mean of that, nats


def _discounts(size: int) -> Tensor:
    return tf.constant((1 / np.log2(np.arange(2, size + 2))).astype(np.float32))


def _first(moment: Moment, size: int) -> Tensor:
    """`(B, K)`, the gains of the ideal slate where all gains are alike: ones, as many as there are."""
    return tf.cast(tf.range(size, dtype=tf.float32)[None] < tf.reduce_sum(moment.gains, axis=1)[:, None], tf.float32)


class LikelihoodGradient:
    """Cross-entropy: the chance of every movie that was answered, as the first of a slate, weighted by its gain."""

    def __init__(self, parts: Parts, learner: CrossEntropyConfig) -> None:
        self._parts, self._learner = parts, learner
        self.play = tf.function(self._play, jit_compile=True)

    def _play(self, flat: Tensor, seed: Tensor) -> Gradient:
        """One gradient at the weights `(P,)`; draws are those of `seed` `(2,)` int32."""
        parts, network = self._parts, self._parts.network
        weights, moment = parts.draw(flat, self._learner.users, seed)
        with tf.GradientTape() as tape:
            tape.watch(weights)
            queries = network.query(weights, moment.states, None, TENSORFLOW)
            logits = tf.where(moment.available > 0, tf.matmul(queries, parts.features, transpose_b=True), _NEVER)
            surprise = tf.where(moment.available > 0, -tf.nn.log_softmax(logits), 0.0)
            shares = moment.gains / tf.maximum(tf.reduce_sum(moment.gains, axis=1, keepdims=True), 1e-6)
            loss = tf.reduce_mean(tf.reduce_sum(shares * surprise, axis=1))
        chances = tf.nn.softmax(logits)
        figures = {
            "mean_return": tf.reduce_mean(tf.reduce_sum(chances * moment.gains, axis=1)),
            "entropy": tf.reduce_mean(tf.reduce_sum(chances * surprise, axis=1)),
            "cross_entropy": loss,
        }
        return Gradient(parts.flatten(tape.gradient(loss, weights)), figures)
