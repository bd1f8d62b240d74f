import numpy as np
import pytest
import tensorflow as tf
from worlds import informed, small_world

from rlrec.environments.compiled import Simulation
from rlrec.environments.sessions import Sessions
from rlrec.environments.views import View
from rlrec.policies.rewards import expected_reward
from rlrec.settings.beliefs import BeliefConfig
from rlrec.settings.config import ScenarioConfig

STEPS = 8


@pytest.mark.parametrize(
    ("observation", "features"),
    [("history", "world"), ("history", "training"), ("history", "genres"), ("thesis", "world")],
)
@pytest.mark.parametrize(
    ("delta", "belief"),
    [
        (-0.5, BeliefConfig()),
        (0.0, BeliefConfig(noise=0.1, walk=0.3)),
        (1.0, BeliefConfig(noise=0.05, growth=0.8, bounded=True)),
    ],
)
@pytest.mark.parametrize(("slate_size", "recovery"), [(1, 0.0), (3, 0.2)])
def test_same_slates_give_the_same_numbers_as_the_reference(
    observation: str, features: str, delta: float, belief: BeliefConfig, slate_size: int, recovery: float
) -> None:
    world = informed(small_world(3))
    scenario = ScenarioConfig(
        slate_size=slate_size, observation=observation, features=features, delta=delta, affinity_cap=1.5,
        lambda_non_violent=0.3, episode_length=STEPS, recovery=recovery, belief=belief,
    )  # type: ignore[arg-type]  # fmt: skip
    users = world.users_in("all")[:5]
    reference = Sessions(world, users, scenario)
    simulation = Simulation(world, scenario, block=8)
    session = simulation.start_with(tf.constant(world.user_vectors[users]), tf.constant(world.demographics[users]))
    rng = np.random.default_rng(0)

    for _ in range(STEPS):
        np.testing.assert_allclose(simulation.observe(session), reference.observe(), rtol=2e-4, atol=2e-4)
        if observation == "history":
            expected = expected_reward(reference.expect(), View(reference))
            np.testing.assert_allclose(simulation.expected_reward(session)[:, : world.n_movies], expected, atol=5e-4)
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


def test_ratings_scatter_as_those_of_the_reference_do() -> None:
    """Equal in distribution: means and deviations over many draws, and the shares of ones and fives."""
    world, draws = small_world(3), 20_000
    scenario = ScenarioConfig(noise=1.2, episode_length=2)
    simulation = Simulation(world, scenario, block=8)
    users, slates = np.full(draws, 3), np.tile([7], (draws, 1))
    drawn = [
        Sessions(world, users[:1], scenario, seed=seed).play(slates[:1]).ratings[0, 0] for seed in range(draws // 10)
    ]
    session = simulation.start_with(tf.constant(world.user_vectors[users]), tf.constant(world.demographics[users]))
    luck = tf.random.stateless_normal((draws, 1), [3, 4])
    _, ratings, _ = simulation.transition(session, tf.constant(slates, tf.int32), session.available, luck)
    for of in (np.mean, np.std, lambda r: np.mean(r == 5), lambda r: np.mean(r == 1)):
        assert of(ratings.numpy()) == pytest.approx(of(np.array(drawn)), abs=0.06)


def test_the_covariance_stays_symmetric_and_positive_over_random_slates_of_ten() -> None:
    """As in the reference: a last digit that is not symmetric would be multiplied at every liked movie."""
    world = small_world(1, n_movies=600)
    belief = BeliefConfig(noise=0.01, growth=0.9, bounded=True)
    simulation = Simulation(world, ScenarioConfig(slate_size=10, belief=belief), block=8)
    transition = tf.function(lambda *given: simulation.transition(*given)[0], jit_compile=True)
    users, rng = world.users_in("all"), np.random.default_rng(0)
    session = simulation.start_with(tf.constant(world.user_vectors[users]), tf.constant(world.demographics[users]))
    order = np.stack([rng.permutation(600)[:500] for _ in users]).reshape(len(users), 50, 10)
    for t in range(50):
        session = transition(session, tf.constant(order[:, t], tf.int32), session.available)
        covariance = session.covariance.numpy()
        np.testing.assert_array_equal(covariance, covariance.transpose(0, 2, 1))
        assert np.linalg.eigvalsh(covariance).min() > -1e-9 * np.abs(covariance).max()
        assert np.isfinite(simulation.observe(session)).all()


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
