from dataclasses import replace

import numpy as np
import pytest
from camps import EMPTY, camps, history
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from worlds import known, small_world

from rlrec.policies.baselines.ials import IALS
from rlrec.policies.slates import top_slates


def loss(policy: IALS, users: np.ndarray, wanted: np.ndarray) -> float:
    """The sum of the paper, summed pair by pair."""
    products = users @ policy._movies.T
    found = ((products - 1) ** 2)[wanted].sum() + policy._unobserved * (products**2).sum()
    for factors, counts, others in (
        (users, wanted.sum(axis=1), wanted.shape[1]),
        (policy._movies, wanted.sum(axis=0), wanted.shape[0]),
    ):
        weights = (counts + policy._unobserved * others) ** policy._exponent
        found += policy._penalty * (weights * (factors**2).sum(axis=1)).sum()
    return float(found)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6), exponent=st.sampled_from([0.0, 0.5, 1.0]), like=st.sampled_from([0.0, 3.5]))
def test_folding_in_is_the_minimum_of_the_papers_loss(seed: int, exponent: float, like: float) -> None:
    policy = IALS(known(small_world()), factors=4, penalty=0.05, unobserved=0.2, exponent=exponent, like=like)
    rng = np.random.default_rng(seed)
    stars = np.where(rng.random((3, 80)) < 0.2, rng.integers(1, 6, (3, 80)), 0).astype(np.float32)
    stars[:, 0] = 5
    users, wanted = policy.fold_in(sparse.csr_array(stars)), stars > like
    best = loss(policy, users, wanted)
    for _ in range(5):
        assert loss(policy, users + rng.normal(0, 0.01, users.shape), wanted) > best


def test_every_iteration_lowers_the_loss() -> None:
    ratings = known(small_world()).training_ratings("ials")
    found = []
    for iterations in (1, 2, 4, 8):
        policy = IALS(known(small_world()), factors=4, penalty=0.05, unobserved=0.2, iterations=iterations)
        found.append(loss(policy, policy.fold_in(ratings), ratings.toarray() > 0))
    assert found == sorted(found, reverse=True)
    assert found[0] > found[-1]


@pytest.mark.parametrize("camp", [0, 1])
def test_after_a_few_ratings_the_rest_of_what_the_user_likes_comes_first(camp: int) -> None:
    rated = history([movie + 40 * camp for movie in (3, 9, 14)], [])
    scores = IALS(camps(), factors=2, like=3.5).predict(rated)
    first = top_slates(scores, rated.toarray() == 0, 30)[0]
    assert (first // 40 == camp).all()


def test_before_the_first_movie_that_counts_a_user_is_the_average_training_user() -> None:
    policy = IALS(camps(), factors=8, like=3.5)
    assert np.array_equal(policy.fold_in(EMPTY), policy.fold_in(history([], [5])))
    own = policy.fold_in(camps().training_ratings("ials"))
    assert policy.fold_in(EMPTY)[0] == pytest.approx(own.mean(axis=0))


def test_the_seed_decides() -> None:
    rated = known(small_world()).training_ratings("ials")[:5]
    first, again, other = (
        IALS(replace(known(small_world()), seed=seed), iterations=2).predict(rated) for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)
