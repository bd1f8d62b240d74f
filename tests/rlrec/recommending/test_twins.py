import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as drawn

from rlrec.recommending.twins import best_twins, without_twins

CASES = st.integers(1, 12).flatmap(
    lambda n: st.tuples(
        drawn.arrays(np.float32, n, elements=st.sampled_from([0.0, 0.5, 1.0])),
        drawn.arrays(np.bool_, n),
        drawn.arrays(np.int64, n, elements=st.integers(0, 4)),
    )
)


@given(CASES)
def test_each_title_that_was_not_seen_stands_once_by_its_best_id(case) -> None:
    scores, available, same = case
    left = without_twins(available, same)
    best = best_twins(scores, left, same)
    seen = set(same[~available].tolist())
    assert sorted(same[best].tolist()) == sorted(set(same.tolist()) - seen)
    for movie in np.flatnonzero(best):
        assert scores[movie] == scores[(same == same[movie]) & left].max()
