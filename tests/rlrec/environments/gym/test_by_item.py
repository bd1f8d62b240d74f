import gymnasium
import numpy as np
import pytest

import rlrec  # noqa: F401 (registers the environments)
from rlrec.errors import WorldError
from rlrec.testing import EnvironmentTests, informed, small_world
from rlrec.worlds.knowledge import Knowledge

WORLD = informed(small_world())
NAME = "rlrec/SlateByItem-v0"


class TestSlateByItem(EnvironmentTests):
    length = 9

    @pytest.fixture(
        autouse=True,
        params=[(NAME, {"observation": "thesis"}), ("rlrec/LoggedSlateByItem-v0", {"sessions": "continue"})],
        ids=str,
    )
    def _which(self, request):
        self.name, self.arguments = request.param

    def make(self):
        return gymnasium.make(self.name, world=WORLD, slate_size=3, episode_length=3, **self.arguments).unwrapped

    def make_random(self):
        settings = {"slate_size": 3, "episode_length": 3, "invalid": "replace"}
        return gymnasium.make(self.name, world=WORLD, **settings, **self.arguments)


def test_a_slate_that_was_built_is_shown_as_one():
    built = gymnasium.make(NAME, world=WORLD, slate_size=3, episode_length=2)
    whole = gymnasium.make("rlrec/MovieLens-v0", world=WORLD, slate_size=3, episode_length=2)
    first, info = built.reset(seed=1)
    seen, told = whole.reset(seed=1)
    features = Knowledge.of(WORLD).representation("world").features
    np.testing.assert_array_equal(first[: len(seen)], seen)
    assert not first[len(seen) :].any()
    assert info["position"] == 0
    for slate in ([7, 3, 60], [1, 2, 9]):
        for position, movie in enumerate(slate[:-1], start=1):
            observation, reward, terminated, _, info = built.step(movie)
            assert (reward, terminated, info["position"]) == (0.0, False, position)
            np.testing.assert_array_equal(observation[: len(seen)], seen)
            assert observation[-1] == pytest.approx(position / 3)
            picked = features[slate[:position]].sum(axis=0) / 3
            np.testing.assert_allclose(observation[len(seen) : -1], picked, rtol=1e-6)
            assert set(np.flatnonzero(info["action_mask"] == 0)) == {
                *np.flatnonzero(told["action_mask"] == 0),
                *slate[:position],
            }
        observation, reward, terminated, _, info = built.step(slate[-1])
        seen, expected, over, _, told = whole.step(np.array(slate))
        assert (reward, terminated, info.pop("position")) == (expected, over, 0)
        assert info.keys() == told.keys()
        np.testing.assert_array_equal(info["ratings"], told["ratings"])
        np.testing.assert_array_equal(observation[: len(seen)], seen)
        assert not observation[len(seen) :].any()
    with pytest.raises(WorldError, match="the session is over"):
        built.step(0)


def test_without_a_size_a_slate_has_five_movies():
    env = gymnasium.make(NAME, world=WORLD, episode_length=4)
    env.reset(seed=0)
    assert [env.step(movie)[-1]["position"] for movie in range(5)] == [1, 2, 3, 4, 0]


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (3, "movie 3 stands in the slate already"),
        (0, "movie 0 may not be shown any more"),
        (80, "unknown movie 80"),
        (1.5, "must be the number of a movie"),
        (None, "must be the number of a movie"),
    ],
)
def test_a_movie_that_may_not_stand_in_the_slate_is_refused_at_once(action, message):
    env = gymnasium.make(NAME, world=WORLD, slate_size=2, episode_length=3, disable_env_checker=True)
    env.reset(seed=0)
    for movie in (0, 1, 3):
        env.step(movie)
    with pytest.raises(WorldError, match=message):
        env.step(action)
    assert env.step(4)[-1]["position"] == 0


def test_it_is_replaced_at_once_where_that_is_asked_for():
    env = gymnasium.make(NAME, world=WORLD, slate_size=3, episode_length=2, invalid="replace")
    whole = gymnasium.make("rlrec/MovieLens-v0", world=WORLD, slate_size=3, episode_length=2, invalid="replace")
    env.reset(seed=0)
    whole.reset(seed=0)
    for _ in range(2):
        info = [env.step(5) for _ in range(3)][-1][-1]
        told = whole.step(np.array([5, 5, 5]))[-1]
        assert info["replaced"] == told["replaced"]
        np.testing.assert_array_equal(info["slate"], told["slate"])


def test_a_slate_with_it_is_penalised_when_it_is_full():
    env = gymnasium.make(NAME, world=WORLD, slate_size=2, episode_length=2, invalid="penalise")
    env.reset(seed=0)
    assert env.step(5)[1] == 0
    _, reward, _, _, info = env.step(5)
    assert reward == pytest.approx(-0.2)
    assert info["penalised"]
    assert info["action_mask"].all()
