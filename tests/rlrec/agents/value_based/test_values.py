"""What slates are worth, and which is best, against plain NumPy."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from worlds import informed, small_world

from rlrec.agents.actor_critic.sampling import block_size
from rlrec.agents.value_based.values import Values, best_slates, packed, unpacked
from rlrec.environments.compiled import Simulation
from rlrec.policies.networks import NUMPY, Bilinear
from rlrec.policies.slates import top_slates
from rlrec.settings.beliefs import BeliefConfig
from rlrec.settings.config import ScenarioConfig

WORLD = informed(small_world(3))


@given(st.integers(0, 2**31 - 1), st.integers(1, 4))
def test_the_best_slate_is_that_of_a_policy_ties_and_all(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(-3, 3, (6, 16)).astype(np.float32)
    available = rng.random((6, 16)) < 0.6
    available[:, :4] = True
    np.testing.assert_array_equal(
        best_slates(tf.constant(scores), tf.constant(available), size), top_slates(scores, available, size)
    )


@given(st.integers(0, 2**31 - 1))
def test_what_is_available_is_the_same_when_it_was_packed(seed: int) -> None:
    available = np.random.default_rng(seed).random((3, 4, 24)) < 0.5
    bits = packed(tf.constant(available, tf.float32))
    assert (bits.dtype, bits.shape) == (tf.uint8, (3, 4, 3))
    np.testing.assert_array_equal(unpacked(bits), available)


@pytest.mark.parametrize("belief", [None, BeliefConfig(noise=0.1), BeliefConfig(noise=0.1, growth=0.8, bounded=True)])
def test_a_slate_is_worth_what_is_believed_of_its_movies_the_query_and_the_state(belief: BeliefConfig | None) -> None:
    scenario = ScenarioConfig(slate_size=3, belief=belief, lambda_non_violent=0.2)
    simulation, rng = Simulation(WORLD, scenario, block_size(WORLD.n_movies)), np.random.default_rng(0)
    network = Bilinear(simulation.state_size, 4, simulation.features.shape[1], WORLD.n_movies)
    flat = rng.normal(0, 0.2, network.size()).astype(np.float32)
    values = Values(simulation, network, believes=belief is not None)
    session = simulation.start(5, tf.constant([0, 1]))
    states, slates = rng.normal(size=(5, network.state)).astype(np.float32), rng.integers(0, 80, (5, 3))

    offsets = np.zeros((5, 3), np.float32)
    if belief:
        offsets = np.take_along_axis(simulation.expected_reward(session).numpy() / 5, slates, axis=1)
    named = network.unflatten(flat, NUMPY)
    movies = simulation.features.numpy()[slates]
    fit = np.einsum("bf,bkf->bk", network.query(named, states, None, NUMPY), movies)
    expected = offsets + fit + network.value(named, states, None, NUMPY)

    tensors = {name: tf.constant(value) for name, value in named.items()}
    believed = values.expected(values.believed(session))
    found = values.of_slates(tensors, tf.constant(states), tf.constant(slates), tf.constant(offsets))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    of_all = values.advantages(tensors, tf.constant(states), believed) + values.states(tensors, tf.constant(states))
    np.testing.assert_allclose(np.take_along_axis(of_all.numpy(), slates, axis=1), expected, rtol=1e-4, atol=1e-5)
