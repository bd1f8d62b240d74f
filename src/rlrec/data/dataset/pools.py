"""Users that agents are trained on, that choices are made on, and that policies are judged on."""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Pool = Literal["train", "validation", "test", "all"]
POOLS: tuple[str, ...] = get_args(Pool)[:3]
FEWEST_USERS = len(POOLS)
WHY_THREE = "one to learn from, one to choose by and one to judge by"
"""What the fewest users are needed for."""


def draw_pools(n_users: int, train: float, validation: float, rng: np.random.Generator) -> NDArray[np.int8]:
    """Splits users at random: `(U,)` int8 with 0 = train, 1 = validation and 2 = test.

    Every pool gets at least one user where there are three or more; training always does.
    """
    order = rng.permutation(n_users)
    spare = 1 if n_users >= FEWEST_USERS else 0
    # Training comes first: an agent without users to learn from is of no use.
    n_validation = min(max(round(validation * n_users), spare), n_users - 1 - spare)
    n_train = min(max(round(train * n_users), 1), n_users - n_validation - spare)
    pools = np.full(n_users, 2, np.int8)
    pools[order[:n_train]] = 0
    pools[order[n_train : n_train + n_validation]] = 1
    return pools
