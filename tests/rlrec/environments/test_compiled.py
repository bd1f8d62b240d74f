import numpy as np
import pytest
import tensorflow as tf
from worlds import informed, small_world

from rlrec.environments.compiled import Simulation
from rlrec.environments.sessions import Sessions
from rlrec.settings.config import ScenarioConfig

STEPS = 8


@pytest.mark.parametrize(
    ("observation", "features"),
    [("history", "world"), ("history", "training"), ("history", "genres"), ("thesis", "world")],
)
@pytest.mark.parametrize("delta", [-0.5, 0.0, 1.0])
@pytest.mark.parametrize(("slate_size", "recovery"), [(1, 0.0), (3, 0.2)])
def test_same_slates_give_the_same_numbers_as_the_reference(
    observation: str, features: str, delta: float, slate_size: int, recovery: float
) -> None:
    world = informed(small_world(3))
    scenario = ScenarioConfig(
        slate_size=slate_size, observation=observation, features=features, delta=delta, affinity_cap=1.5,
        lambda_non_violent=0.3, episode_length=STEPS, recovery=recovery,
    )  # type: ignore[arg-type]  # fmt: skip
    users = world.users_in("all")[:5]
    reference = Sessions(world, users, scenario)
    simulation = Simulation(world, scenario, block=8)
    session = simulation.start_with(tf.constant(world.user_vectors[users]), tf.constant(world.demographics[users]))
    rng = np.random.default_rng(0)

    for _ in range(STEPS):
        np.testing.assert_allclose(simulation.observe(session), reference.observe(), rtol=2e-4, atol=2e-4)
        slates = np.array([rng.choice(np.flatnonzero(row), slate_size, replace=False) for row in reference.available])
        outcome = reference.play(slates)
        available = np.pad(reference.available, ((0, 0), (0, simulation.padded - world.n_movies)))
        session, ratings, rewards = simulation.transition(
            session, tf.constant(slates, tf.int32), tf.constant(available, tf.float32)
        )
        np.testing.assert_allclose(ratings, outcome.ratings, rtol=1e-5)
        np.testing.assert_allclose(rewards, outcome.rewards, rtol=1e-5)
        np.testing.assert_allclose(session.taste, reference.taste, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(session.available, available)

    np.testing.assert_allclose(session.clicks / STEPS, outcome.ctr, rtol=1e-5)


def test_sessions_start_with_training_users_only() -> None:
    world = small_world(4)
    simulation = Simulation(world, ScenarioConfig(), block=8)

    session = simulation.start(200, tf.constant([1, 2]))

    tastes = {tuple(taste) for taste in world.user_vectors[world.users_in("train")]}
    drawn = {tuple(taste) for taste in session.taste.numpy()}
    assert drawn <= tastes
    assert len(drawn) > 1
    assert session.available.numpy().sum(axis=1).tolist() == [world.n_movies] * 200


def test_repeats_stay_available_where_they_are_allowed() -> None:
    world = small_world(5)
    simulation = Simulation(world, ScenarioConfig(allow_repeats=True), block=8)
    session = simulation.start(2, tf.constant([1, 2]))

    after, _, _ = simulation.transition(session, tf.constant([[0], [1]]), tf.zeros_like(session.available))

    np.testing.assert_array_equal(after.available, session.available)
