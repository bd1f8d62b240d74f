import numpy as np
import pytest
from numpy.typing import NDArray
from worlds import known, small_world

from rlrec.environments.sessions import Sessions
from rlrec.environments.views import View
from rlrec.errors import ModelError, WorldError
from rlrec.metrics import slates as metrics
from rlrec.metrics.gains import ndcg
from rlrec.policies import playing as online
from rlrec.policies.baselines import BASELINES
from rlrec.policies.playing import Played, play
from rlrec.policies.policy import Policy, Scores
from rlrec.settings.config import ScenarioConfig
from rlrec.worlds.dynamics import Floats, rate

WORLD = small_world(1)
SCENARIO = ScenarioConfig(episode_length=6, slate_size=2)
USERS = np.array([3, 50, 7, 22, 41])


class Recorder(Policy):
    """Recommends movies in order of id and writes down what it is told."""

    name = "recorder"

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.answers: list[tuple[NDArray[np.int64], Floats]] = []

    def begin(self, view: View, rng: np.random.Generator) -> None:
        assert view.step == 0
        self.calls.append("begin")

    def scores(self, view: View) -> Scores:
        self.calls.append("scores")
        return np.zeros(view.available.shape)

    def observe(self, slates: NDArray[np.int64], ratings: Floats) -> None:
        self.calls.append("observe")
        self.answers.append((slates, ratings))


class Broken(Policy):
    name = "broken"

    def scores(self, view: View) -> Scores:
        return np.full(view.available.shape, np.nan)


def random_play(users: NDArray[np.int64], seed: int = 0, sessions_per_user: int = 1) -> Played:
    return play(BASELINES["random"](known(WORLD)), WORLD, users, SCENARIO, seed, sessions_per_user=sessions_per_user)


def test_a_policy_is_begun_and_then_asked_and_told_at_every_step() -> None:
    policy = Recorder()
    played = play(policy, WORLD, USERS, SCENARIO, 0)
    assert policy.calls == ["begin"] + ["scores", "observe"] * 6
    assert np.array_equal(np.stack([slates for slates, _ in policy.answers], axis=1), played.slates)
    assert np.array_equal(np.stack([ratings for _, ratings in policy.answers], axis=1), played.ratings)


def test_what_is_recorded_is_what_the_simulator_did() -> None:
    played = play(Recorder(), WORLD, USERS, SCENARIO, 0, keep_tastes=True)
    assert played.users.tolist() == USERS.tolist()
    assert played.slates.tolist() == [[[2 * t, 2 * t + 1] for t in range(6)]] * len(USERS)
    sessions = Sessions(WORLD, USERS, SCENARIO)
    assert played.tastes is not None
    assert played.tastes.shape == (len(USERS), 7, WORLD.n_genres)
    for t in range(6):
        assert np.array_equal(played.tastes[:, t], sessions.taste[:, -WORLD.n_genres :])
        assert np.array_equal(played.ratings[:, t], rate(sessions.taste, WORLD.movie_vectors[played.slates[:, t]]))
        outcome = sessions.play(played.slates[:, t])
        assert np.array_equal(played.rewards[:, t], outcome.rewards)
        assert np.array_equal(played.ndcg[:, t], outcome.ndcg)
    assert np.array_equal(played.tastes[:, 6], sessions.taste[:, -WORLD.n_genres :])
    assert metrics.ctr(played.ratings) == pytest.approx(outcome.ctr)
    assert ndcg(played.ratings, np.full(played.ratings.shape[2], 5.0)) == pytest.approx(played.ndcg_max)


def test_recorded_ndcg_is_that_of_the_metric() -> None:
    """At the first step the catalogue is whole."""
    played = random_play(USERS)
    catalogue = rate(WORLD.user_vectors[USERS], WORLD.movie_vectors)
    ideal = np.sort(catalogue, axis=1)[:, : -played.slates.shape[2] - 1 : -1]
    assert ndcg(played.ratings[:, 0], ideal) == pytest.approx(played.ndcg[:, 0], abs=1e-6)


def test_tastes_are_kept_only_where_asked_for() -> None:
    assert random_play(USERS).tastes is None


def test_equal_seeds_give_equal_sessions() -> None:
    assert np.array_equal(random_play(USERS, seed=4).slates, random_play(USERS, seed=4).slates)
    assert not np.array_equal(random_play(USERS, seed=4).slates, random_play(USERS, seed=5).slates)


def test_a_session_does_not_depend_on_who_else_is_played(monkeypatch: pytest.MonkeyPatch) -> None:
    together = random_play(USERS, sessions_per_user=2)
    alone = random_play(USERS[2:3], sessions_per_user=2)
    assert np.array_equal(alone.slates, together.slates[[2, 2 + len(USERS)]])
    monkeypatch.setattr(online, "_CELLS", 2 * WORLD.n_movies)  # batches of two users
    assert np.array_equal(random_play(USERS, sessions_per_user=2).slates, together.slates)


def test_repetitions_come_one_after_another_and_differ() -> None:
    played = random_play(USERS, sessions_per_user=3)
    assert played.users.tolist() == USERS.tolist() * 3
    first, second, third = np.split(played.slates, 3)
    assert not np.array_equal(first, second)
    assert not np.array_equal(second, third)
    assert np.array_equal(first, random_play(USERS).slates)


def test_progress_counts_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(online, "_CELLS", 3 * WORLD.n_movies)
    seen: list[tuple[int, int, str]] = []
    play(Recorder(), WORLD, USERS, SCENARIO, 0, progress=lambda *told: seen.append(told))
    assert seen == [(step, 12, "recorder") for step in range(1, 13)]


def test_scores_that_are_no_numbers_are_an_error() -> None:
    with pytest.raises(ModelError, match="NaN"):
        play(Broken(), WORLD, USERS, SCENARIO, 0)


def test_a_catalogue_too_small_for_the_session_is_an_error() -> None:
    with pytest.raises(WorldError, match="needs 100 movies"):
        play(Recorder(), WORLD, USERS, ScenarioConfig(slate_size=2), 0)
