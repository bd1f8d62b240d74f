"""What slates are worth: Q(s, A) = mean_k Q̄(s, a_k), Q̄(s, a) = b(s, a) + q(s) · x_a + V(s), on tensors.

b is the reward to be expected by what is believed of the user, which is not trained; the rest is the network's, and
dueling (Wang et al. 2016, arXiv 1511.06581) in that V has a path of its own. With one movie a slate Q̄ is Q. With more
it is SlateQ's decomposition Q(s, A) = Σ P(i | s, A) Q̄(s, i) (Ie et al. 2019, arXiv 1905.12767), in which every position
is answered here, hence chosen with the chance 1/K: the best slate is the K movies with the highest Q̄.
"""

from typing import Any

import tensorflow as tf

from rlrec.agents.actor_critic.loss import TENSORFLOW
from rlrec.environments.compiled import Simulation
from rlrec.environments.compiled_logged import ColdSimulation
from rlrec.metrics.stars import HIGHEST_RATING
from rlrec.policies.networks import Network, Weights

Tensor = Any

PER_STAR = 1 / HIGHEST_RATING
"""What an expected star adds to Q: rewards are from 0 to 1."""
_NEVER = -1e9


class Values:
    """Q of a network and of what is believed; see the module."""

    def __init__(self, simulation: Simulation | ColdSimulation, network: Network, believes: bool) -> None:
        """Takes the catalogue, the movies of which are padded to M."""
        self.simulation, self.network, self._believes = simulation, network, believes

    def believed(self, session: Any) -> Tensor:
        """`(B, V)`, what `expected` needs of a session; `(B, 0)` where nothing is believed."""
        return self.simulation.believed(session) if self._believes else tf.zeros((session.demographics.shape[0], 0))

    def expected(self, believed: Tensor) -> Tensor:
        """`(B, M)`, b for all movies: the reward to be expected of them; `(B, 1)` zeros where nothing is believed."""
        if not self._believes:
            return tf.zeros((believed.shape[0], 1))
        return PER_STAR * self.simulation.expected_of(believed)

    def advantages(self, weights: Weights, states: Tensor, expected: Tensor) -> Tensor:
        """`(B, M)`, Q̄ less V, for all movies: what they are ranked by."""
        queries = self.network.query(weights, states, None, TENSORFLOW)
        return tf.matmul(queries, self.simulation.features, transpose_b=True) + expected

    def states(self, weights: Weights, states: Tensor) -> Tensor:
        """`(B, 1)`, V."""
        return self.network.value(weights, states, None, TENSORFLOW)

    def of_slates(self, weights: Weights, states: Tensor, slates: Tensor, offsets: Tensor) -> Tensor:
        """`(B, K)`, Q̄ of the slates' movies, whose b are the `offsets` `(B, K)`."""
        queries = self.network.query(weights, states, None, TENSORFLOW)
        movies = tf.gather(self.simulation.features, slates)
        return tf.einsum("bf,bkf->bk", queries, movies) + offsets + self.states(weights, states)


def best_slates(advantages: Tensor, available: Tensor, size: int) -> Tensor:
    """`(B, K)` int32, the available movies with the highest advantages, best first, of equals the lower number."""
    left, slates = tf.where(available, advantages, _NEVER), []
    for _ in range(size):  # K maxima: a sort over the catalogue costs more
        slates.append(tf.argmax(left, axis=1, output_type=tf.int32))
        left = tf.where(tf.range(left.shape[1])[None] == slates[-1][:, None], 2 * _NEVER, left)
    return tf.stack(slates, axis=1)


def packed(available: Tensor) -> Tensor:
    """`(…, M)` 1.0 or 0.0 as bits, `(…, M / 8)` uint8."""
    bits = tf.reshape(available, (*available.shape[:-1], available.shape[-1] // 8, 8))
    return tf.cast(tf.reduce_sum(bits * _POWERS, axis=-1), tf.uint8)


def unpacked(bits: Tensor) -> Tensor:
    """The inverse of `packed`, as truth values."""
    places = tf.bitwise.bitwise_and(bits[..., None], tf.constant(_POWERS, tf.uint8))
    return tf.reshape(places > 0, (*bits.shape[:-1], bits.shape[-1] * 8))


_POWERS = [1, 2, 4, 8, 16, 32, 64, 128]
