"""Gradients on logged answers against what they estimate, which four movies allow to work out exactly."""

from itertools import permutations
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from rlrec.agents.actor_critic.loss import TENSORFLOW
from rlrec.agents.logged.gradients import LikelihoodGradient, Parts, SlateGradient
from rlrec.environments.compiled_logged import Moment
from rlrec.policies.networks import NUMPY
from rlrec.settings.learners import CrossEntropyConfig, LoggedA3CConfig

PADDED, MOVIES, FEATURES, STATE, HIDDEN = 8, 4, 3, 3, 2
RNG = np.random.default_rng(0)
X = RNG.normal(size=(PADDED, FEATURES)).astype(np.float32)
X[MOVIES:] = 0
STATES = RNG.normal(size=(2, STATE)).astype(np.float32)
AVAILABLE = np.zeros((2, PADDED), np.float32)
AVAILABLE[0, :4], AVAILABLE[1, [0, 2, 3]] = 1, 1
FEW = np.zeros((2, PADDED), np.float32)
FEW[0, :4], FEW[1, [0, 3]] = 1, 1
GAINS = {
    "seen": np.array([[1, 0, 1, 0, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0, 0, 0]], np.float32),
    "rating": np.array([[0.2, 0, 1, 0.6, 0, 0, 0, 0], [0.8, 0, 0, 0.4, 0, 0, 0, 0]], np.float32),
}
CENTER, SCALE = np.array([0.1, -0.2, 0.3], np.float32), np.array([1.5, 1.5, 1.5], np.float32)


