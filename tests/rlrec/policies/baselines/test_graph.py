from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from worlds import known, small_world

from rlrec.policies.baselines.graph import RP3Beta, walk_weights
from rlrec.worlds.knowledge import Knowledge

SEEN = sparse.csr_array(np.array([[1.0, 1, 0], [1, 1, 1], [0, 0, 1]]))


def test_walks_by_hand() -> None:
    # Both users of movie 0 rated movie 1, one among two and one among three movies; movie 1 has the same two users.
    found = walk_weights(SEEN, alpha=1, beta=0, neighbours=3)
    from_first = [0, 1 / 2 * 1 / 2 + 1 / 2 * 1 / 3, 1 / 2 * 1 / 3]
    from_last = [1 / 2 * 1 / 3, 1 / 2 * 1 / 3, 0]
    assert found == pytest.approx(np.array([from_first, [from_first[1], 0, from_first[2]], from_last]))


def test_popular_movies_are_held_back() -> None:
    plain, held = (walk_weights(SEEN, alpha=0.5, beta=beta, neighbours=3) for beta in (0, 0.7))
    assert held == pytest.approx(plain / 2**0.7)  # two users rated each


def test_only_the_nearest_of_each_movie_are_kept() -> None:
    found = walk_weights(SEEN, alpha=1, beta=0, neighbours=1)
    assert (found > 0).tolist() == [[False, True, False], [True, False, False], [True, True, False]]  # a tie stays


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_a_walk_ends_somewhere(seed: int) -> None:
    """From every movie that anybody rated, the chances of where two steps lead add up to 1."""
    seen = sparse.csr_array((np.random.default_rng(seed).random((12, 9)) < 0.3).astype(float))
    found = walk_weights(seen, alpha=1, beta=0, neighbours=9)
    back = [sum(1 / row.sum() for row in seen.toarray() if row[j]) / max(seen.sum(axis=0)[j], 1) for j in range(9)]
    rated = seen.sum(axis=0) > 0
    assert (found.sum(axis=1) + back)[rated] == pytest.approx(1)
    assert not found[~rated].any()


def test_what_was_rated_counts_and_not_how() -> None:
    policy = RP3Beta(known(small_world()))
    high, low = np.zeros((2, 1, 80), np.float32)
    high[0, [3, 9]], low[0, [3, 9]] = 5, 1
    found = policy.predict(sparse.csr_array(high))
    assert np.array_equal(found, policy.predict(sparse.csr_array(low)))
    assert found[0] == pytest.approx(policy._weights[3] + policy._weights[9])


def test_without_a_history_the_most_rated_movie_comes_first() -> None:
    world = replace(small_world(n_users=3, n_movies=3), pools=np.zeros(3, np.int8))
    policy = RP3Beta(replace(known(small_world()), knowledge=Knowledge.of(world), ratings=SEEN * 4))
    assert policy.predict(sparse.csr_array((1, 3), dtype=np.float32)).tolist() == [[2, 2, 2]]
