from dataclasses import replace

import numpy as np
import pytest
from camps import EMPTY, camps, history
from scipy import sparse
from worlds import known, small_world

from rlrec.policies.baselines.factors import ALS, BPR
from rlrec.policies.slates import top_slates


@pytest.mark.parametrize("make", [ALS, BPR])
@pytest.mark.parametrize("disliked", [[], [41, 77]])
@pytest.mark.parametrize("camp", [0, 1])
def test_after_a_few_ratings_the_rest_of_what_the_user_likes_comes_first(make, disliked: list[int], camp: int) -> None:
    def of_camp(movies: list[int]) -> list[int]:
        return [(movie + 40 * camp) % 80 for movie in movies]

    rated = history(of_camp([3, 9, 14]), of_camp(disliked))
    scores = make(camps(), factors=8).predict(rated)
    first = top_slates(scores, rated.toarray() == 0, 30)[0]
    assert (first // 40 == camp).all()


@pytest.mark.parametrize("make", [ALS, BPR])
def test_before_the_first_liked_movie_a_user_is_the_average_training_user(make) -> None:
    policy = make(camps(), factors=8)
    unknown, disappointed = policy.fold_in(EMPTY), policy.fold_in(history([], [5]))
    assert unknown == pytest.approx(disappointed)
    own = policy.fold_in(camps().training_ratings("als"))
    assert np.linalg.norm(unknown - own.mean(axis=0)) < 0.2 * np.linalg.norm(own, axis=1).mean()


@pytest.mark.parametrize("make", [ALS, BPR])
def test_the_seed_decides(make) -> None:
    world = small_world()
    rated = known(world).training_ratings("als")[:5]
    first, again, other = (make(replace(known(world), seed=seed)).predict(rated) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)


def test_als_gives_a_training_user_the_factors_of_training() -> None:
    ratings = known(small_world()).training_ratings("als")
    policy = ALS(known(small_world()), factors=4, penalty=1.0, iterations=200)
    trained = policy._model.user_factors
    # Nearly: the movies' factors were solved for once more after the users', and by a few conjugate gradients.
    assert np.abs(policy.fold_in(ratings) - trained).max() < 0.05 * np.abs(trained).max()


def test_als_solves_the_normal_equations_of_confidence() -> None:
    policy = ALS(known(small_world()), factors=4, penalty=2.0, alpha=6.0, dislike=0.5)
    movies = policy._model.item_factors.astype(np.float64)
    found = policy.fold_in(history([3, 9], [20, 21, 22]))[0]
    confidence, wanted = np.ones(80), np.zeros(80)
    confidence[[3, 9]], confidence[[20, 21, 22]], wanted[[3, 9]] = 6, 3, 1
    left = (movies * confidence[:, None]).T @ movies + 2 * np.eye(4)
    assert found == pytest.approx(np.linalg.solve(left, movies.T @ (confidence * wanted)), rel=1e-3)


def test_bpr_folds_in_by_its_own_loss() -> None:
    """Against the gradient of the loss to second order, summed over all pairs one by one."""
    policy = BPR(known(small_world()), factors=6, prior=0.7, dislike=0.25)
    ratings = known(small_world()).training_ratings("bpr")
    likes = (ratings > 3.5).sum(axis=0)
    liked, lower = [3, 9, 40], [20, 21]
    weights = 0.75 * likes / likes.sum()
    weights[lower] += 0.25 / 2
    user = policy.fold_in(history(liked, lower))[0]
    gradient = -0.7 * (user - policy._typical)
    for i in liked:
        for j in range(80):
            lead = policy._movies[i] - policy._movies[j]
            margin = user @ lead + (policy._biases[i] - policy._biases[j])[0]
            gradient += weights[j] * (2 - margin) / 4 * lead
    assert gradient == pytest.approx(np.zeros(6), abs=1e-9)


def test_bpr_orders_what_a_training_user_rated_better_than_the_average_order_does() -> None:
    world = small_world(n_users=200)
    ratings = known(world).training_ratings("bpr")
    policy = BPR(known(world), dislike=0.0)
    scores, stars = policy.predict(ratings), ratings.toarray()

    def share_in_order(scores: np.ndarray) -> float:
        rows = zip(scores, stars > 3.5, (stars > 0) & (stars < 3.5), strict=True)
        found = [row[liked][:, None] > row[lower] for row, liked, lower in rows if liked.any() and lower.any()]
        return float(np.mean([pairs.mean() for pairs in found]))

    average = np.broadcast_to(policy.predict(EMPTY), stars.shape)
    assert share_in_order(scores) > max(0.8, share_in_order(average) + 0.05)


def test_what_nobody_liked_comes_last_in_bpr() -> None:
    ratings = camps().ratings
    assert ratings is not None
    stars = ratings.toarray()
    stars[:, 7] = np.minimum(stars[:, 7], 3)
    policy = BPR(replace(camps(), ratings=sparse.csr_array(stars)))
    assert policy.predict(EMPTY)[0].argmin() == 7


def test_what_most_people_liked_may_count_beside() -> None:
    plain, popular = (BPR(camps(), popularity=weight).predict(EMPTY)[0] for weight in (0.0, 2.0))
    likes = (camps().training_ratings("bpr") > 3.5).sum(axis=0)
    assert popular - plain == pytest.approx(2 * np.log(likes))
