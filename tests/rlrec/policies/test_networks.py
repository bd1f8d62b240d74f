import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from rlrec.agents.actor_critic.loss import TENSORFLOW
from rlrec.policies.networks import NETWORKS, NUMPY, Bilinear, Network, Proposals, Recurrent, Weights


def random_weights(network: Network, seed: int) -> Weights:
    flat = np.random.default_rng(seed).normal(size=network.size()).astype(np.float32)
    return network.unflatten(flat, NUMPY)


@given(st.sampled_from(list(NETWORKS)), st.integers(1, 6), st.integers(1, 6), st.integers(1, 6), st.integers(0, 99))
def test_flatten_and_unflatten_are_inverse(kind: str, state: int, hidden: int, features: int, seed: int) -> None:
    network = NETWORKS[kind](state, hidden, features, 7)
    weights = random_weights(network, seed)

    again = network.unflatten(network.flatten(weights), NUMPY)

    assert list(again) == list(network.shapes())
    for name, shape in network.shapes().items():
        assert again[name].shape == shape
        np.testing.assert_array_equal(again[name], weights[name])


@pytest.mark.parametrize("kind", NETWORKS)
def test_numpy_and_tensorflow_compute_the_same_network(kind: str) -> None:
    network = NETWORKS[kind](5, 8, 3, 7)
    weights = random_weights(network, 1)
    rng = np.random.default_rng(2)
    sizes = (network.state, network.memory, 2 * network.features)
    state, memory, answer = (rng.normal(size=(4, n)).astype(np.float32) for n in sizes)
    tensors = network.unflatten(tf.constant(network.flatten(weights)), TENSORFLOW)

    for function in (network.query, network.value):
        one, other = function(weights, state, memory, NUMPY), function(tensors, state, memory, TENSORFLOW)
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    one, other = (network.remember(w, memory, answer, o) for w, o in ((weights, NUMPY), (tensors, TENSORFLOW)))
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_bilinear_query_and_value_by_hand() -> None:
    network = Bilinear(1, 1, 1, 2)
    weights = {
        "linear": np.array([[2.0]]),
        "policy_hidden": np.array([[1.0]]),
        "policy_bias": np.array([0.0]),
        "query": np.array([[3.0]]),
        "query_bias": np.array([0.5]),
        "value_hidden": np.array([[1.0]]),
        "value_bias": np.array([1.0]),
        "value": np.array([[2.0]]),
        "value_offset": np.array([0.25]),
    }
    state, nothing = np.array([[0.5]]), np.zeros((1, 0))

    # 2 · 0.5 + 3 · tanh(0.5) + 0.5 and 2 · tanh(1.5) + 0.25
    np.testing.assert_allclose(network.query(weights, state, nothing, NUMPY), [[1.5 + 3 * np.tanh(0.5)]])
    np.testing.assert_allclose(network.value(weights, state, nothing, NUMPY), [[2 * np.tanh(1.5) + 0.25]])


def test_there_is_a_query_for_each_position_and_one_critic_of_all() -> None:
    network, rng = Proposals(5, 8, 3, 7, positions=4), np.random.default_rng(0)
    weights, state = random_weights(network, 1), rng.normal(size=(6, 5)).astype(np.float32)
    slates = rng.normal(size=(6, 4 * 3)).astype(np.float32)
    tensors = network.unflatten(tf.constant(network.flatten(weights)), TENSORFLOW)

    assert network.query(weights, state, None, NUMPY).shape == (6, 4 * 3)
    assert network.vectors == 4
    one, other = (network.critic(w, state, slates, ops) for w, ops in ((weights, NUMPY), (tensors, TENSORFLOW)))
    assert one.shape == (6, 1)
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
    nothing = network.critic(weights, state, 0 * slates, NUMPY)
    np.testing.assert_allclose(nothing, network.value(weights, state, None, NUMPY), rtol=1e-5, atol=1e-5)


def test_critic_by_hand() -> None:
    """In the state 5 atanh(0.1), which is bounded to 0.5, of two movies with the features 1 and 3."""
    network = Proposals(1, 1, 1, 2, positions=2)
    weights = {name: np.zeros(shape) for name, shape in network.shapes().items()}
    weights |= {"value_linear": np.array([[4.0]]), "value_items": np.array([0.5]), "value_offset": np.array([0.25])}
    weights |= {"value_hidden": np.array([[2.0]]), "value_slate_hidden": np.array([[1.0], [-1.0]])}
    weights |= {"value": np.array([[3.0]])}

    found = network.critic(weights, np.array([[5 * np.arctanh(0.1)]]), np.array([[1.0, 3.0]]), NUMPY)

    # mean 2 · (4 · 0.5 + 0.5) + 3 · tanh(2 · 0.5 + 1 − 3) + 0.25
    np.testing.assert_allclose(found, [[5 + 3 * np.tanh(-1) + 0.25]])


def test_what_is_far_off_is_bounded() -> None:
    network = Proposals(5, 8, 3, 7, positions=2)
    weights, state = random_weights(network, 1), np.array([[1e3, -1e3, 1e6, 0.0, 0.0]], np.float32)
    bounded = network.query(weights, np.array([[50.0, -50.0, 50.0, 0.0, 0.0]], np.float32), None, NUMPY)
    np.testing.assert_allclose(network.query(weights, state, None, NUMPY), bounded, rtol=1e-5)


def test_gru_by_hand() -> None:
    network = Recurrent(1, 2, 1, 2)
    weights = {name: np.zeros(shape) for name, shape in network.shapes().items()}
    weights["update_bias"] = np.array([np.log(3.0)])  # σ = 3/4
    weights["reset_bias"] = np.array([0.0])  # σ = 1/2
    weights["candidate_answer_hidden"] = np.array([[1.0], [0.0]])
    weights["candidate_memory_hidden"] = np.array([[2.0]])

    after = network.remember(weights, np.array([[0.4]]), np.array([[0.1, 9.0]]), NUMPY)

    # 3/4 · 0.4 + 1/4 · tanh(0.1 + 2 · (1/2 · 0.4))
    np.testing.assert_allclose(after, [[0.3 + 0.25 * np.tanh(0.5)]])


def test_thesis_network_has_the_layers_of_the_thesis() -> None:
    shapes = NETWORKS["thesis"](25, 128, 36, 1682).shapes()

    assert shapes["first_hidden"] == (25, 128)
    assert shapes["second_hidden"] == (128, 64)
    assert shapes["policy_hidden"] == shapes["value_hidden"] == (64, 32)
    assert shapes["movies"] == (1682, 32)


@pytest.mark.parametrize("kind", NETWORKS)
def test_untrained_network_prefers_nothing_and_expects_nothing(kind: str) -> None:
    network = NETWORKS[kind](4, 8, 3, 7)
    weights = network.initial_weights(np.random.default_rng(0))
    rng = np.random.default_rng(1)
    state, memory = (rng.normal(size=(6, n)).astype(np.float32) for n in (4, network.memory))
    features = rng.normal(size=(7, 3)).astype(np.float32)

    logits = network.query(weights, state, memory, NUMPY) @ network.items(weights, features).T

    assert not logits.any()
    assert not network.value(weights, state, memory, NUMPY).any()
    assert any(weights[name].any() for name in network.shapes())
