import dataclasses
import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlrec.data.dataset.genres import GENRES
from rlrec.data.dataset.pools import POOLS, draw_pools
from rlrec.errors import WorldError, WriteError
from rlrec.worlds.world import World


def arrays_of(world):
    return {f.name: getattr(world, f.name) for f in dataclasses.fields(world)}


def test_five_arrays_make_a_world_with_pools_of_70_15_15(make_world):
    full = make_world(users=200)
    world = World(full.user_vectors, full.movie_vectors, full.genres, full.violence, full.demographics)
    assert np.bincount(world.pools).tolist() == [140, 30, 30]
    assert world.titles.size == 0
    assert world.has_violence
    assert (world.n_users, world.n_movies, world.n_genres) == (200, 60, 19)


def test_pools_are_disjoint_and_complete(world):
    members = [set(world.users_in(pool).tolist()) for pool in POOLS]
    assert set.union(*members) == set(world.users_in("all").tolist()) == set(range(world.n_users))
    assert sum(map(len, members)) == world.n_users


@given(
    n_users=st.integers(1, 400), train=st.floats(0.01, 0.98), share=st.floats(0.01, 0.99), seed=st.integers(0, 2**32)
)
def test_every_pool_gets_a_user_and_the_draw_is_seeded(n_users, train, share, seed):
    validation = share * (1 - train)
    pools = draw_pools(n_users, train, validation, np.random.default_rng(seed))
    np.testing.assert_array_equal(pools, draw_pools(n_users, train, validation, np.random.default_rng(seed)))
    counts = np.bincount(pools, minlength=3)
    assert counts.sum() == n_users
    assert counts[0] >= 1
    if n_users >= 3:
        assert counts.min() >= 1


def test_another_seed_draws_other_pools():
    first, second = (draw_pools(100, 0.7, 0.15, np.random.default_rng(seed)) for seed in (1, 2))
    assert not np.array_equal(first, second)


def test_an_unknown_or_empty_pool_is_named(world):
    with pytest.raises(WorldError, match="unknown pool 'eval'"):
        world.users_in("eval")
    no_tests = dataclasses.replace(world, pools=np.zeros(world.n_users))
    with pytest.raises(WorldError, match="no test users"):
        no_tests.users_in("test")


def test_a_saved_world_comes_back_whole(world, tmp_path):
    path = tmp_path / "new folder" / "world.npz"
    changed = dataclasses.replace(
        world,
        pools=draw_pools(world.n_users, 0.5, 0.25, np.random.default_rng(3)),
        user_ids=np.arange(world.n_users) + 100,
        movie_ids=np.arange(world.n_movies) + 7,
        mean_ratings=np.full(world.n_movies, 3.5),
        rating_counts=np.arange(world.n_movies),
        training_movie_vectors=np.ones((world.n_movies, 7)),
        training_tastes=np.ones((15, 7)),
        genre_tastes=np.ones((15, 21)),
        has_violence=False,
        rating_noise=1.1,
    )
    changed.save(path)
    loaded = World.load(path)
    for name, value in arrays_of(changed).items():
        np.testing.assert_array_equal(getattr(loaded, name), value, err_msg=name)
        assert np.asarray(getattr(loaded, name)).dtype == np.asarray(value).dtype
    assert [p.name for p in path.parent.iterdir()] == ["world.npz"]


def test_equal_worlds_give_equal_bytes_and_other_worlds_others(make_world, tmp_path, monkeypatch):
    make_world(seed=1).save(tmp_path / "first")
    monkeypatch.setattr("time.time", lambda: 2_000_000_000.0)
    make_world(seed=1).save(str(tmp_path / "second"))
    make_world(seed=2).save(tmp_path / "third")
    first, second, third = ((tmp_path / name).read_bytes() for name in ("first", "second", "third"))
    assert first == second
    assert first != third


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(WorldError, match=r"no world at .*nowhere\.npz"):
        World.load(tmp_path / "nowhere.npz")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(world, tmp_path, share):
    path = tmp_path / "world.npz"
    world.save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(WorldError, match=r"world\.npz is not a world"):
        World.load(path)


