from typing import Any

import numpy as np
import pytest

from benchmarks import tuning
from benchmarks.tuning import INTERACTIVE, NATURAL, OFFLINE, ONLINE, Searched, earned, foreseen, found_cold, search
from rlrec.environments.views import View
from rlrec.policies.baselines import BASELINES, INTERACTIVE_BASELINES, OFFLINE_BASELINES
from rlrec.policies.policy import Note, Policy, Scores
from rlrec.settings.config import Config
from rlrec.statistics.search import edges
from rlrec.testing import informed, known, small_world, tables_of

WORLD = small_world(n_movies=600)
CONFIG = Config.model_validate({"scenario": {"episode_length": 50}, "evaluate": {"bootstrap_samples": 100}})


@pytest.mark.parametrize(("name", "searched"), [*ONLINE.items(), *OFFLINE.items(), *INTERACTIVE.items()])
def test_a_search_starts_on_its_grid_and_at_no_end_of_it(name: str, searched: Searched) -> None:
    """It starts with what the baselines are set to: see `test_baselines_are_set_as_they_were_found`."""
    assert searched.grid.keys() <= searched.start.keys()
    for setting, values in searched.grid.items():
        assert searched.start[setting] in values
        assert list(values) == sorted(values)
    assert edges(searched.start, searched.grid, NATURAL) == []


def test_baselines_are_set_as_they_were_found() -> None:
    for name, searched in ONLINE.items():
        defaults = BASELINES[name].__init__.__kwdefaults__  # type: ignore[misc]
        assert {setting: defaults[setting] for setting in searched.start} == searched.start, name
    for name, searched in OFFLINE.items():
        assert OFFLINE_BASELINES[name].keywords == searched.start, name  # type: ignore[attr-defined]
    for name, searched in INTERACTIVE.items():
        assert INTERACTIVE_BASELINES[name].keywords == searched.start, name  # type: ignore[attr-defined]
    assert INTERACTIVE_BASELINES.keys() - INTERACTIVE.keys() == {"popularity", "answer_belief"}  # nothing to set


def test_the_best_of_what_was_tried_is_told_with_what_it_was_before() -> None:
    class Policy:
        def __init__(self, **settings: Any) -> None:
            self.settings = settings

    searched = Searched({"x": 1, "y": 5}, {"x": (0, 1, 2, 3)})
    found = search(Policy, searched, lambda policy: policy.settings["x"], "it")  # type: ignore[arg-type, attr-defined]
    assert (found["settings"], found["score"], found["as_it_is"], found["edges"]) == ({"x": 3, "y": 5}, 3, 1, ["x"])


def test_only_validation_users_are_played() -> None:
    policies = {name: BASELINES[name](known(WORLD)) for name in ("random", "oracle")}
    assert earned(policies["oracle"], WORLD, CONFIG) > earned(policies["random"], WORLD, CONFIG)
    changed = WORLD.user_vectors.copy()
    changed[WORLD.users_in("test")] += 1
    other = type(WORLD)(changed, WORLD.movie_vectors, WORLD.genres, WORLD.violence, WORLD.demographics, WORLD.pools)
    assert earned(BASELINES["oracle"](known(other)), other, CONFIG) == earned(policies["oracle"], WORLD, CONFIG)


def test_on_real_ratings_a_score_is_a_share() -> None:
    assert 0 <= foreseen(OFFLINE_BASELINES["ease"](known(WORLD)), WORLD, tables_of(WORLD), CONFIG) <= 1
    assert tuning.NATURAL["epsilon"] == 0


def test_from_a_cold_start_it_counts_what_validation_users_liked() -> None:
    class Ideal(Policy):
        name = "ideal"
        note = Note("Ideal", "Everything.", "collaborative")

        def scores(self, view: View) -> Scores:
            return np.stack([likes[user] for user in view.users.tolist()])

    world = informed(WORLD)
    users = world.users_in("validation")
    likes = {user: np.zeros(world.n_movies) for user in users.tolist()}
    for user, own in likes.items():
        movies, stars = world.history(user)
        own[movies[stars > 3.5]] = 1
    assert found_cold(Ideal(), world, CONFIG) == pytest.approx(np.mean([own.sum() for own in likes.values()]))
    assert found_cold(INTERACTIVE_BASELINES["popularity"](known(world)), world, CONFIG) < 10
