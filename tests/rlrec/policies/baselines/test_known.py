import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse
from worlds import small_world, tables_of

from rlrec.errors import WorldError
from rlrec.policies.baselines import BASELINES, OFFLINE_BASELINES, Known

COLLABORATIVE = ("item_knn", "als", "bpr", "ease")


def test_only_training_users_ratings_are_known() -> None:
    world = small_world()
    tables = tables_of(world)
    ratings = Known.of(world, tables).ratings
    assert ratings is not None
    everything = np.zeros((world.n_users, world.n_movies))
    everything[tables.ratings["user"], tables.ratings["movie"]] = tables.ratings["rating"]
    training = world.users_in("train")
    assert np.array_equal(ratings.toarray(), everything[training])
    assert np.array_equal(Known.of(world, tables).training_ratings("als").toarray(), everything[training])


def test_tables_of_another_world_are_refused() -> None:
    tables = tables_of(small_world(n_users=61))
    with pytest.raises(WorldError, match="the world has 60 users and 80 movies, but the tables have 61 and 80"):
        Known.of(small_world(), tables)


def test_tables_of_other_movies_are_refused() -> None:
    world = small_world()
    other = replace(world, movie_ids=world.movie_ids[::-1])
    with pytest.raises(WorldError, match="the world's movies are not those of the tables"):
        Known.of(other, tables_of(world))


@pytest.mark.parametrize("name", BASELINES)
def test_only_a_collaborative_baseline_minds_that_there_are_no_ratings(name: str) -> None:
    world = small_world()
    if name not in COLLABORATIVE:
        assert BASELINES[name](Known.of(world)).name == name
        return
    for ratings in (None, sparse.csr_array((len(world.users_in("train")), world.n_movies), dtype=np.float32)):
        with pytest.raises(WorldError, match=f"'{name}' is fitted to training users' real ratings, and there are none"):
            BASELINES[name](replace(Known.of(world), ratings=ratings))


def test_ratings_of_another_shape_are_refused() -> None:
    with pytest.raises(
        WorldError, match=r"the ratings are \(3, 4\), but the world has 42 training users and 80 movies"
    ):
        BASELINES["ease"](replace(Known.of(small_world()), ratings=sparse.csr_array(np.ones((3, 4)))))


def test_bpr_needs_somebody_who_liked_something() -> None:
    world = small_world()
    known = Known.of(world, tables_of(world))
    assert known.ratings is not None
    bored = replace(known, ratings=known.ratings.minimum(3))
    with pytest.raises(WorldError, match=r"'bpr' learns from ratings above 3\.5 stars, and there are none"):
        BASELINES["bpr"](bored)


def test_offline_the_same_baselines_are_set_otherwise() -> None:
    added = OFFLINE_BASELINES.keys() - BASELINES.keys()
    assert added == {"ease_recency", "ials", "rp3beta", "markov"}
    assert list(OFFLINE_BASELINES)[: len(BASELINES)] == list(BASELINES)
    changed = {name for name in BASELINES if OFFLINE_BASELINES[name] is not BASELINES[name]}
    assert changed == set(COLLABORATIVE)


def test_the_names_of_the_baselines_cost_nothing() -> None:
    code = "import sys, rlrec.policies.baselines; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert "numpy" in loaded
    assert {"implicit", "pandas", "matplotlib", "tensorflow"}.isdisjoint(loaded)