def test_a_flipped_byte_is_refused(world, tmp_path):
    path = tmp_path / "world.npz"
    world.save(path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(WorldError, match="is not a world"):
        World.load(path)


class Explosive:
    exploded = False

    def __reduce__(self):
        return setattr, (Explosive, "exploded", True)


def test_a_pickle_inside_is_never_unpickled(world, tmp_path):
    path = tmp_path / "world.npz"
    np.savez(path, allow_pickle=True, **(arrays_of(world) | {"titles": np.array([Explosive()], object)}))
    with pytest.raises(WorldError, match="is not a world"):
        World.load(path)
    path.write_bytes(pickle.dumps(Explosive()))
    with pytest.raises(WorldError, match="is not a world"):
        World.load(path)
    assert not Explosive.exploded


def test_files_that_are_no_world_are_refused(world, tmp_path):
    np.save(tmp_path / "array.npy", np.ones(3))
    (tmp_path / "text.npz").write_text("user_vectors")
    with zipfile.ZipFile(tmp_path / "zip.npz", "w") as archive:
        archive.writestr("user_vectors.npy", "no array")
    for name in ("array.npy", "text.npz", "zip.npz", "."):
        with pytest.raises(WorldError, match="is not a world"):
            World.load(tmp_path / name)
    np.savez(tmp_path / "partial.npz", user_vectors=world.user_vectors)
    with pytest.raises(WorldError, match="lacks movie_vectors, genres, violence, demographics"):
        World.load(tmp_path / "partial.npz")


def test_a_world_of_before_agents_had_knowledge_of_their_own_is_read(world, tmp_path):
    older = {
        name: value
        for name, value in arrays_of(world).items()
        if not name.startswith(("training", "genre_", "watched_", "log_"))
    }
    np.savez(tmp_path / "older.npz", **older)
    np.testing.assert_array_equal(World.load(tmp_path / "older.npz").movie_vectors, world.movie_vectors)


def test_wrong_contents_are_refused_with_the_files_name(world, tmp_path):
    np.savez(tmp_path / "wrong.npz", **(arrays_of(world) | {"violence": np.zeros(3)}))
    with pytest.raises(WorldError, match=r"wrong\.npz is not a world: violence must have the shape \(60,\)"):
        World.load(tmp_path / "wrong.npz")


def test_a_place_that_cannot_be_written_to_is_named(world, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteError, match=r"cannot write .*file.world\.npz"):
        world.save(tmp_path / "file" / "world.npz")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("user_vectors", np.zeros((30, 5)), r"must be \(U, D\) and \(N, D\)"),
        ("user_vectors", np.zeros(24), r"must be \(U, D\) and \(N, D\)"),
        ("user_vectors", np.full((30, 24), np.nan), "user_vectors must be finite"),
        ("user_vectors", [["a", "b"]], "user_vectors must be an array of float32"),
        ("user_vectors", [[1.0], [1.0, 2.0]], "user_vectors must be an array of float32"),
        ("movie_vectors", np.zeros((60, 24)), "must be the movie's genre flags"),
        ("movie_vectors", np.zeros((0, 24)), r"must be \(U, D\) and \(N, D\)"),
        ("genres", np.zeros((59, 19)), "genres must be"),
        ("genres", np.zeros((60, 25)), "genres must be"),
        ("violence", np.full(60, 1.5), "violence must be within 0 and 1, but has 1.5"),
        ("demographics", np.zeros((30, 3)), r"demographics must have the shape \(30, 4\)"),
        ("demographics", np.full((30, 4), 25.0), "demographics must be within 0 and 1, but has 25"),
        ("pools", np.full(30, 3), "pools must be within 0 and 2, but has 3"),
        ("pools", np.zeros(29), r"pools must have the shape \(30,\)"),
        ("titles", np.array(["a"]), r"titles must have the shape \(60,\)"),
        ("mean_ratings", np.full(60, np.nan), "mean_ratings must be finite"),
        ("training_movie_vectors", np.zeros((59, 3)), r"training_movie_vectors must have the shape \(60, 3\)"),
        ("training_tastes", np.zeros((21, 3)), r"training_tastes must have the shape \(21, 0\)"),
        ("genre_tastes", np.zeros((21, 20)), r"genre_tastes must have the shape \(21, 21\)"),
        ("genre_tastes", np.full((21, 21), np.inf), "genre_tastes must be finite"),
        ("watched_movie_vectors", np.zeros((59, 3)), r"watched_movie_vectors must have the shape \(60, 3\)"),
        ("watched_movie_vectors", np.full((60, 3), np.nan), "watched_movie_vectors must be finite"),
        ("watched_tastes", np.zeros((20, 3)), r"watched_tastes must have the shape \(21, 0\)"),
        ("log_stars", np.ones(3), r"log_movies \(0,\) and log_stars \(3,\) must be equally many"),
        ("log_starts", np.zeros(30), "log_starts must rise from 0 to 0 in 31 steps, one a user and the end"),
    ],
)
def test_arrays_that_do_not_fit_are_named(world, name, value, message):
    with pytest.raises(WorldError, match=message):
        dataclasses.replace(world, **{name: value})


