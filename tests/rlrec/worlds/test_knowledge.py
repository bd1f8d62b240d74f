from dataclasses import fields, replace

import numpy as np
import pytest
from worlds import informed, small_world

from rlrec.data.dataset.histories import History
from rlrec.environments.sessions import Sessions
from rlrec.errors import WorldError
from rlrec.settings.config import ScenarioConfig
from rlrec.testing.worlds import with_log
from rlrec.worlds.knowledge import Knowledge, Prior, genre_vectors

KINDS = ["world", "training", "genres", "watched", "both"]
PLAIN = small_world(0)
WORLD = informed(PLAIN)


def test_by_default_an_agent_knows_what_the_world_is_made_of() -> None:
    known = Knowledge.of(WORLD).representation()
    assert known is Knowledge.of(WORLD).representation("world")
    assert known.vectors is WORLD.movie_vectors
    np.testing.assert_allclose(known.prior.mean, WORLD.user_vectors[WORLD.users_in("train")].mean(axis=0), rtol=1e-5)


def test_only_those_of_the_world_know_anything_of_the_worlds_vectors() -> None:
    rng = np.random.default_rng(1)
    n_free = WORLD.movie_vectors.shape[1] - WORLD.n_genres
    movies = WORLD.movie_vectors.copy()
    movies[:, :n_free] = rng.normal(size=(WORLD.n_movies, n_free))
    other = replace(WORLD, movie_vectors=movies, user_vectors=rng.normal(size=WORLD.user_vectors.shape))

    for kind in ("training", "genres", "watched", "both"):
        one, two = Knowledge.of(WORLD).representation(kind), Knowledge.of(other).representation(kind)
        np.testing.assert_array_equal(one.vectors, two.vectors)
        np.testing.assert_array_equal(one.features, two.features)
        np.testing.assert_array_equal(one.prior.mean, two.prior.mean)
        np.testing.assert_array_equal(one.prior.covariance, two.prior.covariance)
    one, two = Knowledge.of(WORLD).representation(), Knowledge.of(other).representation()
    assert not np.array_equal(one.features, two.features)


@pytest.mark.parametrize("kind", KINDS)
def test_features_are_the_standardised_vectors_and_rank_movies_as_the_prior_does(kind: str) -> None:
    known = Knowledge.of(WORLD).representation(kind)
    np.testing.assert_allclose(known.features.mean(axis=0), 0, atol=1e-5)
    if kind in ("watched", "both"):  # what is alike for most movies counts for less
        np.testing.assert_allclose(
            known.features.std(axis=0), known.vectors.std(axis=0)[known.prior.columns], rtol=1e-4
        )
    else:
        np.testing.assert_allclose(known.features.std(axis=0), 1, atol=1e-5)
    by_features = known.features @ (known.prior.scale * known.prior.mean[known.prior.columns])
    by_taste = known.vectors @ known.prior.mean
    np.testing.assert_allclose(by_features - by_features.mean(), by_taste - by_taste.mean(), atol=1e-4)


def test_genre_vectors_by_hand() -> None:
    genres = np.array([[1, 0], [0, 1], [1, 1]], bool)
    found = genre_vectors(genres, np.array([0, 2, 6]))
    logarithms = np.log([1, 3, 7])
    expected = (logarithms - logarithms.mean()) / logarithms.std()
    np.testing.assert_allclose(found[:, 1], expected, rtol=1e-6)
    np.testing.assert_array_equal(found[:, [0, 2, 3]], [[1, 1, 0], [1, 0, 1], [1, 1, 1]])
    assert found.dtype == np.float32


def test_movies_that_were_rated_equally_often_are_equally_popular() -> None:
    assert genre_vectors(np.eye(3, dtype=bool), np.full(3, 9))[:, 1].tolist() == [0, 0, 0]


def test_a_prior_by_hand() -> None:
    prior = Prior.estimate(np.array([[3.0, 0.0], [5.0, 2.0]], np.float32), np.array([[1, 0], [1, 4]], np.float32))
    assert prior.mean.tolist() == [4, 1]
    assert prior.covariance.tolist() == [[1, 1], [1, 1]]
    assert prior.columns.tolist() == [1]
    assert prior.scale.tolist() == [2]


