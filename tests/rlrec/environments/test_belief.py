import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import informed, small_world

from rlrec.environments.belief import Belief
from rlrec.environments.sessions import Sessions
from rlrec.metrics.stars import HIGHEST_RATING, LOWEST_RATING
from rlrec.policies.slates import top_slates
from rlrec.settings.beliefs import BeliefConfig
from rlrec.settings.config import ScenarioConfig
from rlrec.worlds.knowledge import Knowledge
from rlrec.worlds.world import World

WORLD = small_world()
KNOWLEDGE = Knowledge.of(WORLD)
DYNAMICS = BeliefConfig(noise=0.01, growth=1.0, bounded=True)


def belief(config: BeliefConfig, batch: int = 2, world: World = WORLD, **scenario: object) -> Belief:
    return Belief(Knowledge.of(world), ScenarioConfig(**scenario), batch, config)  # type: ignore[arg-type]


@pytest.mark.parametrize("slate_size", [1, 4])
def test_a_static_belief_is_the_posterior_of_bayesian_ridge_regression(slate_size: int) -> None:
    rng, noise = np.random.default_rng(0), 0.3
    slates = np.stack([rng.permutation(WORLD.n_movies)[: 5 * slate_size] for _ in range(2)]).reshape(2, 5, slate_size)
    ratings = rng.uniform(1, 5, slates.shape).astype(np.float32)
    found = belief(BeliefConfig(noise=noise))
    for t in range(5):
        found.update(slates[:, t], ratings[:, t])
    prior = KNOWLEDGE.representation().prior
    for row in range(2):
        shown, rated = WORLD.movie_vectors[slates[row].ravel()].astype(float), ratings[row].ravel()
        # The gain form, since the prior may be singular.
        gain = (
            prior.covariance @ shown.T @ np.linalg.inv(shown @ prior.covariance @ shown.T + noise * np.eye(len(rated)))
        )
        mean = prior.mean + gain @ (rated - shown @ prior.mean)
        np.testing.assert_allclose(found.mean[row], mean, atol=1e-5)
        np.testing.assert_allclose(found.covariance[row], prior.covariance - gain @ shown @ prior.covariance, atol=1e-5)
        np.testing.assert_allclose(found.expect()[row], WORLD.movie_vectors @ mean, atol=1e-4)


def test_of_a_bounded_belief_a_five_says_at_least_five_and_a_one_at_most_one() -> None:
    movies = np.array([3])
    for stars in (HIGHEST_RATING, LOWEST_RATING):
        linear, bounded = (belief(BeliefConfig(noise=0.5, bounded=b), 1) for b in (False, True))
        (before,), (spread,) = linear.predict(movies)
        for one in (linear, bounded):
            one.condition(movies, np.array([stars], np.float32))
        (after,), _ = bounded.predict(movies)
        # The mean of what is left of the Gaussian beyond the bound, by draws.
        drawn = before + np.sqrt(spread) * np.random.default_rng(0).standard_normal(400_000)
        left = drawn[drawn >= stars] if stars == HIGHEST_RATING else drawn[drawn <= stars]
        gain = (spread - 0.5) / spread
        assert after - before == pytest.approx(gain * (left.mean() - before), abs=0.02)
        assert np.trace(bounded.covariance[0]) > np.trace(linear.covariance[0])


def test_between_the_bounds_a_rating_says_the_same_to_either() -> None:
    linear, bounded = (belief(BeliefConfig(noise=0.5, bounded=b), 1) for b in (False, True))
    for one in (linear, bounded):
        one.condition(np.array([3]), np.array([3.4], np.float32))
    np.testing.assert_allclose(linear.mean, bounded.mean)
    np.testing.assert_allclose(linear.covariance, bounded.covariance)


def test_what_grows_is_what_was_liked() -> None:
    found = belief(BeliefConfig(growth=0.5, bounded=True), 1, affinity_cap=1e30)
    before, covariance = found.mean.copy(), found.covariance.copy()
    slate = np.array([[0, 1]])
    found.move(slate, np.array([[4.0, 2.0]], np.float32))
    factor = np.ones(before.shape[1])
    factor[-WORLD.n_genres :][WORLD.genres[0]] = 1.5
    np.testing.assert_allclose(found.mean[0], before[0] * factor, rtol=1e-9)
    np.testing.assert_allclose(found.covariance[0], covariance[0] * factor[:, None] * factor, atol=4e-7)


