import numpy as np
from worlds import informed, small_world

from rlrec.worlds.drawn import with_drawn_users
from rlrec.worlds.knowledge import Knowledge

WORLD = informed(small_world(0, n_users=200))


def test_drawn_users_are_spread_as_training_users_are() -> None:
    drawn = with_drawn_users(WORLD, 20_000, np.random.default_rng(0))
    training, tastes = WORLD.user_vectors[WORLD.users_in("train")], drawn.user_vectors[WORLD.n_users :]
    np.testing.assert_allclose(tastes.mean(axis=0), training.mean(axis=0), atol=0.02)
    np.testing.assert_allclose(np.cov(tastes.T), np.cov(training.T, bias=True), atol=0.02)
    people = {tuple(row) for row in WORLD.demographics[WORLD.users_in("train")]}
    assert {tuple(row) for row in drawn.demographics[WORLD.n_users :]} <= people


def test_nothing_but_the_validation_pool_grows() -> None:
    drawn = with_drawn_users(WORLD, 7, np.random.default_rng(0))
    for pool in ("train", "test"):
        np.testing.assert_array_equal(drawn.users_in(pool), WORLD.users_in(pool))
    added = np.arange(WORLD.n_users, WORLD.n_users + 7)
    np.testing.assert_array_equal(drawn.users_in("validation"), [*WORLD.users_in("validation"), *added])
    np.testing.assert_array_equal(drawn.user_vectors[: WORLD.n_users], WORLD.user_vectors)
    for kind in ("world", "training", "genres"):
        before, after = (Knowledge.of(world).representation(kind) for world in (WORLD, drawn))
        assert before.fingerprint == after.fingerprint
        np.testing.assert_array_equal(before.prior.covariance, after.prior.covariance)
