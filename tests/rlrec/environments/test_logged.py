from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import informed, small_world

from rlrec.data.dataset.histories import History
from rlrec.environments.logged import UNRATED, LoggedUsers, continued_users, known_at, logged_in, logged_users
from rlrec.environments.sessions import Sessions
from rlrec.errors import WorldError
from rlrec.settings.config import ScenarioConfig
from rlrec.worlds.world import World

WORLD = informed(small_world())


def history(*rated: tuple[int, float]) -> History:
    movies, stars = zip(*rated, strict=True)
    return History(np.array(movies), np.array(stars, np.float32))


TWO = [history((4, 5), (1, 2), (3, 0.5)), history((0, 3), (4, 4))]


def cold(world: World, users: np.ndarray, **settings: object) -> Sessions:
    values = {"observation": "answers", "features": "watched", "reward": "liked", "episode_length": 6, **settings}
    return Sessions(world, users, ScenarioConfig.model_validate(values), logged_users(world, users))


def test_they_answer_as_they_did_and_with_nothing_where_they_did_not() -> None:
    users = LoggedUsers(TWO, 6)

    assert users.available().all()
    assert users.rate(np.array([[4, 0, 3], [4, 0, 3]])).tolist() == [[5, UNRATED, 0.5], [4, 3, UNRATED]]
    assert users.rate_all().tolist() == [[0, 2, 0, 0.5, 5, 0], [3, 0, 0, 0, 4, 0]]


def test_what_is_known_is_not_shown_and_what_came_next_is_answered() -> None:
    users = LoggedUsers(TWO, 6, np.array([2, 1]))

    assert np.flatnonzero(~users.available()[0]).tolist() == [1, 4]
    assert np.flatnonzero(~users.available()[1]).tolist() == [0]
    assert users.rate_all().tolist() == [[0, 0, 0, 0.5, 0, 0], [0, 0, 0, 0, 4, 0]]


def test_what_is_shown_changes_nothing() -> None:
    users = LoggedUsers(TWO, 6)
    before, available = users.rate_all().copy(), users.available()
    available[:] = False
    users.after(np.array([[4], [4]]), users.rate(np.array([[4], [4]])))

    np.testing.assert_array_equal(users.rate_all(), before)
    assert users.available().all()


@pytest.mark.parametrize("known", [[3, 1], [1, 2], [-1, 1], [4, 1]])
def test_who_has_no_answers_left_is_refused(known: list[int]) -> None:
    with pytest.raises(WorldError, match=r"a person who rated \d movies has no answers after -?\d of them"):
        LoggedUsers(TWO, 6, np.array(known))


def test_who_rated_nothing_is_refused() -> None:
    nothing = History(np.empty(0, np.int64), np.empty(0, np.float32))
    with pytest.raises(WorldError, match="a person who rated 0 movies has no answers"):
        LoggedUsers([nothing], 6)
    with pytest.raises(WorldError, match="rated 0 movies"):
        logged_users(WORLD, WORLD.users_in("test")[:1])


@given(user=st.integers(0, WORLD.n_users - 1), seed=st.integers(0, 99))
def test_answers_are_those_of_the_worlds_log(user: int, seed: int) -> None:
    if user in WORLD.users_in("test"):
        return
    log = WORLD.history(user)
    slate = np.random.default_rng(seed).permutation(WORLD.n_movies)[:12]
    rated = dict(zip(log.movies.tolist(), log.stars.tolist(), strict=True))

    found = logged_users(WORLD, np.array([user])).rate(slate[None])[0]

    assert found.tolist() == [rated.get(movie, UNRATED) for movie in slate.tolist()]


def test_the_log_has_training_and_validation_users_and_nobody_else() -> None:
    for pool in ("train", "validation"):
        np.testing.assert_array_equal(logged_in(WORLD, pool), WORLD.users_in(pool))
    with pytest.raises(WorldError, match="no log of what test users really rated"):
        logged_in(WORLD, "test")
    lengths = np.diff(WORLD.log_starts)
    assert logged_in(WORLD, "train", 20).tolist() == [u for u in WORLD.users_in("train") if lengths[u] >= 20]
    with pytest.raises(WorldError, match="no log of what train users really rated"):
        logged_in(WORLD, "train", 31)


