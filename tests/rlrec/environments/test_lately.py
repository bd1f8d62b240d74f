from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import informed, small_world

from rlrec.environments import lately
from rlrec.environments.lately import COUNTS, HALF_LIVES, AnswerHistory, RecentHistory
from rlrec.environments.sessions import Sessions
from rlrec.settings.config import ScenarioConfig
from rlrec.worlds.knowledge import Knowledge

WORLD = informed(small_world())
KNOWN = Knowledge.of(WORLD)
FEATURES = KNOWN.representation("watched").features
SCENARIO = ScenarioConfig(observation="recent", features="watched", episode_length=20, slate_size=3)
ANSWERS = SCENARIO.model_copy(update={"observation": "answers", "reward": "liked"})

STARS = st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.0, 3.5, 4.0, 5.0])
LOGS = st.lists(st.tuples(st.integers(0, WORLD.n_movies - 1), STARS), max_size=25, unique_by=lambda rated: rated[0])


def recent(batch: int = 1) -> RecentHistory:
    return RecentHistory(KNOWN, np.zeros((batch, 4), np.float32), SCENARIO)


def told(log: list[tuple[int, float]]) -> tuple[np.ndarray, np.ndarray]:
    rated = np.array(log, np.float64).reshape(1, -1, 2)
    return rated[..., 0].astype(np.int64), rated[..., 1].astype(np.float32)


def by_hand(log: list[tuple[int, float]]) -> np.ndarray:
    """The `recent` observation, one movie after another."""
    rated = [(movie, stars) for movie, stars in log if stars > 0]
    sums, counts = [], []
    for liked in (True, False):
        for half_life in HALF_LIVES.tolist():
            total = np.zeros(FEATURES.shape[1])
            for ago, (movie, stars) in enumerate(reversed(rated)):
                if (stars > 3.5) == liked:
                    total += 2 ** (-ago / half_life) * FEATURES[movie].astype(np.float64)
            sums.append(total / max(np.linalg.norm(total), 1e-6))
        counts.append(np.log1p(sum((stars > 3.5) == liked for _, stars in rated)) / COUNTS)
    return np.concatenate([*sums, counts])


@given(log=LOGS)
def test_decayed_sums_are_those_of_a_loop(log: list[tuple[int, float]]) -> None:
    history = recent()
    history.add(*told(log))

    np.testing.assert_allclose(history.observe()[0], by_hand(log), atol=2e-4)


@given(log=LOGS, cuts=st.lists(st.integers(0, 25), max_size=5))
def test_many_additions_are_one(log: list[tuple[int, float]], cuts: list[int]) -> None:
    movies, ratings = told(log)
    at_once, piece_by_piece = recent(), recent()
    at_once.add(movies, ratings)
    ends = [0, *sorted(min(cut, len(log)) for cut in cuts), len(log)]
    for number, (start, end) in enumerate(pairwise(ends)):
        add = piece_by_piece.add if number % 2 else piece_by_piece.add_steps
        add(movies[:, start:end], ratings[:, start:end])

    np.testing.assert_allclose(piece_by_piece.observe(), at_once.observe(), atol=2e-4)


@given(log=LOGS)
def test_what_was_not_rated_changes_nothing(log: list[tuple[int, float]]) -> None:
    with_silence, without = recent(), recent()
    with_silence.add(*told(log))
    without.add(*told([(movie, stars) for movie, stars in log if stars > 0]))
    with_silence.add(np.array([[3, 7]]), np.zeros((1, 2), np.float32))

    np.testing.assert_allclose(with_silence.observe(), without.observe(), atol=2e-4)


@given(logs=st.lists(LOGS.filter(lambda log: len(log) >= 8), min_size=1, max_size=4))
def test_what_one_rated_says_nothing_of_another(logs: list[list[tuple[int, float]]]) -> None:
    together = recent(len(logs))
    movies, ratings = (np.concatenate(parts) for parts in zip(*(told(log[:8]) for log in logs), strict=True))
    together.add(movies, ratings)

    for row, log in enumerate(logs):
        np.testing.assert_allclose(together.observe()[row], by_hand(log[:8]), atol=2e-4)


def test_blocks_of_people_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    movies, ratings = rng.integers(WORLD.n_movies, size=(9, 12)), rng.integers(0, 6, (9, 12)).astype(np.float32)
    found = []
    for cells in (lately._CELLS, 1):
        monkeypatch.setattr(lately, "_CELLS", cells)
        history = recent(9)
        history.add(movies, ratings)
        found.append(history.observe())
    np.testing.assert_allclose(found[1], found[0], atol=1e-6)


def test_who_rated_nothing_is_seen_as_zeros() -> None:
    assert not recent(2).observe().any()


@given(log=LOGS)
def test_bounds_hold(log: list[tuple[int, float]]) -> None:
    history = recent()
    history.add(*told(log))
    low, high = RecentHistory.bounds(KNOWN, SCENARIO)
    found = history.observe()[0]

    assert (found >= low).all()
    assert (found <= high).all()
    assert low.shape == high.shape == (RecentHistory.size(KNOWN, SCENARIO),) == found.shape


@given(log=LOGS)
def test_bounds_of_the_belief_hold(log: list[tuple[int, float]]) -> None:
    history = AnswerHistory(KNOWN, WORLD.demographics[:1], ANSWERS)
    history.add_steps(*told(log[:20]))
    low, high = AnswerHistory.bounds(KNOWN, ANSWERS)
    found = history.observe()[0]

    assert (found >= low).all()
    assert (found <= high).all()
    assert low.shape == high.shape == (AnswerHistory.size(KNOWN, ANSWERS),) == found.shape


@given(log=LOGS)
def test_the_same_steps_are_believed_one_by_one_and_at_once(log: list[tuple[int, float]]) -> None:
    movies, ratings = told(log[:20])
    at_once, one_by_one = (AnswerHistory(KNOWN, WORLD.demographics[:1], ANSWERS) for _ in range(2))
    at_once.add_steps(movies, ratings)
    for step in range(movies.shape[1]):
        one_by_one.add(movies[:, step : step + 1], ratings[:, step : step + 1])

    np.testing.assert_allclose(one_by_one.observe(), at_once.observe(), rtol=1e-6)


def test_the_observation_of_answers_says_who_it_is_and_how_far_the_session_is() -> None:
    users = np.arange(3)
    sessions = Sessions(WORLD, users, ANSWERS)
    sessions.record(np.array([[0, 1, 2]] * 3), np.array([[5, 0, 0]] * 3, np.float32))
    found = sessions.observe()

    np.testing.assert_allclose(found[:, -5:-1], WORLD.demographics[users])
    np.testing.assert_allclose(found[:, -1], 1 / 20)


def test_a_movie_that_was_not_rated_is_an_answer_to_the_belief() -> None:
    expected = []
    for stars in (None, 0, 5):
        history = AnswerHistory(KNOWN, WORLD.demographics[:1], ANSWERS)
        if stars is not None:
            history.add(np.array([[4]]), np.array([[stars]], np.float32))
        expected.append(history.belief.expect()[0, 4])
    assert expected[1] < expected[0] < expected[2]
