"""The critic's target and both gradients: by hand where a state and a movie are a number, and beside small changes."""

import numpy as np
import pytest
import tensorflow as tf

from rlrec.agents.actor_critic.loss import TENSORFLOW
from rlrec.agents.lird.choice import NEVER
from rlrec.agents.lird.loss import Losses, Piece
from rlrec.policies.networks import Proposals, Weights
from rlrec.settings.lird import LirdConfig

TINY = Proposals(1, 1, 1, 3)
MOVIES = tf.constant([[0.0], [1.0], [2.0]])


def tiny(**given: float) -> Weights:
    """Weights of zero but for these."""
    return {name: tf.fill(shape, np.float32(given.get(name, 0))) for name, shape in TINY.shapes().items()}


def piece(slate: int, reward: float, offsets: tuple[object, object], ended: float = 0.0) -> Piece:
    """One step of one session, in the state 0 before and after."""
    return Piece(
        tf.zeros((1, 2, 1)), tf.constant([offsets], tf.float32), tf.constant([[[slate]]]),
        tf.constant([[reward]]), tf.constant([ended], tf.float32),
    )  # fmt: skip


def losses(sharpness: float = 0.0, **settings: object) -> Losses:
    return Losses(TINY, MOVIES, LirdConfig.model_validate({"gamma": 0.5, **settings}), sharpness)


def test_the_target_is_the_reward_and_what_the_earlier_actor_would_show_by_the_earlier_critic() -> None:
    played = piece(slate=0, reward=0.75, offsets=([0, 0, 0], [0, 0, NEVER]))
    # It proposes 1, so of the movies 0 and 1 that are left the movie 1; the critic's Q is 0.25 + 3 · x.
    found = losses().targets(tiny(query_bias=1, value_items=3, value_offset=0.25), played)
    np.testing.assert_allclose(found, [0.75 + 0.5 * (0.25 + 3 * 1)])


def test_nothing_follows_the_end_of_a_session() -> None:
    played = piece(slate=0, reward=0.75, offsets=([0, 0, 0], [0, 0, 0]), ended=1)
    np.testing.assert_allclose(losses().targets(tiny(value_offset=9), played), [0.75])


def test_what_is_believed_is_part_of_what_a_slate_is_worth() -> None:
    """Four stars are expected of movie 1, of which a reward is 4/5; with sharpness 10 its offset is 40."""
    played = piece(slate=0, reward=0.5, offsets=([20, 40, 30], [20, 40, 30]))
    np.testing.assert_allclose(losses(sharpness=10.0).targets(tiny(), played), [0.5 + 0.5 * 0.8])


def test_the_critics_gradient_by_hand() -> None:
    """Q = 3 · x + 0.25, of the movie 2 that was shown 6.25; the target is 1: an error of −5.25."""
    played = piece(slate=2, reward=1.0, offsets=([0, 0, 0], [0, 0, 0]), ended=1)
    weights = tiny(value_items=3, value_offset=0.25)
    learned = losses().learn(weights, weights, played)
    assert float(learned.critic_loss) == pytest.approx(5.25**2 / 2)
    np.testing.assert_allclose(learned.gradient["value_offset"], [5.25])
    np.testing.assert_allclose(learned.gradient["value_items"], [5.25 * 2])


def test_the_actors_gradient_by_hand() -> None:
    """Of the movies 0 and 1, with w the chance p of movie 1 is σ(w): Q = 3 · p, and dQ/dw = 3 · p · (1 − p)."""
    played = piece(slate=0, reward=1.0, offsets=([0, 0, NEVER], [0, 0, 0]))
    weights = tiny(query_bias=np.log(3), value_items=3)
    learned = losses(entropy=0.0).learn(weights, weights, played)
    assert float(learned.actor_value) == pytest.approx(3 * 0.75)
    np.testing.assert_allclose(learned.gradient["query_bias"], [-3 * 0.75 * 0.25], rtol=1e-5)


def test_entropy_keeps_the_choice_soft() -> None:
    """dH/dw = −w · p · (1 − p) beside that; with Q = e/5 by what is believed, the start has no gradient at all."""
    played = piece(slate=0, reward=1.0, offsets=([0, 0, NEVER], [0, 0, 0]))
    weights = tiny(query_bias=np.log(3))
    learned = losses(entropy=0.1).learn(weights, weights, played)
    assert float(learned.entropy) == pytest.approx(-0.75 * np.log(0.75) - 0.25 * np.log(0.25))
    np.testing.assert_allclose(learned.gradient["query_bias"], [0.1 * np.log(3) * 0.75 * 0.25], rtol=1e-5)
    believed = piece(slate=0, reward=1.0, offsets=([20, 21, 22], [0, 0, 0]))
    learned = losses(sharpness=10.0, entropy=1 / 50).learn(tiny(), tiny(), believed)
    np.testing.assert_allclose(learned.gradient["query_bias"], [0], atol=1e-6)


def test_in_the_papers_way_the_critic_judges_the_vector_itself() -> None:
    played = piece(slate=0, reward=1.0, offsets=([0, 0, NEVER], [0, 0, 0]))
    weights = tiny(query_bias=np.log(3), value_items=3)
    learned = losses(through="proposal").learn(weights, weights, played)
    assert float(learned.actor_value) == pytest.approx(3 * np.log(3))
    np.testing.assert_allclose(learned.gradient["query_bias"], [-3])


def test_each_loss_moves_its_own_weights_and_no_others() -> None:
    """Beside small changes of every weight, for slates of two in a network of several of everything."""
    rng, network = np.random.default_rng(0), Proposals(3, 2, 2, 6, positions=2)
    features = tf.constant(rng.normal(size=(6, 2)).astype(np.float32))
    learner = LirdConfig(gamma=0.5, entropy=0.1)
    both = Losses(network, features, learner, 2.0)
    played = Piece(
        tf.constant(rng.normal(size=(4, 3, 3)).astype(np.float32)),
        tf.constant(rng.normal(size=(4, 3, 6)).astype(np.float32)),
        tf.constant(rng.permuted(np.tile(np.arange(6), (4, 2, 1)), axis=2)[:, :, :2].astype(np.int32)),
        tf.constant(rng.random((4, 2)).astype(np.float32)),
        tf.constant([0, 1, 0, 1], tf.float32),
    )
    flat = rng.normal(0, 0.5, network.size()).astype(np.float32)
    target = network.unflatten(tf.constant(flat[::-1].copy()), TENSORFLOW)

    def learned(flat: np.ndarray) -> tuple[Weights, float, float]:
        found = both.learn(network.unflatten(tf.constant(flat), TENSORFLOW), target, played)
        gained = found.actor_value + learner.entropy * found.entropy
        return found.gradient, float(found.critic_loss), float(gained)

    gradient = network.flatten({name: np.asarray(part) for name, part in learned(flat)[0].items()})
    owners = network.flatten({n: np.full(s, n.startswith("value")) for n, s in network.shapes().items()}).astype(bool)
    for place in rng.permutation(len(flat))[:40]:
        step = np.zeros_like(flat)
        step[place] = 1e-2
        (_, loss, value), (_, loss_before, value_before) = learned(flat + step), learned(flat - step)
        expected = (loss - loss_before) / 2e-2 if owners[place] else -(value - value_before) / 2e-2
        assert gradient[place] == pytest.approx(expected, abs=2e-3)
