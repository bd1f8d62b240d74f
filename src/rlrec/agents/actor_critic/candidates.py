"""A few movies of a large catalogue that stand for all of it in a softmax: the likely ones, and a sample of the others.

From each bucket of `Leaves` two leaves are taken: that of the highest score, and one drawn by its score out of all
others. A movie of the former counts once, one of the latter as often as 1 over the chance that its leaf had: the sum of
all masses, which a softmax divides by, is so estimated without bias (importance sampling; top and tail as in Mussmann
et al. 2017, arXiv 1707.03372; for policies over large catalogues Sakhi et al. 2022, arXiv 2208.05327). What scores are
wrong about costs accuracy, and no movie has a chance of nothing: `benchmarks.catalogue` measures what is left.
"""

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from rlrec.agents.actor_critic.leaves import Leaves
from rlrec.environments.compiled import Simulation

Tensor = Any

_WIDE = 1.5
"""Standard deviations above its mean at which a leaf's score takes its movies: the best of a few count."""
_FLAT = 2.0
"""By which scores are divided before leaves are drawn: they are not to be trusted to the logit."""
_LEAST = 1e-4
"""Added to what a leaf is drawn by, which is 1 for the best one: bounds how often a movie counts."""


class Candidates(NamedTuple):
    """C movies for each of B users."""

    vectors: Tensor  # (B, C, D)
    logits: Tensor  # (B, C)
    offsets: Tensor  # (B, C), what is not trained of them
    mass: Tensor  # (B, C), unnormalised: how often a movie counts, times its chance; 0 where it may not be shown
    top: Tensor  # (B, 1), by what logits were lowered before
    leaves: Tensor  # (B, C / L) int32, of L candidates each


