from itertools import pairwise

import numpy as np
import pytest

from rlrec.worlds import factorisation
from rlrec.worlds.factorisation import BIAS_SHARE, Observed, factorise, fit_biases, fit_tastes


@pytest.fixture(scope="module")
def genres():
    return np.random.default_rng(1).random((40, 5)) < 0.3


@pytest.fixture(scope="module")
def ratings():
    """A third of all pairs of 50 users and 40 movies; user 49 and movie 39 have no rating."""
    rng = np.random.default_rng(0)
    users, movies = np.nonzero(rng.random((49, 39)) < 0.33)
    return Observed(users, movies, rng.integers(1, 6, len(users)).astype(float), (50, 40))


def fit(ratings, genres, latent=3, penalty=2.0, iterations=4, seed=0, **more):
    rng = np.random.default_rng(seed)
    return factorise(ratings, genres, latent=latent, penalty=penalty, iterations=iterations, rng=rng, **more)


def objective(factors, ratings, latent, penalty):
    mean = ratings.stars.mean()
    errors = ratings.stars - np.einsum("nd,nd->n", factors.users[ratings.users], factors.movies[ratings.movies])
    users, movies = factors.users, factors.movies
    squares = np.sum(users[:, 2:] ** 2) + np.sum(movies[:, 2 : 2 + latent] ** 2)
    biases = np.sum((users[:, 0] - mean) ** 2) + np.sum(movies[:, 1] ** 2)
    return np.sum(errors**2) + penalty * (squares + BIAS_SHARE * biases)


@pytest.mark.parametrize("latent", [0, 3])
def test_the_vectors_hold_the_biases_and_end_with_the_genres(ratings, genres, latent):
    factors = fit(ratings, genres, latent=latent)
    assert factors.users.shape == (50, 2 + latent + 5)
    assert factors.movies.shape == (40, 2 + latent + 5)
    assert (factors.users[:, 1] == 1).all()
    assert (factors.movies[:, 0] == 1).all()
    np.testing.assert_array_equal(factors.movies[:, -5:], genres)


def test_each_movie_solves_its_own_ridge_regression(ratings, genres):
    factors = fit(ratings, genres)
    for movie in range(40):
        rows = ratings.movies == movie
        users = factors.users[ratings.users[rows]]
        inputs = users[:, 1:5]  # 1 and the three latent factors
        targets = ratings.stars[rows] - users[:, 0] - users[:, 5:] @ genres[movie]
        penalty = np.diag([0.5, 2, 2, 2])
        expected = np.linalg.solve(inputs.T @ inputs + penalty, inputs.T @ targets)
        np.testing.assert_allclose(factors.movies[movie, 1:5], expected, atol=1e-10)


def test_each_users_taste_solves_its_own_ridge_regression(ratings, genres):
    movies = np.column_stack([np.ones(40), np.random.default_rng(2).normal(size=40), genres])
    tastes = fit_tastes(ratings, movies, penalty=2.0)
    mean = ratings.stars.mean()
    for user in range(49):
        rows = ratings.users == user
        inputs = movies[ratings.movies[rows]]
        penalty = np.diag([0.5] + [2.0] * 6)
        expected = np.linalg.solve(inputs.T @ inputs + penalty, inputs.T @ (ratings.stars[rows] - mean))
        np.testing.assert_allclose(tastes[user] - mean * (np.arange(7) == 0), expected, atol=1e-10)
    assert tastes[49].tolist() == [mean] + [0] * 6


def test_each_sweep_lowers_the_penalised_error_until_nothing_moves(ratings, genres):
    values = [objective(fit(ratings, genres, iterations=n), ratings, 3, 2.0) for n in (1, 2, 3, 5, 10, 400, 401)]
    assert all(later <= earlier + 1e-9 for earlier, later in pairwise(values))
    assert values[0] - values[-1] > 1
    assert values[-2] == pytest.approx(values[-1], rel=1e-6)


def test_with_nothing_latent_the_result_is_the_closed_form_ridge_regression(ratings, genres):
    """Without latent factors the model is linear, so that one large regression gives the answer."""
    factors, n = fit(ratings, genres, latent=0, iterations=300), len(ratings)
    design = np.zeros((n, 50 + 40 + 50 * 5))
    design[np.arange(n), ratings.users] = 1
    design[np.arange(n), 50 + ratings.movies] = 1
    for genre in range(5):
        design[np.arange(n), 90 + 5 * ratings.users + genre] = genres[ratings.movies, genre]
    penalty = np.diag(np.r_[np.full(90, 2.0 * BIAS_SHARE), np.full(250, 2.0)])
    mean = ratings.stars.mean()
    solved = np.linalg.solve(design.T @ design + penalty, design.T @ (ratings.stars - mean))
    np.testing.assert_allclose(factors.users[:, 0] - mean, solved[:50], atol=1e-6)
    np.testing.assert_allclose(factors.movies[:, 1], solved[50:90], atol=1e-6)
    np.testing.assert_allclose(factors.users[:, 2:], solved[90:].reshape(50, 5), atol=1e-6)


def test_who_and_what_was_never_rated_is_average(ratings, genres):
    factors = fit(ratings, genres)
    assert factors.users[49].tolist() == [ratings.stars.mean(), 1] + [0] * 8
    assert factors.movies[39, :5].tolist() == [1, 0, 0, 0, 0]


def test_the_order_of_ratings_and_the_size_of_blocks_do_not_matter(ratings, genres, monkeypatch):
    expected = fit(ratings, genres)
    shuffled = ratings.take(np.random.default_rng(2).permutation(len(ratings)))
    np.testing.assert_allclose(fit(shuffled, genres).users, expected.users, atol=1e-9)
    monkeypatch.setattr(factorisation, "_BLOCK_BYTES", 3000)
    np.testing.assert_allclose(fit(ratings, genres).users, expected.users, atol=1e-9)
    np.testing.assert_allclose(
        expected.predict(ratings.users, ratings.movies),
        np.clip(np.sum(expected.users[ratings.users] * expected.movies[ratings.movies], axis=1), 1, 5),
    )


def test_the_same_seed_gives_the_same_bits_and_each_sweep_is_told(ratings, genres):
    told = []
    first = fit(ratings, genres, tell=lambda: told.append(1))
    second = fit(ratings, genres)
    assert np.array_equal(first.users, second.users)
    assert np.array_equal(first.movies, second.movies)
    assert not np.array_equal(first.movies, fit(ratings, genres, seed=1).movies)
    assert len(told) == 4


def test_biases_alone_solve_their_ridge_regression(ratings):
    factors, n, mean = fit_biases(ratings, penalty=3.0, iterations=300), len(ratings), ratings.stars.mean()
    design = np.zeros((n, 90))
    design[np.arange(n), ratings.users] = design[np.arange(n), 50 + ratings.movies] = 1
    solved = np.linalg.solve(design.T @ design + 3 * np.eye(90), design.T @ (ratings.stars - mean))
    np.testing.assert_allclose(factors.users[:, 0] - mean, solved[:50], atol=1e-8)
    np.testing.assert_allclose(factors.movies[:, 1], solved[50:], atol=1e-8)
