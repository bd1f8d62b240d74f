import numpy as np
import pytest
from numpy.typing import NDArray
from worlds import small_world

from rlrec.environments.answers import Answers
from rlrec.environments.fitted import FittedUsers
from rlrec.environments.sessions import Sessions
from rlrec.errors import WorldError
from rlrec.settings.config import ScenarioConfig
from rlrec.worlds.dynamics import Floats

WORLD, USERS = small_world(), np.array([3, 8])


class Logged:
    """Two people who once rated ten movies each: 1 to 5 stars, and 1 for whatever they did not rate."""

    def __init__(self) -> None:
        self.stars = np.ones((2, WORLD.n_movies), np.float32)
        self.stars[:, :10] = [[1, 2, 3, 4, 5, 5, 4, 3, 2, 1], [5, 4, 3, 2, 1, 1, 2, 3, 4, 5]]
        self.seen: list[list[list[int]]] = []

    def available(self) -> NDArray[np.bool_]:
        return np.tile(np.arange(WORLD.n_movies) < 20, (2, 1))

    def rate(self, slates: NDArray[np.int64]) -> Floats:
        return np.take_along_axis(self.stars, slates, axis=1)

    def rate_all(self) -> Floats:
        return self.stars

    def after(self, slates: NDArray[np.int64], ratings: Floats) -> None:
        self.seen.append(slates.tolist())


def test_sessions_keep_the_same_books_whoever_answers() -> None:
    people = Logged()
    answers: Answers = people
    sessions = Sessions(WORLD, USERS, ScenarioConfig(slate_size=2, episode_length=3), answers)
    assert sessions.available.sum(axis=1).tolist() == [20, 20]
    first = sessions.play(np.array([[4, 0], [4, 5]]))
    assert first.ratings.tolist() == [[5, 1], [1, 1]]
    discount = 1 / np.log2(3)
    np.testing.assert_allclose(first.ndcg, [(5 + discount) / (5 + 5 * discount), (1 + discount) / (5 + 5 * discount)])
    np.testing.assert_allclose(first.rewards, [3 / 5, 1 / 5])
    assert first.ctr.tolist() == [0.5, 0]
    assert people.seen == [[[4, 0], [4, 5]]]
    assert sessions.available.sum(axis=1).tolist() == [18, 18]
    with pytest.raises(WorldError, match="movie 20 was shown before"):
        sessions.play(np.array([[20, 1], [1, 2]]))


def test_nobody_knows_the_taste_of_people_who_are_not_simulated() -> None:
    with pytest.raises(WorldError, match="users who are not simulated"):
        _ = Sessions(WORLD, USERS, ScenarioConfig(), Logged()).taste


def test_simulated_users_are_who_answers_unless_others_are_given() -> None:
    scenario = ScenarioConfig(slate_size=2, episode_length=3, recovery=0.25)
    given, own = Sessions(WORLD, USERS, scenario, FittedUsers(WORLD, USERS, scenario)), Sessions(WORLD, USERS, scenario)
    for t in range(3):
        slates = np.array([[2 * t, 2 * t + 1], [40 - t, 50 + t]])
        np.testing.assert_array_equal(given.play(slates).ratings, own.play(slates).ratings)
        np.testing.assert_array_equal(given.taste, own.taste)


def test_to_ask_simulated_users_changes_nothing_and_an_answer_moves_them() -> None:
    users = FittedUsers(WORLD, USERS, ScenarioConfig())
    slates, before = np.array([[1], [2]]), users.taste.copy()
    asked = users.rate(slates)
    np.testing.assert_array_equal(users.rate(slates), asked)
    np.testing.assert_allclose(np.take_along_axis(users.rate_all(), slates, axis=1), asked, rtol=1e-6)
    np.testing.assert_array_equal(users.taste, before)
    users.after(slates, np.full((2, 1), 5, np.float32))
    assert np.abs(users.taste - before).max() > 0
