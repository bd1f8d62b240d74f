from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from worlds import informed, small_world

from rlrec.data.dataset.histories import History
from rlrec.environments.compiled_logged import EARLIEST, LATEST, NEXT, ColdSimulation, Log, Moments
from rlrec.environments.lately import RecentHistory
from rlrec.environments.logged import LoggedUsers, logged_in, logged_users
from rlrec.environments.rated_taste import RatedTaste
from rlrec.environments.sessions import Sessions
from rlrec.errors import WorldError
from rlrec.settings.config import ScenarioConfig
from rlrec.testing.worlds import with_log
from rlrec.worlds.dynamics import worth
from rlrec.worlds.knowledge import Knowledge
from rlrec.worlds.world import World

WORLD = informed(small_world(3))
REWARDS = ["seen", "liked", "rating"]
BLOCK = 8


def continuing(reward: str = "seen") -> ScenarioConfig:
    return ScenarioConfig.model_validate({"observation": "recent", "features": "watched", "reward": reward})


def cold(reward: str = "seen", slate_size: int = 1, length: int = 8) -> ScenarioConfig:
    return ScenarioConfig.model_validate(
        {
            "observation": "answers", "features": "watched", "reward": reward, "slate_size": slate_size,
            "episode_length": length,
        }
    )  # fmt: skip


def some_silent(world: World) -> World:
    """The same, but some training users rated one movie or none."""
    histories = [world.history(user) for user in range(world.n_users)]
    for user, left in zip(world.users_in("train")[::5].tolist(), (0, 1, 0, 1), strict=False):
        histories[user] = History(histories[user].movies[:left], histories[user].stars[:left])
    return with_log(world, histories)


def numbered(world: World, users: np.ndarray) -> tf.Tensor:
    """Users of the world as they are numbered in the compiled log."""
    kept = logged_in(world, "train", 2)
    return tf.constant(np.searchsorted(kept, users), tf.int32)


@pytest.mark.parametrize("world", [WORLD, some_silent(WORLD)], ids=["all", "some silent"])
@pytest.mark.parametrize("reward", REWARDS)
def test_a_moment_is_what_the_reference_has_after_the_same_history(world: World, reward: str) -> None:
    scenario, rng = continuing(reward), np.random.default_rng(0)
    users = logged_in(world, "train", 2)
    lengths = np.array([len(world.history(user).movies) for user in users.tolist()])
    known = rng.integers(1, lengths)
    until = rng.integers(known + 1, lengths + 1)
    moments = Moments(world, scenario, BLOCK)

    found = moments.at(numbered(world, users), tf.constant(known, tf.int32), tf.constant(until, tf.int32))

    for row, user in enumerate(users.tolist()):
        log, past, end = world.history(user), known[row], until[row]
        history = RecentHistory(Knowledge.of(world), world.demographics[[user]], scenario)
        history.add(log.movies[None, :past], log.stars[None, :past])
        np.testing.assert_allclose(found.states[row], history.observe()[0], atol=1e-5)
        person = LoggedUsers([History(log.movies[:end], log.stars[:end])], world.n_movies, known[[row]])
        np.testing.assert_array_equal(found.available[row, : world.n_movies], person.available()[0])
        np.testing.assert_allclose(
            found.gains[row, : world.n_movies], worth(person.rate_all()[0], reward) / 5, rtol=1e-6
        )
    assert not found.available[:, world.n_movies :].numpy().any()
    assert not found.gains[:, world.n_movies :].numpy().any()


def test_nothing_that_may_not_be_shown_is_worth_anything() -> None:
    moment = Moments(WORLD, continuing(), BLOCK).draw(256, tf.constant([1, 2]))
    assert not (moment.gains.numpy() * (1 - moment.available.numpy())).any()
    assert (moment.gains.numpy().sum(axis=1) >= 1).all()


def test_moments_are_those_of_training_users_between_a_fifth_and_the_end_of_their_logs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moments, drawn = Moments(WORLD, continuing(), BLOCK), []
    monkeypatch.setattr(moments, "at", lambda *given: drawn.append([np.asarray(one) for one in given]))
    for number in range(20):
        moments.draw(256, tf.constant([number, 0]))
    users, known, until = np.concatenate(drawn, axis=1)
    lengths = moments.log.lengths.numpy()[users]

    assert set(users.tolist()) == set(range(len(lengths_of_all := moments.log.lengths.numpy())))
    assert lengths_of_all.tolist() == [len(WORLD.history(user).movies) for user in WORLD.users_in("train").tolist()]
    assert (known >= np.floor(EARLIEST * lengths)).all()
    assert (known <= LATEST * lengths).all()
    assert (known < lengths).all()
    np.testing.assert_array_equal(until - known, np.maximum(np.floor(NEXT * lengths), 1))
    shares = known / lengths
    assert shares.mean() == pytest.approx((EARLIEST + LATEST) / 2, abs=0.04)


