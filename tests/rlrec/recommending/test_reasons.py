import numpy as np
import pytest
from policies import policy_for, with_titles
from worlds import informed, small_world

from rlrec.data.dataset.histories import History
from rlrec.policies.histories import after_history
from rlrec.recommending.reasons import LATEST, gains
from rlrec.settings.config import ScenarioConfig
from rlrec.worlds.world import World

WORLD = with_titles(informed(small_world(1)))
MOVIES = np.array([40, 7, 61])


def scores(world: World, rated: History) -> np.ndarray:
    policy = policy_for(world)
    told = rated.movies[None], rated.stars[None]
    (view,) = after_history([policy], world, np.array([3]), *told, ScenarioConfig(), np.random.SeedSequence(0))
    found = policy.scores(view)[0].astype(np.float64)
    return found[MOVIES] - found.mean()


def rated(n: int) -> History:
    rng = np.random.default_rng(0)
    others = np.setdiff1d(np.arange(WORLD.n_movies), MOVIES)
    return History(rng.permutation(others)[:n], rng.choice([1.0, 3.0, 5.0], n).astype(np.float32))


def test_a_gain_is_what_a_score_loses_without_the_rating() -> None:
    told = rated(5)
    found = gains(policy_for(WORLD), WORLD, 3, told, ScenarioConfig(), MOVIES)
    for place in range(5):
        without = History(np.delete(told.movies, place), np.delete(told.stars, place))
        np.testing.assert_allclose(found[place], scores(WORLD, told) - scores(WORLD, without), rtol=1e-3, atol=1e-3)
    assert np.abs(found).max() > 0.01


@pytest.mark.parametrize("n", [1, LATEST + 30])
def test_of_many_ratings_the_latest_are_left_out_once(n: int) -> None:
    world = with_titles(informed(small_world(1, n_movies=LATEST + 60)))
    told = History(np.setdiff1d(np.arange(world.n_movies), MOVIES)[:n], np.full(n, 4.0, np.float32))
    found = gains(policy_for(world), world, 3, told, ScenarioConfig(), MOVIES)
    assert found.shape == (min(n, LATEST), len(MOVIES))
    last = History(told.movies[:-1], told.stars[:-1])
    np.testing.assert_allclose(found[-1], scores(world, told) - scores(world, last), rtol=1e-3, atol=1e-3)
