import numpy as np

from rlrec.worlds.clusters import MOST_CLUSTERS, cluster
from rlrec.worlds.factorisation import Factors, Observed


def _apart(n_movies: int) -> tuple[Factors, Observed]:
    """Movies whose vectors point into two directions, with any length and bias; the last has no rating."""
    rng = np.random.default_rng(3)
    side = np.where(np.arange(n_movies) % 3 == 0, 1.0, -1.0)
    vectors = np.column_stack([np.ones(n_movies), rng.normal(size=n_movies), side * rng.uniform(0.1, 2, n_movies)])
    vectors[-1, 2:] = 0
    movies = np.arange(n_movies - 1)
    ratings = Observed(np.zeros(len(movies), np.int64), movies, np.ones(len(movies)), (1, n_movies))
    return Factors(np.zeros((1, 3)), vectors), ratings


def test_movies_that_the_same_people_like_are_of_one_kind() -> None:
    flags, names = cluster(*_apart(25), np.random.default_rng(0))
    assert names == ("cluster 1", "cluster 2")
    assert (flags.sum(axis=1) == 1).all()
    expected = np.where(np.arange(25) % 3 == 0, 1, 0)  # more movies, and so ratings, are of the other side
    expected[-1] = 0
    np.testing.assert_array_equal(flags.argmax(axis=1), expected)


def test_there_are_never_more_than_said_and_each_has_a_movie() -> None:
    rng = np.random.default_rng(1)
    factors = Factors(np.zeros((1, 6)), rng.normal(size=(400, 6)))
    ratings = Observed(np.zeros(400, np.int64), np.arange(400), np.ones(400), (1, 400))
    flags, names = cluster(factors, ratings, np.random.default_rng(0))
    assert len(names) == MOST_CLUSTERS == flags.shape[1]
    assert flags.any(axis=0).all()


def test_too_few_movies_are_one_kind() -> None:
    flags, names = cluster(*_apart(5), np.random.default_rng(0))
    assert names == ("cluster 1",)
    assert flags.all()


def test_where_all_ratings_are_alike_kinds_are_told_by_who_rated_what() -> None:
    rng = np.random.default_rng(2)
    side = np.arange(40) % 2
    pairs = [(u, m) for u in range(30) for m in range(40) if rng.random() < (0.8 if u % 2 == side[m] else 0.02)]
    users, movies = np.array(pairs).T
    ratings = Observed(users, movies, np.full(len(users), 5.0), (30, 40))
    flags, names = cluster(Factors(np.zeros((30, 4)), np.zeros((40, 4))), ratings, np.random.default_rng(0))
    assert len(names) > 1
    purity = [max(np.mean(side[kind]), 1 - np.mean(side[kind])) for kind in flags.T]
    assert np.average(purity, weights=flags.sum(axis=0)) > 0.9
