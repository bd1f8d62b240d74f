from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy import sparse

from rlrec.worlds.watched import HALF_LIFE, NEAR, RANK, SIDE, near_vectors, singular_vectors, watched_vectors

UNKNOWN = np.nan


def seen(users: int = 40, movies: int = 30, seed: int = 0) -> np.ndarray:
    """Two halves of users who prefer one half of the movies each, `(users, movies)` of 0 and 1."""
    rng = np.random.default_rng(seed)
    alike = np.arange(users)[:, None] % 2 == np.arange(movies) % 2
    return (rng.random((users, movies)) < np.where(alike, 0.6, 0.1)).astype(float)


def vectors(
    watched: np.ndarray,
    genres: np.ndarray | None = None,
    years: np.ndarray | None = None,
    logs: Sequence[np.ndarray] = (),
) -> np.ndarray:
    movies = watched.shape[1]
    genres = np.zeros((movies, 1), bool) if genres is None else genres
    years = np.full(movies, UNKNOWN) if years is None else years
    return watched_vectors(sparse.csr_array(watched), genres, years, logs)


def in_order(watched: np.ndarray, seed: int = 0) -> list[np.ndarray]:
    """What everybody watched, in an order that depends on who it is."""
    return [
        np.random.default_rng([seed, int(row @ np.arange(len(row)))]).permutation(np.flatnonzero(row))
        for row in watched
    ]


def test_singular_vectors_are_those_of_numpy() -> None:
    watched = seen()
    values, found = singular_vectors(sparse.csr_array(watched), 6)
    expected = np.linalg.svd(watched)

    np.testing.assert_allclose(values, expected[1][:6], rtol=1e-9)
    np.testing.assert_allclose(np.abs(expected[2][:6] @ found), np.eye(6), atol=1e-9)
    assert (found[np.abs(found).argmax(axis=0), np.arange(6)] > 0).all()


@given(seed=st.integers(0, 50), users=st.integers(1, 12), movies=st.integers(1, 12))
@hypothesis_settings(max_examples=40, deadline=None)
def test_vectors_are_finite_and_equal_for_equal_input_whatever_the_size(seed: int, users: int, movies: int) -> None:
    watched = (np.random.default_rng(seed).random((users, movies)) < 0.4).astype(float)
    found, again = (vectors(watched, logs=in_order(watched)) for _ in range(2))

    np.testing.assert_array_equal(found, again)
    assert np.isfinite(found).all()
    assert (found.dtype, len(found)) == (np.float32, movies)
    assert (found[:, 0] == 1).all()
    np.testing.assert_allclose(found[:, 1:].mean(axis=0), 0, atol=1e-5)
    assert found.shape[1] <= 1 + min(RANK, max(min(users, movies) - 1, 0)) + min(NEAR, max(movies - 2, 0)) + 3


@pytest.mark.parametrize("order", ["backwards", "shuffled"])
def test_the_order_of_users_does_not_matter(order: str) -> None:
    watched = seen()
    rows = np.arange(40)[::-1] if order == "backwards" else np.random.default_rng(1).permutation(40)

    found, expected = (vectors(of, logs=in_order(of)) for of in (watched[rows], watched))
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_movies_are_alike_that_the_same_people_watched() -> None:
    found = vectors(seen(users=200))[:, 1:4]
    unit = found / np.linalg.norm(found, axis=1, keepdims=True)
    alike = unit @ unit.T
    same = np.arange(30)[:, None] % 2 == np.arange(30) % 2
    assert alike[same].mean() > alike[~same].mean() + 0.5


def test_all_that_is_known_of_who_watched_what_counts_alike() -> None:
    watched = seen()
    found = vectors(watched, logs=in_order(watched))
    deviations = found[:, 1:-3].std(axis=0)
    assert found.shape[1] == 1 + (30 - 1) + (30 - 2) + 1 + 2
    np.testing.assert_allclose(deviations, 1, rtol=1e-4)


LOGS = [np.array([0, 1, 2, 5]), np.array([2, 3]), np.array([4]), np.array([5, 3, 0])]


