"""What LIRD's critic and its actor learn from: deep deterministic policy gradient (Lillicrap et al. 2016, 1509.02971).

Both have weights of their own in one flat vector, and one gradient: each loss is differentiated by its own alone.
"""

from typing import Any, NamedTuple

import tensorflow as tf

from rlrec.agents.actor_critic.loss import TENSORFLOW
from rlrec.agents.lird.choice import choose, choose_softly
from rlrec.metrics.stars import HIGHEST_RATING
from rlrec.policies.networks import Proposals, Weights
from rlrec.settings.lird import ListwiseConfig

Tensor = Any


class Piece(NamedTuple):
    """What B sessions played, n steps each; a session ends at the last of them or goes on."""

    states: Tensor  # (B, n + 1, S) standardised observations, the last after the last step
    offsets: Tensor  # (B, n + 1, N) sharpness times the expected reward in stars, `NEVER` where not to be shown
    slates: Tensor  # (B, n, K) int32
    rewards: Tensor  # (B, n)
    ended: Tensor  # (B,) 1 where the session ended with the last step


class Learned(NamedTuple):
    """A gradient, and what is told of it, scalars."""

    gradient: Weights
    critic_loss: Tensor  # mean squared error, halved
    target: Tensor  # mean of what the critic should say
    actor_value: Tensor  # mean Q of what the actor would show
    entropy: Tensor  # of the soft choice, nats


class Losses:
    """The losses of a network, with the features of the movies and what is believed of the user as given."""

    def __init__(self, network: Proposals, features: Tensor, learner: ListwiseConfig, sharpness: float) -> None:
        """Takes the features `(N, F)`; the sharpness is 0 where nothing is believed."""
        self._network, self._features, self._learner = network, features, learner
        # Offsets are scores; a step's reward is a mean of stars over five.
        self._reward = 1 / (HIGHEST_RATING * sharpness) if sharpness else 0.0

    def learn(self, weights: Weights, target: Weights, piece: Piece) -> Learned:
        """The gradient of both losses, each by its own weights.

        The critic's is the mean of (y − Q(s, a))² / 2 over what was shown, the actor's −Q(s, ã) with ã the soft choice,
        less its entropy: a softmax that is sure of a movie has no gradient, and would never learn that it is wrong.

        Args:
            weights: the network's.
            target: the same, of earlier.
            piece: drawn from what was played.
        """
        steps = piece.rewards.shape[1]
        states, offsets = (_rows(part[:, :steps]) for part in (piece.states, piece.offsets))
        targets = self.targets(target, piece)
        own = {name: value for name, value in weights.items() if name.startswith("value")}
        actors = {name: value for name, value in weights.items() if name not in own}
        with tf.GradientTape() as tape:
            tape.watch(own)
            slates = _rows(piece.slates)
            shown = tf.reduce_mean(tf.gather(offsets, slates, axis=1, batch_dims=1), axis=1)
            errors = targets - self._worth(actors | own, states, self._of(slates), shown)
            critic_loss = tf.reduce_mean(tf.square(errors)) / 2
        of_critic = tape.gradient(critic_loss, own)
        with tf.GradientTape() as tape:
            tape.watch(actors)
            vectors = self._network.query(actors, states, None, TENSORFLOW)
            chosen = choose_softly(vectors, offsets, self._features)
            if self._learner.through == "choice":
                value = tf.reduce_mean(self._worth(actors | own, states, chosen.features, chosen.offset))
                actor_loss = -value - self._learner.entropy * chosen.entropy
            else:
                value = tf.reduce_mean(self._worth(actors | own, states, vectors, tf.stop_gradient(chosen.offset)))
                actor_loss = -value
        gradient = of_critic | tape.gradient(actor_loss, actors)
        return Learned(gradient, critic_loss, tf.reduce_mean(targets), value, chosen.entropy)

    def targets(self, target: Weights, piece: Piece) -> Tensor:
        """What the critic should say, r + γ Q'(s', a'), `(B n,)`; r alone where a session ends.

        The slate a' is what the earlier actor would show next, Q' what the earlier critic says of it.
        """
        states, offsets = _rows(piece.states[:, 1:]), _rows(piece.offsets[:, 1:])
        slates = choose(self._network.query(target, states, None, TENSORFLOW), offsets, self._features)
        shown = tf.reduce_mean(tf.gather(offsets, slates, axis=1, batch_dims=1), axis=1)
        later = tf.reshape(self._worth(target, states, self._of(slates), shown), piece.rewards.shape)
        on = tf.concat([tf.ones_like(piece.rewards[:, 1:]), 1 - piece.ended[:, None]], axis=1)
        return tf.reshape(piece.rewards + self._learner.gamma * on * later, (-1,))

    def _worth(self, weights: Weights, states: Tensor, slates: Tensor, offset: Tensor) -> Tensor:
        """Q, `(B,)`: what is believed of the slate, and what the critic has learned beside that."""
        return self._network.critic(weights, states, slates, TENSORFLOW)[:, 0] + self._reward * offset

    def _of(self, slates: Tensor) -> Tensor:
        """`(B, K F)`, the features of movies `(B, K)`."""
        return tf.reshape(tf.gather(self._features, slates), (slates.shape[0], -1))


def _rows(part: Tensor) -> Tensor:
    """Steps of all sessions in one row: `(B, n, …)` to `(B n, …)`."""
    return tf.reshape(part, (-1, *part.shape[2:]))
