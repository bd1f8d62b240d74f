from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from worlds import known, small_world

from rlrec.policies.baselines import OFFLINE_BASELINES, Known
from rlrec.policies.baselines.neighbourhood import EASE, ItemKNN, MovieToMovie, cosines, damped_means, ridge_weights
from rlrec.worlds.knowledge import Knowledge


def rated(stars: sparse.csr_array) -> Known:
    """Everybody who rated is a training user."""
    n_users, n_movies = stars.shape
    world = replace(small_world(n_users=n_users, n_movies=n_movies), pools=np.zeros(n_users, np.int8))
    return Known(Knowledge.of(world), stars)


def sparse_values(seed: int, shape: tuple[int, int] = (30, 12)) -> sparse.csr_array:
    rng = np.random.default_rng(seed)
    return sparse.csr_array(rng.normal(0, 1, shape) * (rng.random(shape) < 0.4))


def test_item_knn_by_hand() -> None:
    # As deviations from 3: (1, 2, .), (., 1, 1), (2, ., 1). The columns' lengths are √5, √5 and √2, their products
    # 2 (movies 0 and 1), 2 (0 and 2) and 1 (1 and 2), and each pair was rated by one user: n / (n + 1) = 1/2.
    stars = sparse.csr_array(np.array([[4.0, 5, 0], [0, 4, 4], [5, 0, 4]], np.float32))
    policy = ItemKNN(rated(stars), shrinkage=1, neighbours=3, gain=1, centre=3)
    found = policy.predict(sparse.csr_array(np.array([[5.0, 0, 0], [1.0, 4, 0]], np.float32)))
    alike, other, least = 2 / 5 / 2, 2 / np.sqrt(10) / 2, 1 / np.sqrt(10) / 2
    assert found[0] == pytest.approx([3, 3 + 2 * alike, 3 + 2 * other])
    assert found[1] == pytest.approx([3 + alike, 3 - 2 * alike, 3 - 2 * other + least])


def test_only_the_nearest_neighbours_of_a_movie_are_asked() -> None:
    stars = sparse.csr_array(np.array([[1.0, 2, 0], [0, 1, 1], [2, 0, 1]]))
    nearest = cosines(stars, shrinkage=0, neighbours=1)
    expected = np.array([[0, 2 / 5, 2 / np.sqrt(10)], [0, 0, 0], [2 / np.sqrt(10), 0, 0]])
    assert nearest == pytest.approx(expected)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), shrinkage=st.floats(0, 50))
def test_similarities_are_cosines_shrunk(seed: int, shrinkage: float) -> None:
    values = sparse_values(seed)
    found = cosines(values, shrinkage, values.shape[1])
    assert np.array_equal(found, found.T)
    assert not np.diag(found).any()
    assert np.abs(found).max() <= 1 + 1e-9
    bare = cosines(values, 0, values.shape[1])
    assert (np.abs(found) <= np.abs(bare) + 1e-12).all()
    columns = values.toarray()
    lengths = np.linalg.norm(columns, axis=0)
    for i, j in ((0, 1), (3, 7)):
        if lengths[i] and lengths[j]:
            assert bare[i, j] == pytest.approx(columns[:, i] @ columns[:, j] / lengths[i] / lengths[j])


def test_ease_predicts_every_movie_from_the_others_as_ridge_regression_does() -> None:
    values = sparse_values(5)
    found = ridge_weights(values, 3.0)
    assert not np.diag(found).any()
    columns = values.toarray()
    for j in range(columns.shape[1]):
        others = np.delete(columns, j, axis=1)
        one = np.linalg.solve(others.T @ others + 3 * np.eye(others.shape[1]), others.T @ columns[:, j])
        assert np.delete(found[:, j], j) == pytest.approx(one, abs=1e-9)


def test_ease_is_the_closed_form_of_the_paper() -> None:
    """Clicks, `B = I - P / diag(P)`, scores `X B`."""
    world = small_world()
    clicks = sparse.csr_array((known(world).training_ratings("ease") > 3.5).astype(np.float32))
    policy = EASE(replace(known(world), ratings=clicks), penalty=20.0, gain=1, centre=0)
    inverse = np.linalg.inv((clicks.T @ clicks).toarray().astype(float) + 20 * np.eye(world.n_movies))
    weights = np.eye(world.n_movies) - inverse / np.diag(inverse)
    assert policy.predict(clicks[:9]) == pytest.approx(clicks[:9].toarray() @ weights, abs=1e-4)


def test_means_are_damped() -> None:
    stars = sparse.csr_array(np.array([[5.0, 2, 0], [0, 2, 0]]))
    mean, movies = damped_means(stars, 1.0)
    assert mean == 3
    assert movies == pytest.approx([(5 + 3) / 2, (2 + 2 + 3) / 3, 3])


def test_what_counts_is_how_a_rating_differs_from_movie_and_user() -> None:
    class Next(MovieToMovie):
        """Each movie is as the one before."""

        name = "next"

    stars = sparse.csr_array(np.array([[5.0, 2, 0], [0, 2, 0]], np.float32))
    policy = Next(
        rated(stars),
        lambda _: np.eye(3, k=1),
        gain=2,
        centre=None,
        movie_damping=1.0,
        user_damping=2.0,
    )
    # The movies' means are 4, 7/3 and 3. The user rated 0 and 1 one and two thirds above, 5/3 in all, of 2 + 2 ratings.
    found = policy.predict(sparse.csr_array(np.array([[5.0, 3.0, 0], [0, 0, 0]], np.float32)))
    user = 5 / 3 / 4
    assert found[0] == pytest.approx([4 + user, 7 / 3 + user + 2 * (1 - user), 3 + user + 2 * (2 / 3 - user)])
    assert found[1] == pytest.approx([4, 7 / 3, 3])


@pytest.mark.parametrize("name", ["item_knn", "ease"])
def test_without_a_history_what_training_users_watch_comes_first(name: str) -> None:
    world = small_world()
    ratings = known(world).ratings
    assert ratings is not None
    ratings = ratings.toarray()
    ratings[:, 17] = 5
    policy = OFFLINE_BASELINES[name](replace(known(world), ratings=sparse.csr_array(ratings)))
    assert isinstance(policy, MovieToMovie)
    assert policy.predict(sparse.csr_array((1, world.n_movies), dtype=np.float32))[0].argmax() == 17
