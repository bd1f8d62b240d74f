import numpy as np
import pytest
import tensorflow as tf

from rlrec.a3c.loss import Experience, advantages, loss_gradient
from rlrec.a3c.network import Shape, flatten, initial_weights, n_weights, query, unflatten, value


def test_n_step_advantages_by_hand() -> None:
    rewards = tf.constant([[1.0], [0.0], [2.0]])
    values = tf.constant([[0.5], [1.0], [0.0]])
    bootstrap = tf.constant([4.0])

    found = advantages(rewards, values, bootstrap, gamma=0.5, gae_lambda=1.0)

    # R_2 = 2 + 4/2 = 4; R_1 = 0 + 4/2 = 2; R_0 = 1 + 2/2 = 2; A = R - V
    np.testing.assert_allclose(found, [[1.5], [1.0], [4.0]])


def test_generalised_advantages_by_hand() -> None:
    rewards = tf.constant([[1.0], [0.0]])
    values = tf.constant([[0.5], [1.0]])
    bootstrap = tf.constant([2.0])

    found = advantages(rewards, values, bootstrap, gamma=0.5, gae_lambda=0.4)

    # δ_0 = 1 + 0.5 · 1 - 0.5 = 1; δ_1 = 0 + 0.5 · 2 - 1 = 0; A_0 = 1 + 0.2 · 0
    np.testing.assert_allclose(found, [[1.0], [0.0]], atol=1e-7)


@pytest.mark.parametrize(("gamma", "gae_lambda"), [(0.9, 0.7), (1.0, 1.0), (0.0, 1.0), (0.9, 0.0)])
def test_advantages_equal_the_recursion(gamma: float, gae_lambda: float) -> None:
    rng = np.random.default_rng(0)
    rewards, values, bootstrap = rng.normal(size=(6, 3)), rng.normal(size=(6, 3)), rng.normal(size=3)
    expected, running, following = np.zeros((6, 3)), np.zeros(3), bootstrap
    for t in reversed(range(6)):
        running = rewards[t] + gamma * following - values[t] + gamma * gae_lambda * running
        expected[t], following = running, values[t]

    found = advantages(*(tf.constant(x, tf.float32) for x in (rewards, values, bootstrap)), gamma, gae_lambda)

    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_gradient_equals_that_of_the_loss_over_the_whole_catalogue() -> None:
    """The stored scores replace a tape over all logits: here the tape is taken over them."""
    rng = np.random.default_rng(1)
    shape, steps, batch, n_movies = Shape(4, 5, 3), 3, 6, 9
    weights = unflatten(tf.constant(rng.normal(size=n_weights(shape)) * 0.5, tf.float32), shape)
    features = tf.constant(rng.normal(size=(n_movies, 3)), tf.float32)
    states = tf.constant(rng.normal(size=(steps, batch, 4)), tf.float32)
    actions = rng.integers(n_movies, size=(steps * batch,))
    rewards = tf.constant(rng.random((steps, batch)), tf.float32)
    bootstrap = tf.constant(rng.random(batch), tf.float32)
    gamma, gae_lambda, value_weight = 0.8, 0.9, 0.3

    flat_states = tf.reshape(states, (-1, 4))
    chances = tf.nn.softmax(query(weights, flat_states, tf.tanh) @ tf.transpose(features))
    scores = tf.reshape(tf.gather(features, actions) - chances @ features, (steps, batch, 3))
    found, _, _ = loss_gradient(
        weights, Experience(states, scores, scores, rewards, bootstrap),
        gamma=gamma, gae_lambda=gae_lambda, entropy=0.0, value_weight=value_weight,
    )  # fmt: skip

    with tf.GradientTape() as tape:
        tape.watch(weights)
        log_policy = tf.nn.log_softmax(query(weights, flat_states, tf.tanh) @ tf.transpose(features))
        taken = tf.gather(log_policy, actions, axis=1, batch_dims=1)
        values = value(weights, flat_states, tf.tanh)[:, 0]
        fixed = tf.stop_gradient(tf.reshape(values, (steps, batch)))
        estimates = advantages(rewards, fixed, bootstrap, gamma, gae_lambda)
        targets = tf.reshape(estimates + fixed, (-1,))
        loss = -tf.reduce_mean(tf.reshape(estimates, (-1,)) * taken)
        loss += value_weight * tf.reduce_mean(tf.square(targets - values)) / 2
    for name, one, other in zip(found._fields, found, tape.gradient(loss, weights), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6, err_msg=name)


def test_entropy_bonus_has_the_gradient_of_the_entropy_on_average() -> None:
    """Drawing every movie as often as the policy does, the estimate is the exact gradient."""
    rng = np.random.default_rng(2)
    shape, n_movies = Shape(2, 3, 2), 4
    weights = unflatten(tf.constant(rng.normal(size=n_weights(shape)), tf.float32), shape)
    features = tf.constant(rng.normal(size=(n_movies, 2)), tf.float32)
    state = tf.constant([[0.3, -0.7]])
    chances = tf.nn.softmax(query(weights, state, tf.tanh) @ tf.transpose(features))[0].numpy()
    mean = chances @ features.numpy()

    estimate = np.zeros(n_weights(shape), np.float32)
    for movie, chance in enumerate(chances):
        surprise = tf.reshape(features[movie] - mean, (1, 1, 2))
        experience = Experience(state[None], surprise, surprise, tf.zeros((1, 1)), tf.zeros(1))
        # Rewards and value weight of 0 leave A = -V: two calls differ in the entropy term alone.
        with_bonus, without = (
            loss_gradient(weights, experience, gamma=0.0, gae_lambda=1.0, entropy=e, value_weight=0.0)[0]
            for e in (1.0, 0.0)
        )
        estimate += chance * (flatten(with_bonus) - flatten(without))

    with tf.GradientTape() as tape:
        tape.watch(weights)
        log_policy = tf.nn.log_softmax(query(weights, state, tf.tanh) @ tf.transpose(features))
        entropy = -tf.reduce_sum(tf.exp(log_policy) * log_policy)
    exact = tape.gradient(entropy, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    np.testing.assert_allclose(estimate, -flatten(exact), rtol=1e-3, atol=1e-5)


def test_a_critic_that_knows_all_has_nothing_to_learn() -> None:
    shape = Shape(2, 3, 2)
    weights = initial_weights(shape, np.random.default_rng(0))
    states = tf.ones((2, 4, 2))
    experience = Experience(states, tf.ones((2, 4, 2)), tf.ones((2, 4, 2)), tf.zeros((2, 4)), tf.zeros(4))

    gradient, policy_loss, value_loss = loss_gradient(
        unflatten(tf.constant(flatten(weights)), shape), experience,
        gamma=0.9, gae_lambda=1.0, entropy=0.0, value_weight=1.0,
    )  # fmt: skip

    assert float(policy_loss) == 0
    assert float(value_loss) == 0
    assert not flatten(gradient).any()