@pytest.mark.parametrize(
    ("kind", "lacking"),
    [
        ("training", "training_movie_vectors and training_tastes"),
        ("genres", "genre_tastes"),
        ("watched", "watched_movie_vectors and watched_tastes"),
    ],
)
def test_a_world_that_was_not_fitted_to_ratings_says_what_it_lacks(kind: str, lacking: str) -> None:
    with pytest.raises(WorldError, match=f"scenario.features is '{kind}', but this world lacks {lacking}"):
        Knowledge.of(PLAIN).representation(kind)
    with pytest.raises(WorldError, match=lacking):
        Sessions(PLAIN, np.array([0]), ScenarioConfig(features=kind, observation="thesis"))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
def test_users_rate_and_change_alike_whatever_the_agent_knows(kind: str) -> None:
    users = np.arange(4)
    reference = Sessions(PLAIN, users, ScenarioConfig(episode_length=6))
    sessions = Sessions(WORLD, users, ScenarioConfig(episode_length=6, features=kind))  # type: ignore[arg-type]
    for t in range(6):
        slates = (users + 7 * t)[:, None]
        np.testing.assert_array_equal(sessions.play(slates).ratings, reference.play(slates).ratings)
        np.testing.assert_array_equal(sessions.taste, reference.taste)
    same = sessions.observe().shape == reference.observe().shape
    assert same == (kind == "world")


def test_columns_that_say_nothing_are_no_features() -> None:
    known = Knowledge.of(PLAIN).representation()
    assert known.features.shape == (PLAIN.n_movies, PLAIN.movie_vectors.shape[1] - 1)  # without the column of ones


def test_a_world_whose_movies_are_all_alike_has_nothing_to_recommend() -> None:
    world = small_world(n_movies=2, n_genres=1)
    alike = replace(world, movie_vectors=world.movie_vectors[[0, 0]], genres=world.genres[[0, 0]])
    with pytest.raises(WorldError, match="all movies of this world are alike"):
        Knowledge.of(alike).representation()


def test_a_world_without_training_users_says_so() -> None:
    with pytest.raises(WorldError, match="this world has no train users"):
        Knowledge.of(replace(PLAIN, pools=np.full(PLAIN.n_users, 2))).representation()


@pytest.mark.parametrize("kind", ["liked", "seen", "rating"])
def test_what_is_known_of_answers_is_what_training_users_rated(kind: str) -> None:
    users, found = WORLD.users_in("train"), Knowledge.of(WORLD).answered.matrix(kind, WORLD.n_movies)  # type: ignore[arg-type]
    expected = np.zeros((len(users), WORLD.n_movies))
    for row, user in enumerate(users.tolist()):
        movies, stars = WORLD.history(user)
        expected[row, movies] = {"liked": stars > 3.5, "seen": stars > 0, "rating": stars / 5}[kind]
    np.testing.assert_allclose(found.toarray(), expected)
    assert Knowledge.of(WORLD).answers(kind) is Knowledge.of(WORLD).answers(kind)  # type: ignore[arg-type]


def test_what_validation_users_rated_is_not_known() -> None:
    silent = History(np.empty(0, np.int64), np.empty(0, np.float32))
    training = set(WORLD.users_in("train").tolist())
    without = with_log(WORLD, [WORLD.history(u) if u in training else silent for u in range(WORLD.n_users)])
    for kind in ("liked", "seen", "rating"):
        one, two = (Knowledge.of(world).answers(kind) for world in (WORLD, without))  # type: ignore[arg-type]
        for field in fields(one):
            np.testing.assert_array_equal(getattr(one, field.name), getattr(two, field.name))


def test_a_world_without_a_log_knows_nothing_of_answers() -> None:
    with pytest.raises(WorldError, match=r"this world lacks the log of what people really rated.*`make pipeline`"):
        Knowledge.of(PLAIN).answers("liked")


def test_other_movies_have_another_fingerprint() -> None:
    found = {Knowledge.of(world).representation().fingerprint for world in (PLAIN, WORLD, small_world(1))}
    assert len(found) == 2  # what is known beside them does not count
