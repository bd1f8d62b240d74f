import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlrec.environments.observations import History, Thesis
from rlrec.environments.sessions import Sessions
from rlrec.settings.beliefs import BeliefConfig
from rlrec.settings.config import ScenarioConfig
from rlrec.worlds.knowledge import Knowledge
from rlrec.worlds.world import World


def features_of(world):
    return Knowledge.of(world).representation().features


def posterior(prior_mean, prior_covariance, movies, ratings):
    """Closed form: precision Σ⁻¹ + M'M / σ², here by the equivalent gain form since Σ may be singular."""
    mean, covariance, movies = (np.asarray(a, np.float64) for a in (prior_mean, prior_covariance, movies))
    gram = movies @ covariance @ movies.T + BeliefConfig().noise * np.eye(len(movies))
    gain = np.linalg.solve(gram, movies @ covariance).T
    return mean + gain @ (ratings - movies @ mean), covariance - gain @ movies @ covariance


@pytest.mark.parametrize("slate_size", [1, 3])
def test_every_part_of_the_history_is_what_it_says(world, slate_size):
    users, steps = np.array([3, 8]), 6
    scenario = ScenarioConfig(slate_size=slate_size, episode_length=10)
    sessions, rng = Sessions(world, users, scenario), np.random.default_rng(1)
    order = np.stack([rng.permutation(world.n_movies) for _ in users])
    slates = [order[:, t * slate_size : (t + 1) * slate_size] for t in range(steps)]
    ratings = [sessions.play(slate).ratings for slate in slates]
    observed, n = sessions.observe(), features_of(world).shape[1]
    assert observed.shape == (2, History.size(Knowledge.of(world), scenario)) == (2, 5 * n + 19 + 5)
    assert observed.dtype == np.float32
    train = world.user_vectors[world.users_in("train")].astype(np.float64)
    for row, user in enumerate(users):
        features = np.concatenate([features_of(world)[slate[row]] for slate in slates])
        weighted = (np.concatenate([r[row] for r in ratings]) - 3.5)[:, None] * features
        np.testing.assert_allclose(observed[row, :n], features.mean(axis=0), atol=1e-5)
        np.testing.assert_allclose(observed[row, n : 2 * n], weighted.mean(axis=0), atol=1e-5)
        np.testing.assert_allclose(observed[row, 2 * n : 3 * n], weighted[-slate_size:].mean(axis=0), atol=1e-5)
        movies = np.concatenate([world.movie_vectors[slate[row]] for slate in slates])
        rated = np.concatenate([r[row] for r in ratings])
        believed, spread = posterior(train.mean(axis=0), np.cov(train.T, bias=True), movies, rated)
        varying = world.movie_vectors.std(axis=0) > 0
        expected = believed[varying] * world.movie_vectors.std(axis=0)[varying]
        np.testing.assert_allclose(observed[row, 3 * n : 4 * n], expected, atol=2e-3)
        deviations = np.sqrt(np.diag(spread).clip(min=0))[varying] * world.movie_vectors.std(axis=0)[varying]
        np.testing.assert_allclose(observed[row, 4 * n : 5 * n], deviations, atol=2e-3)
        liked = np.concatenate([world.genres[slate[row]] for slate in slates])[rated >= 3].sum(axis=0)
        np.testing.assert_allclose(observed[row, 5 * n : -5], liked / (10 * slate_size), atol=1e-6)
        np.testing.assert_array_equal(observed[row, -5:-1], world.demographics[user])
        assert observed[row, -1] == pytest.approx(0.6)


def test_the_history_starts_with_the_prior(world):
    observed, n = Sessions(world, np.array([0]), ScenarioConfig()).observe()[0], features_of(world).shape[1]
    prior = Knowledge.of(world).representation().prior
    assert not observed[: 3 * n].any()
    np.testing.assert_allclose(observed[3 * n : 4 * n], prior.mean[prior.columns] * prior.scale, rtol=1e-6)
    deviations = np.sqrt(np.diag(prior.covariance))[prior.columns] * prior.scale
    np.testing.assert_allclose(observed[4 * n : 5 * n], deviations, rtol=1e-5, atol=1e-7)
    assert not observed[5 * n : -5].any()
    assert observed[-1] == 0