class Shortlist:
    """Finds candidates in a catalogue's leaves."""

    def __init__(self, leaves: Leaves, simulation: Simulation, sharpness: float) -> None:
        """Prepares the tensors.

        Args:
            leaves: of the simulation's movies.
            simulation: whose belief the logits are made of, besides a query.
            sharpness: logits a star of what is believed.
        """
        vectors, mild = simulation.belief.vectors_of_movies, 1 - simulation.violence.numpy()
        self.buckets, self.slots, self.per_node = leaves.buckets, leaves.slots, leaves.per_node
        self._each, self._sharpness, self._simulation = leaves.per_bucket, sharpness, simulation
        self.members, self.present = tf.constant(leaves.members), tf.constant(leaves.present)
        mean, variance, node_mean, node_variance = leaves.moments(vectors)
        rows = np.concatenate([mean, leaves.moments(mild[:, None])[0]], axis=1)  # (leaves, D + 1)
        self._leaves = tf.constant(rows.reshape(-1, leaves.per_node * rows.shape[1]))
        mild_nodes = leaves.moments(mild[:, None])[2]
        parts = node_mean, node_variance, node_mean**2 + node_variance, mild_nodes[:, 0][None]
        self._nodes = tuple(tf.constant(part) for part in parts)
        # Leaves of a node are told apart by their means alone: variances would be as much again to copy in every step.
        self._within = tf.constant(variance.reshape(-1, leaves.per_node, variance.shape[1]).mean(axis=1))
        # Blocks of a leaf's vectors lie together: they are copied at every step.
        self._blocks = tf.constant(vectors[leaves.members.ravel()].reshape(len(leaves.members), -1))
        self._mild = tf.constant(mild[leaves.members])
        self.dimensions = vectors.shape[1]

    @property
    def size(self) -> int:
        """C."""
        return 2 * self.buckets * self.slots

    def noise(self, groups: int, seed: Tensor) -> tuple[Tensor, Tensor]:
        """What leaves are drawn with in a step: `(groups, P, S)` and `(groups, P, J)`.

        Users of a group draw with the same luck, which costs a random number less for each and every node.
        """
        sizes = (self._each, self.per_node)
        luck = [tf.random.stateless_uniform((groups, self.buckets, n), seed + [0, i], 1e-7, 1.0)
                for i, n in enumerate(sizes)]  # fmt: skip
        # Of exponentials with rates v the least is that of rate v by a chance in proportion to v.
        return -1 / tf.math.log(luck[0]), -1 / tf.math.log(luck[1])

    def find(self, query: Tensor, believed: Tensor, available: Tensor, luck: tuple[Tensor, Tensor]) -> Candidates:
        """The candidates of B users.

        Args:
            query: `(B, D)`, multiplied with movies' vectors.
            believed: `(B, V)`, see `Simulation.believed`; not looked at where sharpness is 0.
            available: `(B, leaves)` int32, of each leaf the bits of movies that may be shown.
            luck: `noise` of a step.
        """
        chosen, counts = self._choose(query, believed, luck)
        batch, size = query.shape[0], chosen.shape[1] * self.slots
        vectors = tf.reshape(tf.gather(self._blocks, chosen), (batch, size, self.dimensions))
        logits = tf.matmul(vectors, query[:, :, None])[:, :, 0]
        offsets = tf.zeros_like(logits)
        if self._sharpness:
            mild = tf.reshape(tf.gather(self._mild, chosen), (batch, size))
            offsets = self._sharpness * self._simulation.expected_at(believed, vectors, mild)
            logits += offsets
        words = tf.gather(available, chosen, axis=1, batch_dims=1)  # (B, C / L)
        bits = tf.bitwise.right_shift(words[:, :, None], tf.range(self.slots)[None, None])
        allowed = tf.reshape(tf.bitwise.bitwise_and(bits, 1) > 0, (batch, size))
        level = logits + tf.repeat(counts, self.slots, axis=1)
        allowed &= level > -1e29
        top = tf.reduce_max(tf.where(allowed, level, -1e30), axis=1, keepdims=True)
        mass = tf.where(allowed, tf.exp(tf.clip_by_value(level - top, -60.0, 0.0)), 0.0)
        return Candidates(vectors, logits, offsets, mass, top, chosen)

    def _choose(self, query: Tensor, believed: Tensor, luck: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Leaves `(B, 2 P)` int32, and the logarithm of how often each counts."""
        batch, shape = query.shape[0], (query.shape[0], self.buckets, self._each)
        nodes = tf.reshape(self._scores(query, believed), shape)
        weights = self._chances(nodes)
        best = _highest(nodes - tf.reduce_min(nodes, axis=(1, 2), keepdims=True))
        if self.per_node == 1:
            weights = tf.where(tf.range(self._each)[None, None] == best[:, :, None], 0.0, weights)
        drawn, count = _draw(weights, luck[0])
        first = tf.range(self.buckets)[None] * self._each
        best, drawn = best + first, drawn + first  # nodes, (B, P)
        if self.per_node > 1:
            both = tf.concat([best, drawn], axis=1)
            rows = tf.reshape(tf.gather(self._leaves, both), (batch, 2 * self.buckets, self.per_node, -1))
            within = tf.gather(self._within, both)[:, :, None]  # (B, 2 P, 1, D)
            scores = self._scores_of_rows(query, believed, rows, within)  # (B, 2 P, J)
            inside = _highest(scores[:, : self.buckets] - tf.reduce_min(scores, axis=(1, 2), keepdims=True))
            others = self._chances(scores)[:, self.buckets :]
            taken = (best == drawn)[:, :, None] & (tf.range(self.per_node)[None, None] == inside[:, :, None])
            among, times = _draw(tf.where(taken, 0.0, others), luck[1])
            best, drawn = best * self.per_node + inside, drawn * self.per_node + among
            count += times
        return tf.concat([best, drawn], axis=1), tf.concat([tf.zeros_like(count), count], axis=1)

    def _chances(self, scores: Tensor) -> Tensor:
        top = tf.reduce_max(scores, axis=2, keepdims=True)
        return tf.exp((scores - top) / _FLAT) + _LEAST

    def _scores(self, query: Tensor, believed: Tensor) -> Tensor:
        """`(B, nodes)`, about the logit of the best movies of each."""

        def product(of: Tensor, rows: Tensor) -> Tensor:
            return tf.matmul(of, rows, transpose_b=True)

        return self._score(query, believed, product, *self._nodes)

    def _scores_of_rows(self, query: Tensor, believed: Tensor, rows: Tensor, variance: Tensor) -> Tensor:
        """The same for the leaves of some nodes, rows `(B, 2 P, J, D + 1)`."""
        mean, mild = tf.split(rows, [self.dimensions, 1], axis=3)

        def product(of: Tensor, rows: Tensor) -> Tensor:
            return tf.einsum("bnjd,bd->bnj", rows, of)

        return self._score(query, believed, product, mean, variance, tf.square(mean) + variance, mild[..., 0])

    def _score(
        self,
        query: Tensor,
        believed: Tensor,
        product: Any,
        mean: Tensor,
        variance: Tensor,
        squares: Tensor,
        mild: Tensor,
    ) -> Tensor:
        if not self._sharpness:
            return product(query, mean) + _WIDE * tf.sqrt(product(tf.square(query), variance) + 1e-12)
        taste = believed[:, : self.dimensions]
        whole = self._sharpness * taste + query
        above = _WIDE / self._sharpness * tf.sqrt(product(tf.square(whole), variance) + 1e-12)
        about = self._simulation.about(believed, product, mean, squares, above, mild)
        return self._sharpness * about + product(query, mean)


def _highest(scores: Tensor) -> Tensor:
    """Where the highest of `(B, P, S)` scores from 0 up are, `(B, P)` int32.

    A place is written into the last bits of its score, which is then the greater the higher it was: of positive floats
    the bits are in order. XLA's argmax takes five times as long.
    """
    bits = max(1, (scores.shape[2] - 1).bit_length())
    last = (1 << bits) - 1
    marked = tf.bitwise.bitwise_and(tf.bitcast(scores, tf.int32), ~last)
    marked = tf.bitwise.bitwise_or(marked, tf.range(scores.shape[2])[None, None])
    return tf.bitwise.bitwise_and(tf.reduce_max(marked, axis=2), last)


def _draw(weights: Tensor, luck: Tensor) -> tuple[Tensor, Tensor]:
    """Draws one place of each row of `(B, P, S)` weights: `(B, P)` int32, and minus the logarithm of its chance.

    Where all weights are 0, any place; it counts for nothing.
    """
    batch, buckets, places = weights.shape
    groups = luck.shape[0]
    raced = tf.reshape(weights, (groups, batch // groups, buckets, places)) * luck[:, None]
    drawn = _highest(tf.reshape(raced, weights.shape))
    weight = tf.gather(weights, drawn, axis=2, batch_dims=2)
    count = tf.math.log(tf.reduce_sum(weights, axis=2)) - tf.math.log(tf.maximum(weight, 1e-30))
    return drawn, tf.where(weight > 0, count, -1e30)
