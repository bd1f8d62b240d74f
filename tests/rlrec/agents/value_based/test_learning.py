"""Targets and gradients, computed by hand in NumPy."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from worlds import informed, small_world

from rlrec.agents.actor_critic.loss import TENSORFLOW
from rlrec.agents.value_based.acting import Transitions
from rlrec.agents.value_based.learning import Learning
from rlrec.agents.value_based.values import Values, packed
from rlrec.environments.compiled import Simulation
from rlrec.policies.networks import NUMPY, Bilinear
from rlrec.settings.beliefs import BeliefConfig
from rlrec.settings.config import ScenarioConfig
from rlrec.settings.value_based import DQNConfig

WORLD = informed(small_world(3))
ROWS = 6


def made(slate_size: int, *, double: bool = True) -> tuple[Learning, Values, Bilinear]:
    scenario = ScenarioConfig(slate_size=slate_size, belief=BeliefConfig(noise=0.1, growth=0.8, bounded=True))
    simulation = Simulation(WORLD, scenario, block=8)
    network = Bilinear(simulation.state_size, 4, simulation.features.shape[1], WORLD.n_movies)
    values = Values(simulation, network, believes=True)
    return Learning(values, DQNConfig(double=double)), values, network


def batch(values: Values, network: Bilinear, slate_size: int) -> tuple[Transitions, np.ndarray, np.ndarray]:
    """Rows, which movies are available next `(rows, N)`, and what is expected of them then."""
    rng, simulation = np.random.default_rng(1), values.simulation
    session = simulation.start(ROWS, tf.constant([0, 1]))
    available = rng.random((ROWS, simulation.padded)) < 0.3
    available[:, WORLD.n_movies :] = False
    rows = Transitions(
        states=rng.normal(size=(ROWS, network.state)).astype(np.float32),
        slates=rng.integers(0, WORLD.n_movies, (ROWS, slate_size)).astype(np.int32),
        offsets=rng.random((ROWS, slate_size)).astype(np.float32),
        returns=rng.random((ROWS, slate_size)).astype(np.float32),
        discounts=np.array([0.125, 0.125, 0.25, 0.5, 0, 0], np.float32),
        next_states=rng.normal(size=(ROWS, network.state)).astype(np.float32),
        next_available=packed(tf.constant(available, tf.float32)).numpy(),
        next_believed=values.believed(session).numpy(),
    )
    expected = simulation.expected_reward(session).numpy()[:, : WORLD.n_movies] / 5
    return Transitions(*map(tf.constant, rows)), available[:, : WORLD.n_movies], expected


def flat(network: Bilinear, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, network.size()).astype(np.float32)


def ranked(network: Bilinear, weights: np.ndarray, states: Any, expected: np.ndarray) -> np.ndarray:
    """Q̄ `(rows, N)`, written out."""
    named, features = network.unflatten(weights, NUMPY), Simulation(WORLD, ScenarioConfig(), 8).features.numpy()
    query = network.query(named, np.asarray(states), None, NUMPY)
    return query @ features[: WORLD.n_movies].T + expected + network.value(named, np.asarray(states), None, NUMPY)


@pytest.mark.parametrize("slate_size", [1, 3])
@pytest.mark.parametrize("double", [True, False])
def test_the_target_is_what_was_earned_and_what_the_best_slate_is_worth(slate_size: int, double: bool) -> None:
    """With K = 1 van Hasselt's target of n steps; with more SlateQ's: the mean over the best K, by position."""
    learning, values, network = made(slate_size, double=double)
    rows, available, expected = batch(values, network, slate_size)
    newest, old = flat(network, 2), flat(network, 3)

    valued, chooses = (ranked(network, one, rows.next_states, expected) for one in (old, newest if double else old))
    targets = np.empty((ROWS, slate_size))
    for row in range(ROWS):
        best = max(np.flatnonzero(available[row]), key=lambda movie: chooses[row, movie])
        slate = sorted(np.flatnonzero(available[row]), key=lambda movie: -chooses[row, movie])[:slate_size]
        assert slate[0] == best
        targets[row] = rows.returns[row].numpy() + rows.discounts[row].numpy() * np.mean(valued[row, slate])

    named = [network.unflatten(tf.constant(one), TENSORFLOW) for one in (newest, old)]
    found = learning.targets(*named, rows).numpy()
    np.testing.assert_allclose(found, targets, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(found[4:], rows.returns[4:])  # nothing comes after the end


def test_which_weights_choose_matters_in_these_rows() -> None:
    (double, values, network), (plain, *_) = made(1), made(1, double=False)
    rows, *_ = batch(values, network, 1)
    named = [network.unflatten(tf.constant(flat(network, seed)), TENSORFLOW) for seed in (2, 3)]
    assert np.any(double.targets(*named, rows).numpy() < plain.targets(*named, rows).numpy() - 1e-3)


def test_the_gradient_is_that_of_the_weighted_squared_error_with_the_target_held_fixed() -> None:
    """Its parts of the heads' biases, by hand; the rest goes through the same network as everywhere."""
    learning, values, network = made(2)
    rows, *_ = batch(values, network, 2)
    newest, old = flat(network, 2), flat(network, 3)
    weights = np.linspace(0.2, 1, ROWS).astype(np.float32)

    learned = learning._learn(tf.constant(newest), tf.constant(old), rows, tf.constant(weights))

    named = [network.unflatten(tf.constant(one), TENSORFLOW) for one in (newest, old)]
    q = values.of_slates(named[0], rows.states, rows.slates, rows.offsets).numpy()
    errors = learning.targets(*named, rows).numpy() - q
    gradient = network.unflatten(learned.gradient.numpy(), NUMPY)
    weighted = weights[:, None] * errors / errors.size
    movies = values.simulation.features.numpy()[rows.slates.numpy()]
    np.testing.assert_allclose(gradient["value_offset"][0], -weighted.sum(), rtol=1e-4)
    np.testing.assert_allclose(gradient["query_bias"], -np.einsum("rk,rkf->f", weighted, movies), rtol=1e-3, atol=1e-6)
    assert float(learned.loss) == pytest.approx((weighted * errors).sum() / 2, rel=1e-4)
    assert float(learned.value) == pytest.approx(q.mean(), rel=1e-4)
    np.testing.assert_allclose(learned.errors, np.abs(errors).mean(axis=1), rtol=1e-4)
