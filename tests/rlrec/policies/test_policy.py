import numpy as np

from rlrec.policies.policy import session_generators


def test_session_generators_depend_on_the_user_alone() -> None:
    together = [g.random() for g in session_generators([4, 9, 2], np.random.default_rng(1))]
    alone = [session_generators([user], np.random.default_rng(1))[0].random() for user in (4, 9, 2)]
    assert together == alone
    assert len(set(together)) == 3
