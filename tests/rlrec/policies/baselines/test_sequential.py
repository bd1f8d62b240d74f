from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import informed, known, small_world

from rlrec.data.dataset.histories import History
from rlrec.environments.sessions import Sessions
from rlrec.environments.views import View
from rlrec.errors import WorldError
from rlrec.policies.baselines import Known
from rlrec.policies.baselines.neighbourhood import EASE
from rlrec.policies.baselines.sequential import Fading, MarkovChain, RecentEASE, followers
from rlrec.policies.policy import Note, Policy, Scores
from rlrec.settings.config import ScenarioConfig
from rlrec.testing.worlds import with_log
from rlrec.worlds.knowledge import Knowledge

WORLD = informed(small_world())


class Next(Fading):
    """Each movie is followed by the next."""

    name = "next"
    note = Note("Next", "Nothing.", "collaborative")

    def __init__(self, known: Known, half_life: float = 1.0) -> None:
        super().__init__(known, np.eye(known.knowledge.n_movies, k=1), half_life)


def after(policy: Policy, movies: list[int], stars: list[float], slate: int = 1) -> Scores:
    """Scores of one session in which these were shown."""
    view = View(Sessions(WORLD, np.array([3]), ScenarioConfig(episode_length=20)))
    policy.begin(view, np.random.default_rng(0))
    for start in range(0, len(movies), slate):
        own = slice(start, start + slate)
        policy.observe(np.array([movies[own]]), np.array([stars[own]], np.float32))
    return np.array(policy.scores(view))[0]


def chain(histories: list[list[int]], n_movies: int) -> Known:
    """Training users, and no others, who rated these movies in this order."""
    world = replace(small_world(n_users=len(histories), n_movies=n_movies), pools=np.zeros(len(histories), np.int8))
    told = [History(np.array(movies), np.full(len(movies), 4, np.float32)) for movies in histories]
    knowledge = Knowledge.of(with_log(world, told))
    return Known(knowledge, knowledge.answered.matrix("rating", n_movies) * 5)


@pytest.mark.parametrize("slate", [1, 3])
def test_a_rating_counts_half_as_much_after_each_half_life(slate: int) -> None:
    found = after(Next(known(WORLD)), [10, 20, 30], [5, 1, 3], slate)
    assert found[[11, 21, 31]].tolist() == [0.25, 0.5, 1]
    assert np.count_nonzero(found) == 3


def test_what_was_shown_and_not_rated_makes_nothing_older() -> None:
    policy = Next(known(WORLD))
    assert np.array_equal(after(policy, [10, 40, 20, 41, 42], [5, 0, 1, 0, 0]), after(policy, [10, 20], [5, 1]))


def test_with_no_rating_the_most_rated_movie_comes_first() -> None:
    policy, counts = Next(known(WORLD)), np.diff(known(WORLD).training_ratings("next").tocsc().indptr)
    for found in (after(policy, [], []), after(policy, [4, 7], [0, 0])):
        assert np.array_equal(found, counts)


def test_ease_with_a_history_that_never_fades_is_ease_of_clicks() -> None:
    clicked = known(WORLD)
    clicks = clicked.training_ratings("ease").sign()
    plain = EASE(replace(clicked, ratings=clicks), penalty=20.0, gain=1, centre=0)
    history = clicks[:1]
    faded = RecentEASE(clicked, penalty=20.0, half_life=np.inf)
    found = after(faded, history.indices.tolist(), [3.0] * history.nnz)
    assert found == pytest.approx(plain.predict(history)[0], abs=1e-5)


def test_the_latest_rating_matters_most() -> None:
    policy = RecentEASE(known(WORLD), penalty=20.0, half_life=0.01)
    assert after(policy, [10, 20, 30], [5, 1, 3]) == pytest.approx(after(policy, [30], [5]), abs=1e-6)


def test_followers_are_counted_within_the_window_and_not_from_person_to_person() -> None:
    rows, movies = np.array([0, 0, 0, 1, 1]), np.array([0, 1, 2, 2, 1])
    next_one = [[0, 1, 0], [0, 0, 1], [0, 1, 0]]
    assert followers(rows, movies, 3, 1).tolist() == next_one
    next_one[0][2] = 1
    assert followers(rows, movies, 3, 2).tolist() == next_one
    assert followers(rows, movies, 3, 9).tolist() == next_one


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), window=st.integers(1, 8))
def test_every_rating_is_followed_by_as_many_as_there_are(seed: int, window: int) -> None:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 12, 5)
    movies = np.concatenate([rng.permutation(15)[:n] for n in lengths])
    counts = followers(np.repeat(np.arange(5), lengths), movies, 15, window)
    assert counts.sum() == sum(min(window, n - 1 - at) for n in lengths.tolist() for at in range(n))
    assert not np.diag(counts).any()


def test_a_markov_chain_by_hand() -> None:
    # Movie 0 is followed by 1 twice and by 2 once, 1 by 2 once; 1 and 2 have half of these four transitions each.
    told = chain([[0, 1], [0, 1], [0, 2], [1, 2]], 3)
    policy = MarkovChain(told, window=1, half_life=1.0, shrinkage=2.0, discount=0.0)
    expected = np.array([[0, (2 + 1) / 5, (1 + 1) / 5], [0, 1 / 3, (1 + 1) / 3], [0, 0.5, 0.5]])
    assert policy._weights == pytest.approx(expected)
    halved = MarkovChain(told, window=1, half_life=1.0, shrinkage=2.0, discount=0.5)
    assert halved._weights == pytest.approx(expected / np.sqrt(0.5))


def test_a_markov_chain_goes_by_the_order_of_ratings() -> None:
    """Everybody rated the same; one movie is always followed by another, and never the other way round."""
    rng = np.random.default_rng(0)
    histories = []
    for _ in range(40):
        others = rng.permutation(8).tolist()
        at = int(rng.integers(9))
        histories.append([*others[:at], 8, 9, *others[at:]])
    policy = MarkovChain(chain(histories, 10), window=1, half_life=1.0, shrinkage=1.0, discount=0.5)
    assert policy._weights[8].argmax() == 9
    assert policy._weights[9].argmax() != 8


@pytest.mark.parametrize("histories", [[[0], [1], [2]], [[0, 1], [0], [2]]])
def test_where_nothing_follows_a_movie_the_chain_says_nothing(histories: list[list[int]]) -> None:
    policy = MarkovChain(chain(histories, 3), window=1, shrinkage=0.0)
    assert np.isfinite(policy._weights).all()
    assert not policy._weights[2].any()


def test_without_the_order_of_ratings_there_is_no_chain() -> None:
    with pytest.raises(WorldError, match="'markov' needs the order of ratings"):
        MarkovChain(known(small_world()))