class Twice:
    """Moments that are always the same two, as often as they are asked for."""

    state_size = STATE

    def __init__(self, reward: str, available: np.ndarray = AVAILABLE) -> None:
        self.log = SimpleNamespace(features=tf.constant(X), n_movies=MOVIES)
        self._gains, self.available = GAINS[reward], available

    def draw(self, batch: int, seed: Any) -> Moment:
        tensors = (tf.constant(array) for array in (STATES, self.available, self._gains))
        return Moment(*(tf.tile(tensor, (batch // 2, 1)) for tensor in tensors))


def parts(reward: str = "seen", available: np.ndarray = AVAILABLE) -> Parts:
    return Parts(Twice(reward, available), HIDDEN, CENTER, SCALE)  # type: ignore[arg-type]


def weights_of(made: Parts, spread: float = 0.7) -> np.ndarray:
    return np.random.default_rng(1).normal(0, spread, made.network.size()).astype(np.float32)


def discounts(size: int) -> np.ndarray:
    return 1 / np.log2(np.arange(2, size + 2))


def exact(made: Parts, learner: LoggedA3CConfig, flat: np.ndarray) -> np.ndarray:
    """The gradient of what is to be minimised, over all ordered slates of each state, `(P,)`."""
    size, weighed = learner.slate_size, discounts(learner.slate_size)
    variable = tf.constant(flat)
    with tf.GradientTape() as tape:
        tape.watch(variable)
        weights = made.network.unflatten(variable, TENSORFLOW)
        states = tf.constant((STATES - CENTER) / SCALE)
        queries = made.network.query(weights, states, None, TENSORFLOW)
        values = made.network.value(weights, states, None, TENSORFLOW)[:, 0]
        loss = 0.0
        for row, gains in enumerate(GAINS[learner.reward]):
            logits = tf.linalg.matvec(tf.constant(X), queries[row])
            movies = np.flatnonzero(made.moments.available[row]).tolist()
            ideal = float(np.sort(gains)[::-1][:size] @ weighed)
            expected: Any = 0.0
            for slate in permutations(movies, min(size, len(movies))):
                log_chance: Any = 0.0
                for k, movie in enumerate(slate):
                    left = [other for other in movies if other not in slate[:k]]
                    log_chance += logits[movie] - tf.reduce_logsumexp(tf.gather(logits, left))
                expected += tf.exp(log_chance) * float(gains[list(slate)] @ weighed[: len(slate)]) / ideal
            log_chances = tf.nn.log_softmax(tf.gather(logits, movies))
            entropy = -tf.reduce_sum(tf.exp(log_chances) * log_chances)
            critic = (tf.stop_gradient(expected) - values[row]) ** 2 / 2
            loss += (-expected - learner.entropy * entropy + learner.value * critic) / 2
    return np.asarray(tape.gradient(loss, variable))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reward", "size", "slates", "entropy", "available"),
    [
        ("seen", 1, 2, 0.0, AVAILABLE),
        ("seen", 2, 4, 0.0, AVAILABLE),
        ("rating", 3, 3, 0.0, AVAILABLE),
        ("rating", 2, 1, 0.0, AVAILABLE),
        ("seen", 2, 2, 0.5, AVAILABLE),
        ("rating", 3, 3, 0.0, FEW),  # of whom only two movies may be shown
    ],
)
def test_the_mean_gradient_of_slates_is_that_of_all_that_can_be_drawn(
    reward: str, size: int, slates: int, entropy: float, available: np.ndarray
) -> None:
    made, draws = parts(reward, available), 40
    learner = LoggedA3CConfig.model_validate(
        {"users": 4000, "slates": slates, "slate_size": size, "reward": reward, "entropy": entropy, "value": 0.5}
    )
    flat, gradient = weights_of(made), SlateGradient(made, learner)
    drawn = [gradient.play(tf.constant(flat), tf.constant([seed, 5])).gradient.numpy() for seed in range(draws)]
    expected = exact(made, learner, flat)
    errors = np.std(drawn, axis=0, ddof=1) / np.sqrt(draws)

    np.testing.assert_array_less(np.abs(np.mean(drawn, axis=0) - expected), 4.5 * errors + 1e-5)
    assert np.abs(expected).max() > 30 * errors.max()  # else nothing were compared


@pytest.mark.slow
def test_what_the_other_slates_earned_makes_the_gradient_steadier() -> None:
    spreads = []
    for slates in (1, 4):
        made = parts()
        learner = LoggedA3CConfig(users=400 // slates, slates=slates, slate_size=2)
        flat, gradient = weights_of(made), SlateGradient(made, learner)
        flat[-1] = -2.0  # a critic that is wrong
        drawn = [gradient.play(tf.constant(flat), tf.constant([seed, 5])).gradient.numpy() for seed in range(30)]
        named = made.network.unflatten(np.std(drawn, axis=0), NUMPY)
        spreads.append(named["query_bias"].mean())
    assert spreads[1] < 0.7 * spreads[0]


def test_returns_by_hand() -> None:
    """Of what was liked or seen, all gains are alike; of ratings the ideal slate has the best first."""
    first, second = discounts(2)
    moment = Twice("seen").draw(2, None)
    found = SlateGradient(parts(), LoggedA3CConfig(users=2, slates=2, slate_size=2))._returns(
        tf.constant([[1, 0], [1, 1], [0, 0], [0, 1]], tf.float32), moment
    )
    ideal = first + second
    np.testing.assert_allclose(found[0], [[first / ideal, 0], [1, second / ideal]], rtol=1e-6)
    np.testing.assert_allclose(found[1], [[0, 0], [second / first, second / first]], rtol=1e-6)

    rated = Twice("rating").draw(2, None)
    found = SlateGradient(parts("rating"), LoggedA3CConfig(users=2, slates=1, slate_size=2, reward="rating"))._returns(
        tf.constant([[0.6, 1.0], [0.8, 0.4]]), rated
    )
    best = 1.0 * first + 0.6 * second
    np.testing.assert_allclose(found[0], [[(0.6 * first + 1.0 * second) / best, second / best]], rtol=1e-6)
    np.testing.assert_allclose(found[1], [[1, 0.4 * second / (0.8 * first + 0.4 * second)]], rtol=1e-6)


def test_where_nothing_is_worth_anything_there_is_nothing_to_earn() -> None:
    moment = Twice("seen").draw(2, None)._replace(gains=tf.zeros((2, PADDED)))
    for reward in ("seen", "liked", "rating"):
        learner = LoggedA3CConfig.model_validate({"users": 2, "slates": 1, "slate_size": 2, "reward": reward})
        assert not SlateGradient(parts(), learner)._returns(tf.zeros((2, 2)), moment).numpy().any()


def test_gradients_of_sharp_policies_are_finite() -> None:
    made = parts()
    for gradient in (
        SlateGradient(made, LoggedA3CConfig(users=20, slates=2, slate_size=3, entropy=0.1)),
        LikelihoodGradient(made, CrossEntropyConfig(users=20)),
    ):
        for sharpness in (0.0, 1.0, 100.0):
            found = gradient.play(tf.constant(weights_of(made, sharpness)), tf.constant([1, 2]))
            assert np.isfinite(found.gradient).all()
            assert all(np.isfinite(value) for value in found.figures.values())


@pytest.mark.parametrize("reward", ["seen", "rating"])
def test_the_gradient_of_cross_entropy_by_hand(reward: str) -> None:
    made = parts(reward)
    flat, gains = weights_of(made), GAINS[reward]
    found = LikelihoodGradient(made, CrossEntropyConfig.model_validate({"users": 2, "reward": reward})).play(
        tf.constant(flat), tf.constant([1, 2])
    )
    weights, states = made.network.unflatten(flat, NUMPY), (STATES - CENTER) / SCALE
    hidden = np.tanh(states @ weights["policy_hidden"] + weights["policy_bias"])
    queries = states @ weights["linear"] + hidden @ weights["query"] + weights["query_bias"]
    masses = AVAILABLE * np.exp(queries @ X.T)
    chances = masses / masses.sum(axis=1, keepdims=True)
    shares = gains / gains.sum(axis=1, keepdims=True)
    by_query = (chances - shares) @ X / 2
    inside = by_query @ weights["query"].T * (1 - hidden**2)
    named = made.network.unflatten(found.gradient.numpy(), NUMPY)

    for name, expected in {
        "query_bias": by_query.sum(axis=0),
        "linear": states.T @ by_query,
        "query": hidden.T @ by_query,
        "policy_bias": inside.sum(axis=0),
        "policy_hidden": states.T @ inside,
    }.items():
        np.testing.assert_allclose(named[name], expected, atol=1e-6, err_msg=name)
    for name in ("value_hidden", "value_bias", "value", "value_offset"):
        assert not named[name].any()
    loss = -(shares * np.log(np.where(AVAILABLE > 0, chances, 1))).sum(axis=1).mean()
    assert float(found.figures["cross_entropy"]) == pytest.approx(loss, rel=1e-5)
    assert float(found.figures["mean_return"]) == pytest.approx((chances * gains).sum(axis=1).mean(), rel=1e-5)
