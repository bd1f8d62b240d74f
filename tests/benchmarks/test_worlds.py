from pathlib import Path

import numpy as np
from worlds import small_world

from benchmarks.worlds import FITTED_MOVIES, synthetic_world, world_of_size
from rlrec.worlds.knowledge import Knowledge


def test_a_synthetic_world_has_the_form_of_a_fitted_one() -> None:
    world = synthetic_world(500)

    assert world.movie_vectors.shape == (500, 37)
    assert Knowledge.of(world).representation().features.shape == (500, 36)
    assert world.genres.any(axis=1).all()
    ratings = np.clip(world.user_vectors @ world.movie_vectors.T, 1, 5)
    assert 2.5 < ratings.mean() < 4.5


def test_equal_seeds_give_equal_worlds() -> None:
    one, same, other = synthetic_world(50), synthetic_world(50), synthetic_world(50, seed=1)

    np.testing.assert_array_equal(one.movie_vectors, same.movie_vectors)
    assert not np.array_equal(one.movie_vectors, other.movie_vectors)


def test_the_fitted_world_is_taken_where_it_has_as_many_movies(tmp_path: Path) -> None:
    fitted = tmp_path / "world.npz"
    expected = synthetic_world(FITTED_MOVIES, seed=5)
    expected.save(fitted)

    world, origin = world_of_size(FITTED_MOVIES, fitted)

    assert origin == "fitted"
    np.testing.assert_array_equal(world.movie_vectors, expected.movie_vectors)
    assert world_of_size(200, fitted)[1] == "synthetic"
    assert world_of_size(FITTED_MOVIES, tmp_path / "none.npz")[1] == "synthetic"


def test_a_fitted_world_of_other_size_is_not_taken(tmp_path: Path) -> None:
    small_world(0).save(tmp_path / "world.npz")

    world, origin = world_of_size(FITTED_MOVIES, tmp_path / "world.npz")

    assert (world.n_movies, origin) == (FITTED_MOVIES, "synthetic")