def with_log(world, starts, movies, stars):
    return dataclasses.replace(world, log_starts=starts, log_movies=movies, log_stars=stars)


def test_a_history_is_what_somebody_rated_and_nothing_where_that_is_not_known(world, tmp_path):
    logged = with_log(world, [0, 2, 2, *[3] * 28], [7, 5, 9], [0.5, 4, 5])
    logged.save(tmp_path / "world.npz")
    for one in (logged, World.load(tmp_path / "world.npz")):
        assert [part.tolist() for part in one.history(0)] == [[7, 5], [0.5, 4]]
        assert [part.tolist() for part in one.history(1)] == [[], []]
        assert [part.tolist() for part in one.history(2)] == [[9], [5]]
        assert [part.tolist() for part in one.history(29)] == [[], []]
        assert (one.history(0).movies.dtype, one.history(0).stars.dtype) == (np.int64, np.float32)
    assert world.history(3).movies.size == 0
    for unknown in (-1, 30):
        with pytest.raises(WorldError, match=rf"unknown user {unknown}: this world has users 0 to 29"):
            world.history(unknown)


@pytest.mark.parametrize(
    ("starts", "movies", "stars", "message"),
    [
        ([0, 2, 1, *[3] * 28], [7, 5, 9], [1, 1, 1], "log_starts must rise from 0 to 3"),
        ([1, 2, 2, *[3] * 28], [7, 5, 9], [1, 1, 1], "log_starts must rise from 0 to 3"),
        ([0, *[2] * 30], [7, 5, 9], [1, 1, 1], "log_starts must rise from 0 to 3"),
        ([0, *[3] * 29], [7, 5, 9], [1, 1, 1], "log_starts must rise from 0 to 3 in 31 steps"),
        ([], [7], [1], "log_starts must rise from 0 to 1"),
        ([0, *[3] * 30], [7, 60, 9], [1, 1, 1], "log_movies has the unknown movie 60"),
        ([0, *[3] * 30], [7, -1, 9], [1, 1, 1], "log_movies has the unknown movie -1"),
        ([0, *[3] * 30], [7, 5, 9], [1, 0, 1], "log_stars must be above 0 and at most 5, but has 0"),
        ([0, *[3] * 30], [7, 5, 9], [1, 5.5, 1], "log_stars must be above 0 and at most 5, but has 5.5"),
        ([0, *[3] * 30], [7, 5, 9], [1, np.nan, 1], "log_stars must be above 0 and at most 5, but has nan"),
    ],
)
def test_a_log_that_cannot_be_is_refused(world, starts, movies, stars, message):
    with pytest.raises(WorldError, match=message):
        with_log(world, starts, movies, stars)


def test_nineteen_genres_are_movielens_and_others_have_numbers(make_world) -> None:
    assert make_world(genres=19).genre_names == GENRES
    assert make_world(genres=3).genre_names == ("genre_00", "genre_01", "genre_02")


def test_a_world_of_an_earlier_version_says_what_to_do(world, tmp_path) -> None:
    world.save(tmp_path / "world.npz")
    arrays = dict(np.load(tmp_path / "world.npz"))
    del arrays["violence"]
    np.savez(tmp_path / "earlier.npz", **arrays)
    with pytest.raises(WorldError, match=r"one of an earlier version: it lacks violence\. Fit it again \(`make pipe"):
        World.load(tmp_path / "earlier.npz")
