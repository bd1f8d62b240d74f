import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from worlds import known, small_world

from rlrec.environments.sessions import Sessions
from rlrec.environments.views import View
from rlrec.policies.baselines import BASELINES
from rlrec.policies.baselines.fold_in import FoldIn, preferences
from rlrec.policies.policy import Scores
from rlrec.settings.config import ScenarioConfig

WORLD = small_world()
SCENARIO = ScenarioConfig(delta=0, episode_length=8)
POLICIES = {name: BASELINES[name](known(WORLD)) for name in ("item_knn", "als", "bpr", "ease", "linucb")}


def after(name: str, slates: np.ndarray, ratings: np.ndarray) -> Scores:
    """Scores of one session after `(T, K)` slates."""
    policy, view = POLICIES[name], View(Sessions(WORLD, np.array([3]), SCENARIO))
    policy.begin(view, np.random.default_rng(0))
    for slate, rated in zip(slates, ratings, strict=True):
        policy.observe(slate[None], rated[None].astype(np.float32))
    return np.array(policy.scores(view))


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6))
@pytest.mark.parametrize("name", POLICIES)
def test_it_does_not_matter_in_which_order_ratings_came_nor_how_they_were_grouped(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    movies, stars = rng.permutation(WORLD.n_movies)[:12], rng.integers(1, 6, 12)
    order = rng.permutation(12)
    in_slates = after(name, movies.reshape(4, 3), stars.reshape(4, 3))
    one_by_one = after(name, movies[order, None], stars[order, None])
    assert one_by_one == pytest.approx(in_slates, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("name", POLICIES)
def test_sessions_of_a_batch_have_nothing_to_do_with_one_another(name: str) -> None:
    policy, view = POLICIES[name], View(Sessions(WORLD, np.array([3, 5, 7]), SCENARIO))
    slates = np.array([[1, 2], [30, 4], [5, 60]])
    ratings = np.array([[5, 4], [1, 5], [2, 2]], np.float32)
    policy.begin(view, np.random.default_rng(0))
    policy.observe(slates, ratings)
    together = np.array(policy.scores(view))
    for row in range(3):
        assert together[row] == pytest.approx(after(name, slates[row, None], ratings[row, None])[0], abs=1e-4)


@pytest.mark.parametrize("name", [name for name, policy in POLICIES.items() if isinstance(policy, FoldIn)])
def test_of_a_movie_shown_twice_the_later_rating_counts(name: str) -> None:
    changed = after(name, np.array([[4], [9], [4]]), np.array([[1], [3], [5]]))
    assert np.array_equal(changed, after(name, np.array([[4], [9]]), np.array([[5], [3]])))


def test_preferences_need_not_be_symmetric() -> None:
    stars = sparse.csr_array(np.array([[5, 0, 3, 1], [0, 0, 0, 0]], np.float32))
    assert preferences(stars, 3.5, 0.25).toarray().tolist() == [[1, 0, -0.25, -0.25], [0] * 4]
    assert preferences(stars, 0, 1).toarray().tolist() == [[1, 0, 1, 1], [0] * 4]
    assert preferences(stars, 3.5, 0).nnz == 1
    assert stars.nnz == 3
