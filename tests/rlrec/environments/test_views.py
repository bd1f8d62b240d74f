import numpy as np
import pytest
from worlds import informed, small_world

from rlrec.environments.sessions import Sessions
from rlrec.environments.views import InformedView, View
from rlrec.settings.config import ScenarioConfig
from rlrec.worlds.knowledge import Knowledge

WORLD = informed(small_world())
SCENARIO = ScenarioConfig(slate_size=2, episode_length=7, features="genres")


def sessions() -> Sessions:
    return Sessions(WORLD, np.array([3, 8]), SCENARIO)


def test_a_view_follows_the_sessions() -> None:
    played = sessions()
    view = View(played)
    assert (view.users.tolist(), view.step, view.length, view.slate_size) == ([3, 8], 0, 7, 2)
    assert view.scenario is SCENARIO
    assert view.knowledge is Knowledge.of(WORLD)
    assert view.representation is Knowledge.of(WORLD).representation("genres")
    np.testing.assert_array_equal(view.demographics, WORLD.demographics[[3, 8]])
    played.play(np.array([[0, 1], [5, 2]]))
    assert view.step == 1
    assert np.flatnonzero(~view.available[1]).tolist() == [2, 5]
    np.testing.assert_array_equal(view.observe(), played.observe())


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("taste", "to be inferred from ratings. A bound that is told it derives from .*InformedPolicy"),
        ("movie_vectors", "Take `representation`"),
        ("world", "Take `knowledge`"),
        ("play", "see rlrec.environments.views for what it has"),
    ],
)
def test_what_a_policy_may_not_know_is_not_there_and_the_error_says_what_is(name: str, instead: str) -> None:
    with pytest.raises(AttributeError, match=f"a policy's view of sessions has no '{name}': .*{instead}"):
        getattr(View(sessions()), name)


def test_nothing_in_a_view_leads_to_the_tastes_of_those_who_are_played() -> None:
    hidden = WORLD.user_vectors[WORLD.pools != 0]
    knowledge = View(sessions()).knowledge
    arrays = [vars(knowledge)[name] for name in ("genres", "violence", "rating_counts", "mean_ratings")]
    arrays += [array for pair in knowledge.sources.values() for array in pair]
    for kind in ("world", "training", "genres"):
        known = knowledge.representation(kind)
        arrays += [known.vectors, known.features, known.tastes]
    for array in arrays:
        rows = {row.tobytes() for row in np.atleast_2d(np.asarray(array, np.float32))}
        assert not rows & {taste.tobytes() for taste in hidden}
    assert len(knowledge.representation("world").tastes) == len(WORLD.users_in("train")) == knowledge.n_training_users


def test_the_books_cannot_be_written_to_through_a_view() -> None:
    view = InformedView(sessions())
    for array in (view.available, view.taste):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 0


def test_who_is_told_sees_the_taste_as_it_moves() -> None:
    played = sessions()
    view = InformedView(played)
    np.testing.assert_array_equal(view.taste, WORLD.user_vectors[[3, 8]])
    played.play(np.array([[0, 1], [5, 2]]))
    np.testing.assert_array_equal(view.taste, played.taste)
    assert np.abs(view.taste - WORLD.user_vectors[[3, 8]]).max() > 0
    assert view.movie_vectors is WORLD.movie_vectors