def test_where_what_was_rated_is_ranked_nothing_else_may_be_shown() -> None:
    """Whoever is drawn, the state is what the reference observes of a history, and what came next may be shown."""
    world, scenario = some_silent(WORLD), continuing("rating").model_copy(update={"observation": "stars"})
    moment = Moments(world, scenario, BLOCK, "rated").draw(512, tf.constant([1, 2]))
    seen, came_next = [], []
    for user in logged_in(world, "train", 2).tolist():
        log = world.history(user)
        for known in range(1, len(log.movies)):
            told = RatedTaste(Knowledge.of(world), world.demographics[[user]], scenario)
            told.add(log.movies[None, :known], log.stars[None, :known])
            until = known + max(int(NEXT * len(log.movies)), 1)
            seen.append(told.observe()[0])
            came_next.append((log.movies[known:until], log.stars[known:until]))
    drawn = set()
    for state, available, gains in zip(*(part.numpy() for part in moment), strict=True):
        away = np.abs(np.array(seen) - state).max(axis=1)
        drawn.add(int(away.argmin()))
        movies, stars = came_next[away.argmin()]
        assert away.min() < 1e-3
        assert set(np.flatnonzero(available)) == set(movies)
        np.testing.assert_allclose(gains[movies], stars / 5, rtol=1e-6)
        assert gains.sum() == pytest.approx(stars.sum() / 5, rel=1e-5)
    assert len(drawn) > 200


@pytest.mark.parametrize("world", [WORLD, some_silent(WORLD)], ids=["all", "some silent"])
@pytest.mark.parametrize(("reward", "slate_size"), [("seen", 1), ("liked", 3), ("rating", 3)])
def test_same_slates_give_the_same_numbers_as_the_reference(world: World, reward: str, slate_size: int) -> None:
    scenario, rng = cold(reward, slate_size), np.random.default_rng(0)
    users = logged_in(world, "train", 2)[:9]
    reference = Sessions(world, users, scenario, logged_users(world, users))
    simulation = ColdSimulation(world, scenario, BLOCK)
    session = simulation.start_with(numbered(world, users))

    for _ in range(scenario.episode_length):
        np.testing.assert_allclose(simulation.observe(session), reference.observe(), rtol=1e-4, atol=1e-5)
        expected = simulation.expected_reward(session)[:, : world.n_movies]
        np.testing.assert_allclose(expected, reference.expect(), atol=1e-5)
        slates = np.array([rng.choice(np.flatnonzero(row), slate_size, replace=False) for row in reference.available])
        outcome = reference.play(slates)
        available = np.pad(reference.available, ((0, 0), (0, simulation.padded - world.n_movies)))
        session, ratings, rewards = simulation.transition(
            session, tf.constant(slates, tf.int32), tf.constant(available, tf.float32)
        )
        np.testing.assert_array_equal(ratings, outcome.ratings)
        np.testing.assert_allclose(rewards, outcome.rewards, rtol=1e-6)
        np.testing.assert_array_equal(session.available, available)

    assert outcome.done
    assert int(session.step) == scenario.episode_length
    np.testing.assert_allclose(session.clicks / scenario.episode_length, outcome.ctr, rtol=1e-5)


def test_cold_sessions_are_those_of_training_users_and_all_movies_may_be_shown() -> None:
    simulation = ColdSimulation(WORLD, cold(), BLOCK)
    session = simulation.start(300, tf.constant([3, 4]))
    rated = {tuple(row) for row in session.stars.numpy()[:, : WORLD.n_movies].tolist()}
    training = {tuple(row) for row in logged_users(WORLD, WORLD.users_in("train")).rate_all().tolist()}

    assert rated <= training
    assert len(rated) > len(training) / 2
    assert session.available.numpy().sum(axis=1).tolist() == [WORLD.n_movies] * 300


def test_a_world_without_a_log_is_refused() -> None:
    bare = replace(WORLD, log_starts=np.empty(0), log_movies=np.empty(0), log_stars=np.empty(0))
    with pytest.raises(WorldError, match="no log of what train users really rated"):
        Log(bare, continuing(), BLOCK)
