import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import ndcg_score

from rlrec.metrics.gains import dcg
from rlrec.worlds.dynamics import best_rating, rate, react, recover, reward, worth

FAR = 1e9


def react_one(taste: list[float], genres: list[list[int]], ratings: list[float], **settings: float) -> list[float]:
    """Taste of a single user after a slate."""
    defaults = {"delta": 1.0, "threshold": 3.0, "affinity_cap": FAR}
    after = react(
        np.array([taste], np.float32),
        np.array([genres], bool),
        np.array([ratings], np.float32),
        **(defaults | settings),
    )
    return after[0].tolist()


def test_a_rating_is_the_clipped_dot_product():
    # Taste (3, 1, 0.5): 3 + 0 + 0.5 = 3.5; 3 + 4 + 0 = 7, clipped to 5; 3 - 4 + 0.5 = -0.5, clipped to 1.
    taste = np.array([[3, 1, 0.5]], np.float32)
    movies = np.array([[1, 0, 1], [1, 4, 0], [1, -4, 1]], np.float32)
    assert rate(taste, movies).tolist() == [[3.5, 5.0, 1.0]]
    assert rate(taste, movies[None]).tolist() == [[3.5, 5.0, 1.0]]
    assert rate(taste, movies).dtype == np.float32


@pytest.mark.parametrize("low", [0, -9], ids=["some are liked", "nothing is"])
def test_the_best_rating_is_the_highest_of_all_that_are_available(low):
    rng = np.random.default_rng(3)
    taste, catalogue = rng.normal(size=(6, 4)).astype(np.float32), rng.normal(size=(4, 30)).astype(np.float32)
    catalogue[0] += low
    taste[:, 0] = np.abs(taste[:, 0])
    available = rng.random((6, 30)) < 0.3
    movies = np.arange(6)
    available[np.arange(6), movies] = True
    ratings = rate(taste, catalogue.T)
    known = ratings[np.arange(6), movies]
    expected = np.where(available, ratings, 0).max(axis=1)
    np.testing.assert_allclose(best_rating(taste, catalogue, available, movies, known), expected, rtol=1e-6)
    # What is known of the movies counts, whatever their vectors say: there is no better one than a five.
    assert (best_rating(taste, catalogue, available, movies, np.full(6, 5, np.float32)) == 5).all()


def test_a_liked_movie_multiplies_the_affinities_to_its_genres():
    # Two latent entries, then three affinities. Genres 0 and 2 are the movie's: 0.5 * (1 + 1) = 1, -0.2 * 2 = -0.4.
    assert react_one([9, 9, 0.5, 0.25, -0.125], [[1, 0, 1]], [4]) == [9, 9, 1.0, 0.25, -0.25]


def test_a_movie_rated_exactly_at_the_threshold_is_liked_and_one_just_below_is_not():
    below = float(np.nextafter(np.float32(3), np.float32(0)))
    assert react_one([0.5], [[1]], [3.0]) == [1.0]
    assert react_one([0.5], [[1]], [below]) == [0.5]
    assert react_one([0.5], [[1]], [3.5], threshold=4.0) == [0.5]


def test_boredom_shrinks_and_a_static_user_stays():
    # 0.5 * (1 - 0.5) = 0.25; 0.5 * (1 + 0) = 0.5.
    assert react_one([0.5, 0.5], [[1, 0]], [5], delta=-0.5) == [0.25, 0.5]
    assert react_one([0.5, 0.5], [[1, 1]], [5], delta=0.0) == [0.5, 0.5]


def test_each_liked_movie_of_a_slate_multiplies_in_turn():
    # Movies A (genres 0, 1), B (genre 1), disliked C (all), D (genre 1), delta 0.5:
    # genre 0: 1 * 1.5 (A) = 1.5; genre 1: 1 * 1.5 (A) * 1.5 (B) * 1.5 (D) = 3.375; genre 2: only C, untouched.
    genres = [[1, 1, 0], [0, 1, 0], [1, 1, 1], [0, 1, 0]]
    assert react_one([1, 1, 1], genres, [3, 4, 2.9, 5], delta=0.5) == [1.5, 3.375, 1.0]


def test_affinities_stop_at_the_cap_on_both_sides():
    # 3 * 2 = 6 -> 5, again 5 * 2 = 10 -> 5; -2 * 2 = -4, -4 * 2 = -8 -> -5; the genre not shown keeps its 3.
    assert react_one([3, -2, 3], [[1, 1, 0], [1, 1, 0]], [4, 4], affinity_cap=5.0) == [5.0, -5.0, 3.0]


def test_what_the_cap_cut_off_does_not_come_back():
    # 2 * 4 = 8 -> 5, then 5 / 2 = 2.5; without the cap it would be 2 * 4 / 2 = 4.
    after = react_one([2], [[1]], [4], delta=3.0, affinity_cap=5.0)
    assert react_one(after, [[1]], [4], delta=-0.5, affinity_cap=5.0) == [2.5]