def test_a_world_without_a_log_says_what_to_do() -> None:
    with pytest.raises(WorldError, match=r"Fit it again \(`make pipeline`\)"):
        logged_in(small_world(), "train")


def test_sessions_reward_what_was_rated_and_liked() -> None:
    user = int(logged_in(WORLD, "train")[0])
    log = WORLD.history(user)
    loved, other = (int(log.movies[np.argmax(sign * log.stars)]) for sign in (1, -1))
    never = int(np.setdiff1d(np.arange(WORLD.n_movies), log.movies)[0])
    rewards = {}
    for kind in ("seen", "liked", "rating"):
        sessions = cold(WORLD, np.array([user]), reward=kind)
        rewards[kind] = [float(sessions.play(np.array([[movie]])).rewards[0]) for movie in (loved, other, never)]

    assert log.stars.max() > 3.5 > log.stars.min()
    assert rewards["seen"] == [1, 1, 0]
    assert rewards["liked"] == [1, 0, 0]
    assert rewards["rating"] == pytest.approx([log.stars.max() / 5, log.stars.min() / 5, 0])


def test_gains_are_held_against_the_best_that_could_have_been_shown() -> None:
    """And where nothing was left that was rated, nothing can be said."""
    user = int(logged_in(WORLD, "train")[0])
    log = WORLD.history(user)
    sessions = cold(WORLD, np.array([user]), slate_size=len(log.movies), episode_length=2)
    by_stars = log.movies[np.argsort(-log.stars, kind="stable")]
    first = sessions.play(by_stars[None])
    rest = np.setdiff1d(np.arange(WORLD.n_movies), log.movies)[: len(log.movies)]
    second = sessions.play(rest[None])

    assert first.ndcg[0] == pytest.approx(1)
    assert np.isnan(second.ndcg[0])
    assert (first.ctr[0], second.ctr[0]) == tuple((log.stars > 3.5).sum() / (n * len(log.movies)) for n in (1, 2))


def test_nobody_knows_the_taste_of_somebody_real() -> None:
    with pytest.raises(WorldError, match="nobody knows the taste"):
        _ = cold(WORLD, logged_in(WORLD, "train")[:2]).taste


def test_a_movie_is_shown_once() -> None:
    sessions = cold(WORLD, logged_in(WORLD, "train")[:1])
    sessions.play(np.array([[3]]))
    with pytest.raises(WorldError, match="movie 3 was shown before"):
        sessions.play(np.array([[3]]))


def test_sessions_do_not_depend_on_simulated_tastes() -> None:
    rng = np.random.default_rng(0)
    other = replace(WORLD, user_vectors=rng.normal(size=WORLD.user_vectors.shape))
    users = logged_in(WORLD, "validation")
    found = []
    for world in (WORLD, other):
        sessions, seen = cold(world, users), []
        for step in range(4):
            outcome = sessions.play(np.full((len(users), 1), 7 * step))
            seen += [outcome.ratings, sessions.observe(), sessions.expect()]
        found.append(seen)
    for one, two in zip(*found, strict=True):
        np.testing.assert_array_equal(one, two)


@given(lengths=st.lists(st.integers(2, 800), min_size=1, max_size=5), share=st.floats(0, 1))
def test_a_session_continues_a_log_where_something_is_known_and_something_comes(
    lengths: list[int], share: float
) -> None:
    counts = np.array(lengths)

    known = known_at(counts, share)

    assert (known >= 1).all()
    assert (known < counts).all()
    inside = (known > 1) & (known < counts - 1)
    assert (known[inside] == np.floor(counts[inside] * share)).all()


def test_sessions_that_continue_are_answered_by_a_quarter_of_the_log() -> None:
    log = History(np.arange(9), np.arange(9, dtype=np.float32) % 5 + 1)

    users = continued_users([log, log, log], 10, np.array([1, 5, 8]))

    answered = [np.flatnonzero(row).tolist() for row in users.rate_all()]
    assert answered == [[1, 2], [5, 6], [8]]
    assert (~users.available()).sum(axis=1).tolist() == [1, 5, 8]


def test_of_a_short_log_one_rating_comes_next() -> None:
    users = continued_users(TWO, 6, np.array([1, 1]))

    assert users.rate_all().tolist() == [[0, 2, 0, 0, 0, 0], [0, 0, 0, 0, 4, 0]]