def test_nearness_by_hand() -> None:
    """Pairs of each log, halved with every `HALF_LIFE` ratings between them, and as many as the log has ratings."""
    near = np.zeros((6, 6))
    for log in LOGS:
        weights = [[2 ** (-abs(i - j) / HALF_LIFE) for j in range(len(log))] for i in range(len(log))]
        mean = sum(map(sum, weights)) / len(log)
        for i, one in enumerate(log):
            for j, other in enumerate(log):
                if i != j:
                    near[one, other] += weights[i][j] / mean
    total = near.sum(axis=1)
    roots = np.sqrt(total + 0.1 * total.mean())
    values, expected = np.linalg.eigh(near / np.outer(roots, roots))

    found = near_vectors(LOGS, 6, 3)

    np.testing.assert_allclose(np.abs(found.T @ expected[:, np.argsort(-values)[:3]]), np.eye(3), atol=1e-8)
    assert (found[np.abs(found).argmax(axis=0), np.arange(3)] > 0).all()


def test_time_may_run_backwards() -> None:
    """Near is near: whichever of the two came first."""
    backwards = near_vectors([log[::-1] for log in LOGS], 6, 3)
    np.testing.assert_allclose(backwards, near_vectors(LOGS, 6, 3), atol=1e-9)


def test_many_movies_are_as_near_as_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """For many, the matrix of nearness is never made."""
    logs = in_order(seen())
    few = near_vectors(logs, seen().shape[1], 3)
    monkeypatch.setattr("rlrec.worlds.watched._FEW", 0)
    np.testing.assert_allclose(near_vectors(logs, seen().shape[1], 3), few, atol=1e-6)


@pytest.mark.parametrize("logs", [[], [np.array([], np.int64)], [np.array([3]), np.array([2])]])
def test_of_logs_of_one_movie_nothing_is_near(logs: list[np.ndarray]) -> None:
    assert near_vectors(logs, 6, 3).shape == (6, 0)
    np.testing.assert_array_equal(near_vectors([*logs, *LOGS], 6, 3), near_vectors(LOGS, 6, 3))


@pytest.mark.parametrize(("movies", "rank"), [(2, 0), (3, 1), (40, 38)])
def test_there_are_no_more_dimensions_than_movies_leave(movies: int, rank: int) -> None:
    assert near_vectors([np.arange(movies)], movies, 38).shape == (movies, rank)


def test_large_matrices_are_decomposed_to_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = seen()
    dense = vectors(watched, logs=in_order(watched))
    monkeypatch.setattr("rlrec.worlds.watched._DENSE", 0)
    # The last ones are nearly alike, and as good the other way round.
    np.testing.assert_allclose(vectors(watched, logs=in_order(watched))[:, :20], dense[:, :20], atol=1e-3)


def test_genres_year_and_popularity_by_hand() -> None:
    watched = np.array([[1, 1, 0, 0], [1, 0, 0, 1], [1, 0, 0, 0]], float)
    genres = np.array([[1, 0], [1, 0], [0, 0], [1, 0]], bool)
    found = vectors(watched, genres, np.array([1990, UNKNOWN, 1992, 1994]))[:, -4:]
    years, counts = np.array([1990, 1992, 1992, 1994]), np.log([4, 2, 1, 2])

    for column, values in ((0, genres[:, 0]), (2, years), (3, counts)):
        np.testing.assert_allclose(found[:, column], SIDE * (values - values.mean()) / values.std(), atol=1e-6)
    assert (found[:, 1] == 0).all()  # a genre that no movie has


@pytest.mark.parametrize(("users", "movies"), [(1, 1), (1, 5), (5, 1), (6, 8)])
def test_where_nobody_watched_anything_movies_are_alike_but_for_what_is_known_of_them(users: int, movies: int) -> None:
    found = vectors(np.zeros((users, movies)))

    assert found.shape == (movies, 1 + 1 + 2)
    assert (found[:, 1:] == 0).all()


def test_where_everybody_watched_everything_movies_are_alike() -> None:
    found = vectors(np.ones((9, 7)))

    np.testing.assert_allclose(found[:, 1:], 0, atol=1e-5)
