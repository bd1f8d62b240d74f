"""Slates that may not be shown, where that is penalised."""

import gymnasium
import numpy as np
import pytest

import rlrec  # noqa: F401 (registers the environments)
from rlrec.errors import WorldError
from rlrec.testing import informed, small_world

WORLD = informed(small_world())
NAME = "rlrec/MovieLens-v0"


@pytest.mark.parametrize("observation", ["history", "thesis"])
@pytest.mark.parametrize("size", [1, 2])
def test_a_slate_that_is_penalised_earns_less_than_any_rating_and_is_not_shown(size, observation):
    settings = {"slate_size": size, "episode_length": 4, "invalid": "penalise", "observation": observation}
    env = gymnasium.make(NAME, world=WORLD, render_mode="ansi", **settings)
    env.reset(options={"user": 17})
    right = np.arange(size) if size > 1 else 0
    before, reward, _, _, info = env.step(right)
    assert not info["penalised"]
    assert reward > 0
    wrong = np.array([5, 5]) if size == 2 else 0
    after, reward, ended, _, told = env.step(wrong)
    assert told["penalised"]
    assert reward == pytest.approx(-0.2)
    assert not told["ratings"].any()
    np.testing.assert_array_equal(told["action_mask"], info["action_mask"])
    assert told["ctr"] == info["ctr"]
    assert env.render() == "user 17, step 2 of 4, reward -0.20"
    changed = np.flatnonzero(before != after)
    if observation == "thesis":
        assert not changed.size
    else:  # the last slate was none, and time went on
        n_features = (len(after) - 5 - WORLD.n_genres) // 5
        assert set(changed) <= {*range(2 * n_features, 3 * n_features), len(after) - 1}
        assert (before[-1], after[-1]) == (0.25, 0.5)
    assert not ended
    env.step(wrong)
    assert env.step(wrong)[2]
    with pytest.raises(WorldError, match="the session is over"):
        env.step(wrong)


def test_what_nobody_was_shown_is_no_answer_of_real_people():
    env = gymnasium.make("rlrec/Logged-v0", world=WORLD, episode_length=4, invalid="penalise")
    env.reset(options={"user": 3})
    before = env.step(5)[0]
    after, reward, _, _, told = env.step(5)
    assert reward == pytest.approx(-0.2)
    assert told["penalised"]
    np.testing.assert_array_equal(after[:-1], before[:-1])
    assert (before[-1], after[-1]) == (0.25, 0.5)


def test_tastes_recover_while_nothing_is_shown():
    env = gymnasium.make(NAME, world=WORLD, episode_length=5, invalid="penalise", recovery=0.5).unwrapped
    env.reset(seed=3)
    env.step(int(env._sessions._answers.rate_all()[0].argmax()))
    start, taste = WORLD.user_vectors[env._sessions.users], env._sessions.taste
    assert (taste != start).any()
    env.step(int(np.flatnonzero(~env.action_masks())[0]))
    np.testing.assert_allclose(env._sessions.taste, taste + 0.5 * (start - taste), rtol=1e-6)