def test_features_times_the_believed_part_rank_movies_as_the_taste_does(world):
    prior = Knowledge.of(world).representation().prior
    by_features = features_of(world) @ (prior.scale * prior.mean[prior.columns])
    by_taste = world.movie_vectors @ prior.mean
    np.testing.assert_allclose(by_features - by_features.mean(), by_taste - by_taste.mean(), atol=1e-4)


def test_the_prior_is_that_of_training_users_only(make_world):
    world = make_world(seed=5)
    changed = world.user_vectors.copy()
    changed[world.pools != 0] += 7
    other = World(changed, world.movie_vectors, world.genres, world.violence, world.demographics, world.pools)
    priors = [Knowledge.of(one).representation().prior for one in (world, other)]
    np.testing.assert_array_equal(priors[0].mean, priors[1].mean)
    np.testing.assert_array_equal(priors[0].covariance, priors[1].covariance)


def test_the_thesis_observation_is_25_numbers_in_its_order():
    flags = np.zeros((2, 19), bool)
    flags[0, [1, 5]] = True
    flags[1, 18] = True
    world = World(
        user_vectors=np.r_[4.0, np.zeros(19)][None],
        movie_vectors=np.column_stack([[0.5, 1.0], flags]),
        genres=flags,
        violence=np.array([0.25, 0.75]),
        demographics=np.array([[1.0, 25 / 56, 10 / 20, 55_455 / 99_999]]),
    )
    sessions = Sessions(world, np.array([0]), ScenarioConfig(observation="thesis", episode_length=2))
    user = [1.0, 0.446429, 0.5, 0.554556]
    np.testing.assert_allclose(sessions.observe(), [user + [0.0] * 21], atol=1e-6)
    sessions.play(np.array([[0]]))
    # Rating 4 * 0.5 = 2, over 5 is 0.4; violence 0.25.
    after_first = [0, 1, 0, 0, 0, 1] + [0] * 13 + [0.4, 0.25]
    np.testing.assert_allclose(sessions.observe(), [user + after_first], atol=1e-6)
    sessions.play(np.array([[1]]))
    # Rating 4 * 1 = 4, over 5 is 0.8; violence 0.75.
    after_second = [0] * 18 + [1] + [0.8, 0.75]
    np.testing.assert_allclose(sessions.observe(), [user + after_second], atol=1e-6)


def test_the_thesis_observation_of_a_slate_is_that_of_its_last_movie(world):
    sessions = Sessions(world, np.array([4]), ScenarioConfig(observation="thesis", slate_size=3, episode_length=5))
    outcome = sessions.play(np.array([[7, 2, 30]]))
    observed = sessions.observe()[0]
    np.testing.assert_array_equal(observed[4:23], world.genres[30])
    assert observed[23] == pytest.approx(outcome.ratings[0, 2] / 5)
    assert observed[24] == pytest.approx(world.violence[30])


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    slate_size=st.integers(1, 3),
    kind=st.sampled_from(["history", "thesis"]),
    delta=st.floats(-1, 3),
    growth=st.floats(-1, 10),
    bounded=st.booleans(),
)
def test_observations_stay_within_their_bounds(seed, slate_size, kind, delta, growth, bounded):
    rng = np.random.default_rng(seed)
    flags = rng.random((20, 4)) < 0.4
    world = World(
        user_vectors=rng.normal(0, 3, (8, 7)),
        movie_vectors=np.column_stack([rng.normal(0, 2, (20, 3)), flags]),
        genres=flags,
        violence=rng.random(20),
        demographics=rng.random((8, 4)),
    )
    scenario = ScenarioConfig(
        slate_size=slate_size, observation=kind, episode_length=12, delta=delta, allow_repeats=True,
        belief=BeliefConfig(growth=growth, walk=0.3, bounded=bounded),
    )  # fmt: skip
    low, high = (History if kind == "history" else Thesis).bounds(Knowledge.of(world), scenario)
    sessions = Sessions(world, np.arange(8), scenario)
    for _ in range(12):
        observed = sessions.observe()
        assert np.all((low <= observed) & (observed <= high))
        sessions.play(np.stack([rng.permutation(20)[:slate_size] for _ in range(8)]))


def test_bounds_leave_out_what_cannot_be(world):
    low, high = History.bounds(Knowledge.of(world), ScenarioConfig())
    assert np.isfinite(low).all()
    assert np.isfinite(high).all()
    assert high[-24:].tolist() == [1] * 24
    assert low[-24:].tolist() == [0] * 24
