import numpy as np
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from rlrec.a3c.network import Shape, Weights, flatten, initial_weights, n_weights, query, unflatten, value


def random_weights(shape: Shape, seed: int) -> Weights:
    return unflatten(np.random.default_rng(seed).normal(size=n_weights(shape)).astype(np.float32), shape)


@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 6), st.integers(0, 99))
def test_flatten_and_unflatten_are_inverse(state: int, hidden: int, features: int, seed: int) -> None:
    shape = Shape(state, hidden, features)
    weights = random_weights(shape, seed)

    again = unflatten(flatten(weights), shape)

    for one, other, size in zip(weights, again, shape.weights(), strict=True):
        assert one.shape == size
        np.testing.assert_array_equal(one, other)


def test_numpy_and_tensorflow_compute_the_same_network() -> None:
    shape = Shape(5, 7, 3)
    weights = random_weights(shape, 1)
    state = np.random.default_rng(2).normal(size=(4, 5)).astype(np.float32)
    tensors = unflatten(tf.constant(flatten(weights)), shape)

    np.testing.assert_allclose(query(weights, state, np.tanh), query(tensors, state, tf.tanh), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(value(weights, state, np.tanh), value(tensors, state, tf.tanh), rtol=1e-5, atol=1e-6)


def test_query_by_hand() -> None:
    weights = Weights(
        linear=np.array([[2.0]]),
        hidden=np.array([[1.0]]),
        hidden_bias=np.array([0.0]),
        query=np.array([[3.0]]),
        query_bias=np.array([0.5]),
        value_hidden=np.array([[1.0]]),
        value_hidden_bias=np.array([1.0]),
        value=np.array([[2.0]]),
        value_bias=np.array([0.25]),
    )
    state = np.array([[0.5]])

    # 2 · 0.5 + 3 · tanh(0.5) + 0.5 and 2 · tanh(1.5) + 0.25
    np.testing.assert_allclose(query(weights, state, np.tanh), [[1.5 + 3 * np.tanh(0.5)]])
    np.testing.assert_allclose(value(weights, state, np.tanh), [[2 * np.tanh(1.5) + 0.25]])


def test_untrained_network_prefers_nothing_and_expects_nothing() -> None:
    weights = initial_weights(Shape(4, 8, 3), np.random.default_rng(0))
    state = np.random.default_rng(1).normal(size=(6, 4)).astype(np.float32)

    assert not query(weights, state, np.tanh).any()
    assert not value(weights, state, np.tanh).any()
    assert weights.hidden.any()
