import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlrec.agents.actor_critic import leaves as module
from rlrec.agents.actor_critic.leaves import Leaves


def there(leaves: Leaves) -> np.ndarray:
    return ((leaves.present[:, None] >> np.arange(leaves.slots)) & 1).astype(bool)


@settings(deadline=None, max_examples=40)
@given(st.integers(24, 400), st.integers(1, 4), st.integers(2, 6), st.integers(0, 99))
def test_every_movie_is_in_one_leaf_and_leaves_are_of_a_size(n: int, buckets: int, leaf: int, seed: int) -> None:
    if n < 2 * buckets * leaf:
        return
    rng = np.random.default_rng(seed)
    vectors = rng.integers(0, 3, (n, 4)).astype(np.float32)  # many are alike

    found = Leaves.of(vectors, np.eye(4, dtype=np.float32), buckets, rng, leaf)

    assert sorted(found.members[there(found)].tolist()) == list(range(n))
    sizes = there(found).sum(axis=1)
    assert sizes.min() >= 1
    assert sizes.max() <= 2 * leaf + 1
    assert found.per_bucket >= 2
    assert len(found.members) == found.buckets * found.per_bucket * found.per_node


def test_moments_are_those_of_the_members(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_NODES", 8)
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(150, 3)).astype(np.float32)
    found = Leaves.of(vectors, np.eye(3, dtype=np.float32), 2, rng, 4)
    assert found.per_node > 1
    mean, variance, node_mean, node_variance = found.moments(vectors)
    groups = [row[mask] for row, mask in zip(found.members, there(found), strict=True)]
    of_nodes = [np.concatenate(groups[i : i + found.per_node]) for i in range(0, len(groups), found.per_node)]
    for which, means, variances in ((groups, mean, variance), (of_nodes, node_mean, node_variance)):
        np.testing.assert_allclose(means, [vectors[g].mean(axis=0) for g in which], atol=1e-5)
        np.testing.assert_allclose(variances, [vectors[g].var(axis=0) for g in which], atol=1e-5)


def test_what_is_rated_alike_lies_together_by_what_tastes_differ_in() -> None:
    vectors = np.random.default_rng(0).normal(size=(512, 2)).astype(np.float32)
    found = Leaves.of(vectors, np.diag([1.0, 1e-6]).astype(np.float32), 2, np.random.default_rng(0), 4)
    variance = found.moments(vectors)[1].mean(axis=0)
    assert variance[0] < 0.01
    assert variance[1] > 0.5
