import subprocess
import sys

import numpy as np
import pytest

from rlrec.environments.sessions import Sessions
from rlrec.settings.config import ScenarioConfig
from rlrec.testing import informed, known, small_world, tables_of, three_movies


def test_equal_seeds_give_equal_worlds() -> None:
    one, again, other = small_world(3), small_world(3), small_world(4)
    np.testing.assert_array_equal(one.user_vectors, again.user_vectors)
    assert not np.array_equal(one.user_vectors, other.user_vectors)


@pytest.mark.parametrize("features", ["world", "training", "genres", "watched"])
def test_an_informed_world_can_be_played_with_every_kind_of_features(features: str) -> None:
    scenario = ScenarioConfig(features=features)  # type: ignore[arg-type]
    assert np.isfinite(Sessions(informed(small_world()), np.arange(3), scenario).observe()).all()


def test_an_informed_world_has_a_log_of_what_training_and_validation_users_liked_most() -> None:
    world, again = informed(small_world()), informed(small_world())
    counts = np.diff(world.log_starts)
    sealed = world.users_in("test")
    assert not counts[sealed].any()
    assert 10 <= np.delete(counts, sealed).min() < np.delete(counts, sealed).max() <= 30
    for name in ("log_starts", "log_movies", "log_stars", "watched_movie_vectors", "watched_tastes"):
        np.testing.assert_array_equal(getattr(world, name), getattr(again, name))
    for user in (int(world.users_in("train")[0]), int(world.users_in("validation")[0])):
        history, liked = world.history(user), world.movie_vectors @ world.user_vectors[user]
        assert np.corrcoef(history.stars, liked[history.movies])[0, 1] > 0.3
        assert liked[history.movies].mean() > liked.mean()
        assert len(set(history.movies.tolist())) == len(history.movies)


def test_of_three_movies_everybody_watched_the_second_and_then_the_one_that_they_love() -> None:
    world = three_movies()
    for user in world.users_in("train").tolist():
        assert [part.tolist() for part in world.history(user)] == [[1, 2], [1, 5]]


def test_what_is_known_is_what_training_users_rated() -> None:
    world = small_world()
    ratings, table = known(world).training_ratings("als"), tables_of(world).ratings
    assert ratings.nnz == np.isin(table["user"], world.users_in("train")).sum()


def test_the_import_is_light() -> None:
    code = "import sys, rlrec.testing; print({'tensorflow', 'keras', 'pytest', 'pandas'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "set()\n"
