from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from rlrec.agents.actor_critic.loss import TENSORFLOW, Experience, advantages, loss_gradient
from rlrec.policies.networks import Bilinear, Network, Recurrent, Thesis, Weights
from rlrec.settings.learners import A3CConfig


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


def experience_of(
    network: Network, seed: int, steps: int, batch: int, slate_size: int, features: np.ndarray
) -> Experience:
    """Random states, slates and rewards, without the scores that a rollout would have stored."""
    rng = np.random.default_rng(seed)
    slates = np.array([rng.choice(network.movies, slate_size, replace=False) for _ in range(steps * batch)])
    answers = rng.normal(size=(steps, batch, 2 * features.shape[1] if network.memory else 0))
    return Experience(
        states=tf.constant(rng.normal(size=(steps, batch, network.state)), tf.float32),
        scores=tf.zeros((steps, batch, features.shape[1])),
        surprises=tf.zeros((steps, batch, features.shape[1])),
        leads=tf.zeros((steps, batch)),
        slates=tf.constant(slates.reshape(steps, batch, slate_size), tf.int32),
        available=tf.constant(np.ones((steps, batch, network.movies if network.trains_items else 0), bool)),
        answers=tf.constant(answers, tf.float32),
        rewards=tf.constant(rng.random((steps, batch)), tf.float32),
        memory=tf.constant(rng.normal(size=(batch, network.memory)), tf.float32),
        bootstrap=tf.constant(rng.random(batch), tf.float32),
    )


def queries_and_values(network: Network, weights: Weights, experience: Experience) -> tuple[Any, Any]:
    """As the loss computes them, but step by step in plain Python."""
    memory, queries, values = experience.memory, [], []
    for t in range(experience.rewards.shape[0]):
        queries.append(network.query(weights, experience.states[t], memory, TENSORFLOW))
        values.append(network.value(weights, experience.states[t], memory, TENSORFLOW)[:, 0])
        memory = network.remember(weights, memory, experience.answers[t], TENSORFLOW)
    return tf.stack(queries), tf.stack(values)


def stored_scores(logits: np.ndarray, slates: np.ndarray, features: np.ndarray) -> np.ndarray:
    """The sum over a slate's positions of x_a − E[x], what was drawn before left out of the expectation."""
    scores, logits = 0, logits.copy()
    for k in range(slates.shape[2]):
        chances = tf.nn.softmax(logits).numpy()
        scores = scores + features[slates[:, :, k]] - chances @ features
        np.put_along_axis(logits, slates[:, :, k, None], -1e9, axis=2)
    return np.asarray(scores, np.float32)


@pytest.mark.parametrize("kind", [Bilinear, Recurrent, Thesis])
@pytest.mark.parametrize("slate_size", [1, 2])
def test_gradient_equals_that_of_the_loss_over_the_whole_catalogue(kind: type[Network], slate_size: int) -> None:
    """Stored scores replace a tape over all logits: here the tape is taken over them."""
    rng = np.random.default_rng(1)
    network = kind(state=4, hidden=6, features=3, movies=9)
    weights = network.unflatten(tf.constant(rng.normal(size=network.size()) * 0.4, tf.float32), TENSORFLOW)
    features = rng.normal(size=(9, 3)).astype(np.float32)
    train = A3CConfig(gamma=0.8, gae_lambda=0.9, entropy=0.0, value=0.3)
    experience = experience_of(network, 2, 3, 5, slate_size, features)
    if not network.trains_items:
        logits = (queries_and_values(network, weights, experience)[0] @ features.T).numpy()
        experience = experience._replace(scores=tf.constant(stored_scores(logits, experience.slates.numpy(), features)))

    found, _, _ = loss_gradient(network, weights, experience, train)

    with tf.GradientTape() as tape:
        tape.watch(weights)
        queries, values = queries_and_values(network, weights, experience)
        logits = queries @ tf.transpose(network.items(weights, tf.constant(features)))
        log_probability = 0.0
        for k in range(slate_size):
            chosen = experience.slates[:, :, k]
            log_probability += tf.gather(tf.nn.log_softmax(logits), chosen, axis=2, batch_dims=2)
            logits = tf.where(tf.range(9) == chosen[:, :, None], -1e9, logits)
        fixed = tf.stop_gradient(values)
        estimates = advantages(experience.rewards, fixed, experience.bootstrap, train.gamma, train.gae_lambda)
        loss = -tf.reduce_mean(estimates * log_probability)
        loss += train.value * tf.reduce_mean(tf.square(estimates + fixed - values)) / 2
    expected = tape.gradient(loss, weights)
    for name in network.shapes():
        np.testing.assert_allclose(found[name], expected[name], rtol=2e-4, atol=2e-6, err_msg=name)


def test_entropy_bonus_has_the_gradient_of_the_entropy_on_average() -> None:
    """Drawing every movie as often as the policy does, the estimate is the exact gradient."""
    rng = np.random.default_rng(2)
    network = Bilinear(state=2, hidden=3, features=2, movies=4)
    weights = network.unflatten(tf.constant(rng.normal(size=network.size()), tf.float32), TENSORFLOW)
    features = rng.normal(size=(4, 2)).astype(np.float32)
    experience = experience_of(network, 0, 1, 1, 1, features)
    chances = tf.nn.softmax(queries_and_values(network, weights, experience)[0] @ features.T).numpy()[0, 0]

    estimate = np.zeros(network.size(), np.float32)
    for movie, chance in enumerate(chances):
        surprise = tf.reshape(features[movie] - chances @ features, (1, 1, 2))
        told = experience._replace(scores=surprise, surprises=surprise)
        # Two calls that differ in the entropy term alone.
        with_bonus, without = (
            network.flatten(loss_gradient(network, weights, told, A3CConfig(entropy=e, value=0.0))[0])
            for e in (1.0, 0.0)
        )
        estimate += chance * (with_bonus - without)

    with tf.GradientTape() as tape:
        tape.watch(weights)
        log_chances = tf.nn.log_softmax(queries_and_values(network, weights, experience)[0] @ features.T)
        entropy = -tf.reduce_sum(tf.exp(log_chances) * log_chances)
    exact = tape.gradient(entropy, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    np.testing.assert_allclose(estimate, -network.flatten(exact), rtol=1e-3, atol=1e-5)


def test_a_critic_that_knows_all_has_nothing_to_learn() -> None:
    network = Bilinear(state=2, hidden=3, features=2, movies=5)
    experience = experience_of(network, 0, 2, 4, 1, np.ones((5, 2), np.float32))
    nothing = experience._replace(rewards=tf.zeros((2, 4)), bootstrap=tf.zeros(4), scores=tf.ones((2, 4, 2)))
    flat = network.flatten(network.initial_weights(np.random.default_rng(0)))
    weights = network.unflatten(tf.constant(flat), TENSORFLOW)

    gradient, policy_loss, value_loss = loss_gradient(network, weights, nothing, A3CConfig(entropy=0.0))

    assert float(policy_loss) == 0
    assert float(value_loss) == 0
    assert not network.flatten(gradient).any()
