import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from rlrec.metrics.gains import dcg, ndcg


def best(catalogue: np.ndarray, k: int) -> np.ndarray:
    return np.sort(catalogue, axis=-1)[..., : -k - 1 : -1]


def test_dcg_and_ndcg_by_hand() -> None:
    # 2 + 4/log2(3) + 1/2 = 5.02372; the ideal of the catalogue is 5, 4, 2: 5 + 4/log2(3) + 2/2 = 8.52372.
    gains, catalogue = np.array([2.0, 4.0, 1.0]), np.array([5.0, 2.0, 4.0, 1.0])
    assert dcg(gains) == pytest.approx(5.02372, abs=1e-5)
    assert ndcg(gains, best(catalogue, 3)) == pytest.approx(5.02372 / 8.52372, abs=1e-5)


def test_one_ideal_may_stand_for_all_lists() -> None:
    # Three fives: 5 · (1 + 0.63093 + 0.5) = 10.65465.
    lists = np.array([[2.0, 4.0, 1.0], [5.0, 5.0, 5.0]])
    assert ndcg(lists, np.full(3, 5.0)) == pytest.approx([5.02372 / 10.65465, 1.0], abs=1e-5)


def test_the_ideal_list_is_worth_one_only_in_the_ideal_order() -> None:
    catalogue = np.array([1.0, 5.0, 3.0, 4.0])
    assert ndcg(np.array([5.0, 4.0, 3.0]), best(catalogue, 3)) == pytest.approx(1)
    assert ndcg(np.array([3.0, 4.0, 5.0]), best(catalogue, 3)) < 0.95


def test_where_nothing_could_be_gained_there_is_no_share() -> None:
    assert np.isnan(ndcg(np.zeros((2, 3)), np.zeros((2, 3)))).all()


@given(st.integers(0, 2**32 - 1), st.integers(1, 10))
def test_it_agrees_with_sklearn(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    truth, scores = rng.uniform(1, 5, (4, 15)), rng.random((4, 15))
    lists = np.argsort(-scores, axis=1)[:, :k]
    ours = ndcg(np.take_along_axis(truth, lists, axis=1), best(truth, k))
    assert ours.mean() == pytest.approx(ndcg_score(truth, scores, k=k), abs=1e-9)
