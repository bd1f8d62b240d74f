from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from rlrec.data.dataset.tables import Tables
from rlrec.policies.baselines import BASELINES, INTERACTIVE_BASELINES, OFFLINE_BASELINES, Known
from rlrec.policies.histories import after_history
from rlrec.policies.policy import Policy, Scores
from rlrec.settings.config import ScenarioConfig
from rlrec.testing import PolicyTests, informed, small_world, tables_of
from rlrec.worlds.world import World

EVERY = OFFLINE_BASELINES | INTERACTIVE_BASELINES | BASELINES


class TestBaselines(PolicyTests):
    """Every baseline is held to what every policy is."""

    @pytest.fixture(autouse=True, params=EVERY)
    def _which(self, request: pytest.FixtureRequest) -> None:
        self.which = request.param

    def make(self, known: Known) -> Policy:
        return EVERY[self.which](known)


@pytest.mark.parametrize("name", EVERY)
def test_no_rating_of_a_validation_or_test_user_matters(name: str) -> None:
    """All ratings but those of training users are changed, and no score is."""
    worlds, seed = both_worlds(), np.random.SeedSequence(0)

    def scores(played: World, known: Known) -> Scores:
        policy = EVERY[name](known)
        movies, ratings = np.array([[3, 9, 30]]), np.array([[5, 2, 0]], np.float32)
        (view,) = after_history([policy], played, np.array([1]), movies, ratings, ScenarioConfig(), seed)
        return np.array(policy.scores(view))

    before, after = (scores(world, Known.of(world, tables)) for world, tables in worlds)
    assert np.array_equal(before, after)


@cache
def both_worlds() -> tuple[tuple[World, Tables], tuple[World, Tables]]:
    """A world and its tables, and the same with all ratings changed but those of training users."""
    world = informed(small_world())
    training = np.isin(np.arange(world.n_users), world.users_in("train"))
    tables, by_row = tables_of(world), np.repeat(training, np.diff(world.log_starts))
    stars = tables.ratings["rating"].where(training[tables.ratings["user"]], 6 - tables.ratings["rating"])
    changed = replace(
        world,
        log_movies=np.where(by_row, world.log_movies, world.n_movies - 1 - world.log_movies),
        log_stars=np.where(by_row, world.log_stars, 6 - world.log_stars),
    )
    other = replace(tables, ratings=tables.ratings.assign(rating=stars))
    assert not other.ratings.equals(tables.ratings)
    return (world, tables), (changed, other)
