import numpy as np
import pytest

from rlrec.environments.answers import Answers
from rlrec.environments.logged import logged_users
from rlrec.environments.sessions import Sessions
from rlrec.settings.config import ScenarioConfig
from rlrec.testing import informed, small_world

WORLD = informed(small_world())
USERS = WORLD.users_in("train")[:4]
SOME = np.array([True, False, True, False])


def sessions(users: np.ndarray, observation: str) -> Sessions:
    scenario = ScenarioConfig(episode_length=6, observation=observation, noise=0.3, slate_size=2)
    answers: Answers | None = None
    if observation in ("answers", "recent", "stars"):
        scenario = scenario.model_copy(update={"noise": 0.0, "features": "watched", "reward": "seen"})
        answers = logged_users(WORLD, users)
    return Sessions(WORLD, users, scenario, answers, seed=5)


def slates(step: int, users: np.ndarray) -> np.ndarray:
    """Two movies each, others at every step and for every user."""
    return np.stack([(users * 7 + 2 * step) % 80, (users * 7 + 2 * step + 1) % 80], axis=1)


@pytest.mark.parametrize("observation", ["history", "thesis", "answers", "recent", "stars"])
def test_rows_that_are_taken_out_and_put_back_go_on_as_if_they_had_been_alone(observation: str) -> None:
    together, alone = sessions(USERS, observation), sessions(USERS[SOME], observation)
    together.play(slates(0, USERS))
    alone.play(slates(0, USERS[SOME]))
    before = together.observe()
    taken = together.take(SOME)
    for step in (1, 2):
        found, expected = taken.play(slates(step, USERS[SOME])), alone.play(slates(step, USERS[SOME]))
        np.testing.assert_allclose(found.ratings, expected.ratings, rtol=1e-6)
    np.testing.assert_array_equal(together.observe(), before)
    together.put(SOME, taken)
    assert together.steps.tolist() == [3, 1, 3, 1]
    np.testing.assert_array_equal(together.observe()[~SOME], before[~SOME])
    np.testing.assert_allclose(together.observe()[SOME], alone.observe(), rtol=1e-5, atol=1e-6)
    last, expected = together.play(slates(3, USERS)), alone.play(slates(3, USERS[SOME]))
    np.testing.assert_allclose(last.ratings[SOME], expected.ratings, rtol=1e-5)
    np.testing.assert_allclose(last.ctr[SOME], expected.ctr)
    np.testing.assert_allclose(last.ndcg[SOME], expected.ndcg, rtol=1e-5)
    assert together.over.tolist() == [False] * 4
    together.play(slates(4, USERS))
    together.play(slates(5, USERS))
    assert together.over.tolist() == [True, False, True, False]
