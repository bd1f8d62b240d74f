import doctest
from dataclasses import replace

import numpy as np
import pytest
from worlds import known, small_world

from rlrec.evaluation import examples
from rlrec.evaluation.evaluate import SESSIONS
from rlrec.evaluation.examples import example_sessions, typical
from rlrec.policies.baselines import BASELINES
from rlrec.policies.playing import play
from rlrec.settings.config import Config, derive_seed

WORLD = small_world(4)
NO_IDS = np.empty(0, np.int64)
NAMES = ["Action", "Comedy", "Drama", "Horror", "War"]
CONFIG = Config.model_validate(
    {
        "scenario": {"episode_length": 6, "slate_size": 2},
        "learners": {"a3c": {"algorithm": "a3c", "rollout": 6}},
        "report": {"example_sessions": 3},
    }
)


def test_examples_in_docstrings_run() -> None:
    result = doctest.testmod(examples)
    assert result.attempted >= 2
    assert result.failed == 0


@pytest.mark.parametrize(("n_users", "n"), [(1, 1), (1, 20), (5, 20), (9, 3), (142, 3), (7, 7)])
def test_typical_places_are_distinct_and_in_the_ranking(n_users: int, n: int) -> None:
    places = typical(n_users, n)
    assert len(set(places)) == len(places) == min(n, n_users)
    assert 0 <= places[0] <= places[-1] < n_users


def test_sessions_are_told_as_they_were_played() -> None:
    told = example_sessions(BASELINES["random"](known(WORLD)), WORLD, CONFIG, genre_names=NAMES, top_genres=5)
    seed = derive_seed(CONFIG.seed, SESSIONS)
    users = WORLD.users_in("test")
    played = play(BASELINES["random"](known(WORLD)), WORLD, users, CONFIG.scenario, seed, keep_tastes=True)
    assert played.tastes is not None
    assert len(told.sessions) == 3
    for session in told.sessions:
        row = users.tolist().index(session.user)
        assert session.user_id == session.user + 1
        assert session.earned == pytest.approx(played.rewards[row].sum(), rel=1e-5)
        assert [step.step for step in session.steps] == [1, 2, 3, 4, 5, 6]
        for t, step in enumerate(session.steps):
            assert [movie.movie for movie in step.movies] == played.slates[row, t].tolist()
            assert [movie.rating for movie in step.movies] == played.ratings[row, t].tolist()
            assert step.reward == played.rewards[row, t]
            for name, value in step.affinities_before.items():
                assert value == played.tastes[row, t, NAMES.index(name)]
            for name, value in step.affinities_after.items():
                assert value == played.tastes[row, t + 1, NAMES.index(name)]
            for movie in step.movies:
                assert movie.title == WORLD.titles[movie.movie]
                assert movie.movie_id == 2 * movie.movie + 1
                assert [NAMES.index(name) for name in movie.genres] == np.flatnonzero(
                    WORLD.genres[movie.movie]
                ).tolist()


def test_users_come_from_the_lowest_the_middle_and_the_highest_third() -> None:
    told = example_sessions(BASELINES["oracle"](known(WORLD)), WORLD, CONFIG)
    quantiles = [session.quantile for session in told.sessions]
    assert quantiles == pytest.approx([1 / 6, 1 / 2, 5 / 6], abs=1 / told.n_users)
    returns = [session.earned for session in told.sessions]
    assert returns == sorted(returns)


def test_the_genres_told_are_those_that_moved_most() -> None:
    told = example_sessions(BASELINES["oracle"](known(WORLD)), WORLD, CONFIG, genre_names=NAMES, top_genres=2)
    everything = example_sessions(BASELINES["oracle"](known(WORLD)), WORLD, CONFIG, genre_names=NAMES, top_genres=5)
    for short, full in zip(told.sessions, everything.sessions, strict=True):
        start, end = full.steps[0].affinities_before, full.steps[-1].affinities_after
        moves = sorted(NAMES, key=lambda name: -abs(end[name] - start[name]))
        assert short.genres == moves[:2] == full.genres[:2]
        assert list(short.steps[0].affinities_before) == short.genres


def test_fewer_test_users_than_examples_are_all_told() -> None:
    world = small_world(0, n_users=6)
    config = CONFIG.model_copy(update={"report": CONFIG.report.model_copy(update={"example_sessions": 20})})
    told = example_sessions(BASELINES["oracle"](known(world)), world, config)
    assert len(told.sessions) == told.n_users == 1


def test_movies_without_titles_are_told_by_number() -> None:
    bare = replace(WORLD, titles=np.empty(0, np.str_), movie_ids=NO_IDS, user_ids=NO_IDS)
    session = example_sessions(BASELINES["oracle"](known(bare)), bare, CONFIG).sessions[0]
    movie = session.steps[0].movies[0]
    assert movie.title == f"movie {movie.movie}"
    assert movie.movie_id == movie.movie
    assert session.user_id == session.user
