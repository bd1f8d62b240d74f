"""From proposed vectors to the movies of a slate: one after another, hard or soft.

The scores of position k are w_k · x plus an offset, which is what is believed of the user; the best movie that is left
is chosen (Zhao et al. 2018, arXiv 1801.00209, algorithm 1). Of that choice nothing can be differentiated. The soft one
is the mean over movies by the softmax of the same scores, a slate of movies that do not exist but lie between those
that do: where Q is linear in a movie's features, its Q is exactly what is expected of a movie drawn by the softmax.
"""

from typing import Any, NamedTuple

import tensorflow as tf

Tensor = Any

NEVER = -1e9
"""Offset of a movie that may not be shown."""


class Chosen(NamedTuple):
    """A slate, softly chosen."""

    features: Tensor  # (B, K F)
    offset: Tensor  # (B,) mean over positions
    entropy: Tensor  # () of the softmax, mean over positions, nats


def choose(vectors: Tensor, offsets: Tensor, features: Tensor) -> Tensor:
    """Movies `(B, K)` int32: at each position the best one left, of equals the first.

    Args:
        vectors: `(B, K F)`, proposed by the actor.
        offsets: `(B, N)`, `NEVER` where a movie may not be shown.
        features: `(N, F)`.
    """
    slate: list[Tensor] = []
    for vector in tf.split(vectors, vectors.shape[1] // features.shape[1], axis=1):
        scores = tf.matmul(vector, features, transpose_b=True) + offsets
        slate.append(tf.argmax(scores, axis=1, output_type=tf.int32))
        offsets = _without(offsets, slate[-1])
    return tf.stack(slate, axis=1)


def choose_softly(vectors: Tensor, offsets: Tensor, features: Tensor) -> Chosen:
    """The same, to be differentiated by the vectors: the hard choice of a position leaves the next ones without it."""
    soft, means, entropies = [], [], []
    for vector in tf.split(vectors, vectors.shape[1] // features.shape[1], axis=1):
        scores = tf.matmul(vector, features, transpose_b=True) + offsets
        chances = tf.nn.softmax(scores)
        entropies.append(tf.reduce_logsumexp(scores, axis=1) - tf.reduce_sum(chances * scores, axis=1))
        soft.append(chances @ features)
        means.append(tf.reduce_sum(chances * offsets, axis=1))
        offsets = _without(offsets, tf.argmax(scores, axis=1, output_type=tf.int32))
    return Chosen(tf.concat(soft, axis=1), tf.add_n(means) / len(means), tf.reduce_mean(tf.stack(entropies)))


def _without(offsets: Tensor, movies: Tensor) -> Tensor:
    return tf.where(tf.range(offsets.shape[1])[None] == movies[:, None], NEVER, offsets)
