"""The policy and value network: a bilinear form over item features.

A movie's logit is the dot product of its features with a *query* computed from the state (a linear path plus a hidden
layer), so that one answer teaches about all similar movies. After LIRD (Zhao et al. 2018, arXiv 1801.00209), where
list-wise actions are scored against item embeddings; dense heads with a row per movie did not learn here.

The functions use only operators that NumPy arrays and TensorFlow tensors share, so that the same lines train under
XLA and serve without TensorFlow.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


class Weights(NamedTuple):
    """Trainable arrays: float32, S = state, H = hidden, F = item features."""

    linear: Any  # (S, F) state to query, directly
    hidden: Any  # (S, H)
    hidden_bias: Any  # (H,)
    query: Any  # (H, F)
    query_bias: Any  # (F,) what is good for everybody
    value_hidden: Any  # (S, H) the critic has a hidden layer of its own
    value_hidden_bias: Any  # (H,)
    value: Any  # (H, 1)
    value_bias: Any  # (1,)


class Shape(NamedTuple):
    """Sizes that fix a network."""

    state: int
    hidden: int
    features: int

    def weights(self) -> Weights:
        """The shape of every array, as `Weights` of tuples."""
        state, hidden, features = self
        return Weights(
            (state, features), (state, hidden), (hidden,), (hidden, features), (features,),
            (state, hidden), (hidden,), (hidden, 1), (1,),
        )  # fmt: skip


def initial_weights(shape: Shape, rng: np.random.Generator) -> Weights:
    """Glorot-uniform hidden layers and zero heads: an untrained policy draws movies uniformly and expects nothing."""
    zeros = [np.zeros(size, np.float32) for size in shape.weights()]
    bound = np.sqrt(6 / (shape.state + shape.hidden))
    draws = rng.uniform(-bound, bound, (2, shape.state, shape.hidden)).astype(np.float32)
    return Weights(*zeros)._replace(hidden=draws[0], value_hidden=draws[1])


def query(weights: Weights, state: Any, tanh: Callable[[Any], Any]) -> Any:
    """`(B, S)` standardised states to `(B, F)` queries; a movie's logit is `query · features`."""
    hidden = tanh(state @ weights.hidden + weights.hidden_bias)
    return state @ weights.linear + hidden @ weights.query + weights.query_bias


def value(weights: Weights, state: Any, tanh: Callable[[Any], Any]) -> Any:
    """`(B, S)` standardised states to `(B, 1)` expected discounted returns."""
    return tanh(state @ weights.value_hidden + weights.value_hidden_bias) @ weights.value + weights.value_bias


def flatten(weights: Weights) -> Floats:
    """All weights as one `(P,)` vector, the form in which agents and the global model exchange them."""
    return np.concatenate([np.ravel(array) for array in weights]).astype(np.float32)


def unflatten(flat: Any, shape: Shape) -> Weights:
    """The inverse of `flatten`; `flat` may be a NumPy array or a tensor. Takes views, no copies, of an array."""
    arrays, start = [], 0
    for size in shape.weights():
        length = int(np.prod(size))
        part = flat[start : start + length]
        arrays.append(part.reshape(size) if isinstance(part, np.ndarray) else _reshape(part, size))
        start += length
    return Weights(*arrays)


def n_weights(shape: Shape) -> int:
    """P, the length of the flat vector."""
    return sum(int(np.prod(size)) for size in shape.weights())


def _reshape(tensor: Any, size: tuple[int, ...]) -> Any:
    import tensorflow as tf  # only where a tensor was given: serving never imports it

    return tf.reshape(tensor, size)
