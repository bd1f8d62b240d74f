import dataclasses

import gymnasium
import numpy as np
import pytest
from worlds import known, small_world

import rlrec  # noqa: F401  (registers the environment)
from rlrec.environments.fitted import FittedUsers, noise_of
from rlrec.environments.sessions import Sessions
from rlrec.errors import WorldError
from rlrec.policies.baselines import BASELINES
from rlrec.policies.playing import play
from rlrec.settings.config import ScenarioConfig
from rlrec.worlds.dynamics import rate

WORLD = small_world(1, n_users=200)
USERS = np.arange(6)
NOISY = ScenarioConfig(noise=0.8, episode_length=10, observation="thesis")


def test_a_rating_is_the_same_however_often_it_is_asked_for_until_the_next_step() -> None:
    users, slates = FittedUsers(WORLD, USERS, NOISY, seed=3), np.tile([[4, 9]], (6, 1))
    first = users.rate(slates)
    np.testing.assert_array_equal(users.rate(slates), first)
    users.rate_all()
    np.testing.assert_array_equal(users.rate(slates), first)
    users.after(slates, np.full((6, 2), 1, np.float32))  # nothing liked: the tastes are as they were
    assert (users.rate(slates) != first).any()


def test_ratings_scatter_around_the_tastes_by_the_noise() -> None:
    scenario = NOISY.model_copy(update={"noise": 0.3})
    users = np.repeat(np.arange(200), 1)
    fitted = FittedUsers(WORLD, users, scenario, seed=0)
    exact = rate(WORLD.user_vectors[users], WORLD.movie_vectors)
    slates = np.tile(np.arange(WORLD.n_movies), (200, 1))
    scatter = (fitted.rate(slates) - exact)[(exact > 2.5) & (exact < 3.5)]  # far from where ratings end
    assert scatter.mean() == pytest.approx(0, abs=0.02)
    assert scatter.std() == pytest.approx(0.3, rel=0.05)
    np.testing.assert_array_equal(fitted.rate_all(), exact)


def test_luck_depends_on_seed_user_step_and_movie_and_on_nothing_else() -> None:
    together = FittedUsers(WORLD, USERS, NOISY, seed=3)
    alone = FittedUsers(WORLD, USERS[2:3], NOISY, seed=3)
    other = FittedUsers(WORLD, USERS, NOISY, seed=4)
    low = np.full((6, 1), 1, np.float32)
    for step in range(3):
        slates = np.full((6, 1), 10 + step)
        np.testing.assert_array_equal(together.rate(slates)[2:3], alone.rate(slates[2:3]))
        assert (together.rate(slates) != other.rate(slates)).any()
        for users, number in ((together, 6), (alone, 1), (other, 6)):
            users.after(slates[:number], low[:number])


def test_policies_that_show_the_same_are_rated_the_same_and_seeds_decide() -> None:
    users = WORLD.users_in("test")
    first, again, other = (
        play(BASELINES["best_average"](known(WORLD)), WORLD, users, NOISY, seed).ratings for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_no_slate_is_better_than_the_ideal_one_by_luck() -> None:
    users = WORLD.users_in("all")
    for k in (1, 3):
        scenario = NOISY.model_copy(update={"slate_size": k, "noise": 2.0})
        oracle = play(BASELINES["oracle"](known(WORLD)), WORLD, users, scenario, 0)
        assert oracle.ndcg == pytest.approx(1, abs=1e-6)
        assert (play(BASELINES["random"](known(WORLD)), WORLD, users, scenario, 0).ndcg <= 1).all()


def test_without_noise_nothing_is_drawn() -> None:
    sessions = [Sessions(WORLD, USERS, NOISY.model_copy(update={"noise": 0.0}), seed=seed) for seed in (0, 1)]
    ratings = [one.play(np.full((6, 1), 7)).ratings for one in sessions]
    np.testing.assert_array_equal(*ratings)
    np.testing.assert_allclose(ratings[0][:, 0], rate(WORLD.user_vectors[USERS], WORLD.movie_vectors)[:, 7], rtol=1e-5)


def test_the_worlds_own_noise_is_its_residual_and_refused_where_it_has_none() -> None:
    fitted = NOISY.model_copy(update={"noise": "fitted"})
    assert noise_of(dataclasses.replace(WORLD, rating_noise=1.25), fitted) == 1.25
    with pytest.raises(WorldError, match=r"scenario\.noise is 'fitted', but this world has no rating_noise"):
        Sessions(WORLD, USERS, fitted)


def test_the_environment_draws_luck_from_its_seed() -> None:
    env = gymnasium.make("rlrec/MovieLens-v0", world=WORLD, noise=0.8)
    found = []
    for seed in (1, 1, 2):
        env.reset(seed=seed, options={"user": 3})
        found.append([float(env.step(movie)[4]["ratings"][0]) for movie in range(5)])
    assert found[0] == found[1] != found[2]