def test_the_given_taste_is_left_alone():
    taste = np.ones((1, 1), np.float32)
    react(taste, np.ones((1, 1, 1), bool), np.full((1, 1), 5, np.float32), delta=1, threshold=3, affinity_cap=5)
    assert taste.tolist() == [[1.0]]


def test_users_of_a_batch_do_not_touch_each_other():
    taste = np.ones((2, 2), np.float32)
    genres = np.array([[[1, 0]], [[0, 1]]], bool)
    ratings = np.array([[4], [2]], np.float32)
    assert react(taste, genres, ratings, delta=1, threshold=3, affinity_cap=5).tolist() == [[2, 1], [1, 1]]


@given(
    taste=hnp.arrays(np.float32, (3, 6), elements=st.floats(-5, 5, width=32)),
    genres=hnp.arrays(bool, (3, 4, 4)),
    ratings=hnp.arrays(np.float32, (3, 4), elements=st.floats(1, 5, width=32)),
    delta=st.floats(-1, 3),
)
def test_a_slate_equals_its_movies_one_after_another(taste, genres, ratings, delta):
    settings = {"delta": delta, "threshold": 3.0, "affinity_cap": 5.0}
    together = react(taste, genres, ratings, **settings)
    one_by_one = taste
    for k in range(4):
        one_by_one = react(one_by_one, genres[:, k : k + 1], ratings[:, k : k + 1], **settings)
    np.testing.assert_array_equal(together, one_by_one)
    np.testing.assert_array_equal(together[:, :2], taste[:, :2])
    assert np.abs(together[:, 2:]).max() <= 5


def test_the_reward_mixes_ratings_and_non_violence():
    ratings, violence = np.array([[4.0, 2.0]], np.float32), np.array([[0.25, 1.0]], np.float32)
    # (4 + 2) / 2 / 5 = 0.6
    assert reward(ratings, violence, 0.0)[0] == pytest.approx(0.6)
    # λ = 0.5: (0.5 * 4 + 0.5 * 0.75 + 0.5 * 2 + 0.5 * 0) / 2 / 5 = (2.375 + 1) / 10 = 0.3375
    assert reward(ratings, violence, 0.5)[0] == pytest.approx(0.3375)
    # λ = 1: (0.75 + 0) / 2 / 5 = 0.075
    assert reward(ratings, violence, 1.0)[0] == pytest.approx(0.075)


def test_dcg_discounts_by_the_logarithm_of_the_position():
    # 5 / log2(2) + 3 / log2(3) + 2 / log2(4) = 5 + 1.892789 + 1
    assert dcg(np.array([5.0, 3.0, 2.0], np.float32)) == pytest.approx(7.892789, abs=1e-6)


@given(st.lists(st.floats(1, 5, width=32), min_size=2, max_size=8))
def test_dcg_over_that_of_the_sorted_slate_is_scikit_learns_ndcg(ratings):
    given_order = np.array(ratings, np.float32)
    ranks = -np.arange(len(ratings), dtype=float)
    expected = ndcg_score(given_order[None].astype(float), ranks[None])
    assert dcg(given_order) / dcg(np.sort(given_order)[::-1]) == pytest.approx(expected, abs=1e-6)


def test_recovery_goes_a_share_of_the_way_back() -> None:
    taste, start = np.array([[3.0, 1.0, -2.0]], np.float32), np.array([[3.0, 2.0, 2.0]], np.float32)

    # 1 + 0.25 · (2 - 1) and -2 + 0.25 · (2 + 2)
    np.testing.assert_allclose(recover(taste, start, 0.25), [[3.0, 1.25, -1.0]])
    np.testing.assert_array_equal(recover(taste, start, 0.0), taste)
    np.testing.assert_array_equal(recover(taste, start, 1.0), start)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("rating", [0, 0.5, 3.5, 4, 5]), ("liked", [0, 0, 0, 5, 5]), ("seen", [0, 5, 5, 5, 5])],
)
def test_what_answers_are_worth_by_hand(kind, expected):
    found = worth(np.array([[0, 0.5, 3.5, 4, 5]]), kind)
    assert found.tolist() == [expected]
    assert found.dtype == np.float32
    ratings = np.array([[0, 0.5, 3.5, 4, 5]], np.float32)
    mean = np.mean(expected) / 5
    assert reward(ratings, np.zeros((1, 5)), 0.0, kind)[0] == pytest.approx(mean)
    assert reward(ratings, np.full((1, 5), 0.2), 0.0, kind)[0] == pytest.approx(mean)


def test_what_a_rating_is_worth_is_no_view_of_it():
    ratings = np.ones((1, 2), np.float32)
    worth(ratings, "rating")[:] = 9
    assert ratings.tolist() == [[1, 1]]