def test_affinities_end_at_the_cap_as_those_of_draws_do() -> None:
    found = belief(BeliefConfig(growth=3.0, bounded=True), 1, affinity_cap=0.8)
    rng, genres = np.random.default_rng(0), WORLD.n_genres
    drawn = rng.multivariate_normal(found.mean[0], found.covariance[0], 300_000)
    liked = WORLD.genres[5]
    drawn[:, -genres:] = np.where(liked, np.clip(4 * drawn[:, -genres:], -0.8, 0.8), drawn[:, -genres:])
    found.move(np.array([[5]]), np.array([[5.0]], np.float32))
    np.testing.assert_allclose(found.mean[0], drawn.mean(axis=0), atol=0.02)
    np.testing.assert_allclose(np.diag(found.covariance[0]), drawn.var(axis=0), atol=0.02)


def test_a_walk_makes_liked_genres_less_certain_and_leaves_the_mean() -> None:
    found = belief(BeliefConfig(walk=0.2), 1)
    before, covariance = found.mean.copy(), found.covariance.copy()
    found.move(np.array([[0, 1]]), np.array([[4.0, 5.0]], np.float32))
    added = np.diag(found.covariance[0] - covariance[0])
    np.testing.assert_array_equal(found.mean, before)
    np.testing.assert_allclose(added[-WORLD.n_genres :], 0.2 * WORLD.genres[:2].sum(axis=0), atol=4e-7)
    assert not added[: -WORLD.n_genres].any()


def test_the_right_belief_foresees_what_users_rate() -> None:
    """Told how tastes move, it mispredicts less of what comes than one that takes them for fixed."""
    scenario = ScenarioConfig(delta=1.0, episode_length=20, observation="thesis")
    users, rng = WORLD.users_in("all"), np.random.default_rng(0)
    errors = {}
    for name, config in {"static": BeliefConfig(), "dynamics": DYNAMICS}.items():
        sessions, found, wrong = Sessions(WORLD, users, scenario), belief(config, len(users)), []
        rng = np.random.default_rng(0)
        for _ in range(20):
            slates = top_slates(rng.random(sessions.available.shape), sessions.available, 1)
            expected = np.clip(found.expect(), 1, 5)
            ratings = sessions.play(slates).ratings
            wrong.append((np.take_along_axis(expected, slates, axis=1) - ratings) ** 2)
            found.update(slates, ratings)
        errors[name] = np.mean(wrong[10:])
    assert errors["dynamics"] < 0.7 * errors["static"]


@pytest.mark.parametrize("features", ["world", "training", "genres"])
def test_the_covariance_stays_positive_over_random_slates_of_ten(features: str) -> None:
    """Fifty slates with delta +1: in single precision this diverges."""
    world = informed(small_world(1, n_movies=600))
    scenario = ScenarioConfig(
        delta=1.0, slate_size=10, episode_length=50, features=features, belief=DYNAMICS, observation="thesis"
    )  # type: ignore[arg-type]
    users, rng = world.users_in("all"), np.random.default_rng(0)
    sessions, found = Sessions(world, users, scenario), Belief(Knowledge.of(world), scenario, len(users))
    for _ in range(50):
        slates = top_slates(rng.random(sessions.available.shape), sessions.available, 10)
        found.update(slates, sessions.play(slates).ratings)
        least = np.linalg.eigvalsh(found.covariance)[:, 0]
        assert least.min() > -1e-9 * np.abs(found.covariance).max()
        assert np.isfinite(found.mean).all()
        assert np.abs(found.mean[:, -world.n_genres :]).max() < 30


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    growth=st.floats(-1, 3),
    walk=st.floats(0, 2),
    noise=st.floats(1e-4, 10),
    bounded=st.booleans(),
    k=st.integers(1, 5),
)
def test_whatever_users_answer_a_belief_stays_one(
    seed: int, growth: float, walk: float, noise: float, bounded: bool, k: int
) -> None:
    rng = np.random.default_rng(seed)
    found = belief(BeliefConfig(noise=noise, walk=walk, growth=growth, bounded=bounded), 3)
    for _ in range(12):
        slates = np.stack([rng.permutation(WORLD.n_movies)[:k] for _ in range(3)])
        found.update(slates, rng.choice([1.0, 2.5, 3.5, 5.0], slates.shape).astype(np.float32))
    assert np.isfinite(found.mean).all()
    np.testing.assert_allclose(found.covariance, found.covariance.transpose(0, 2, 1), rtol=1e-6, atol=1e-9)
    assert np.linalg.eigvalsh(found.covariance).min() > -1e-9 * np.abs(found.covariance).max()
    expected = found.expect()
    assert np.isfinite(expected).all()
    if bounded:
        assert ((expected >= 1 - 1e-6) & (expected <= 5 + 1e-6)).all()
