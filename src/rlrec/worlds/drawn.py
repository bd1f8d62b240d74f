"""More users than a world has: drawn from the Gaussian that its training users' tastes are spread as."""

from dataclasses import replace

import numpy as np

from rlrec.data.dataset.pools import POOLS
from rlrec.worlds.knowledge import Knowledge
from rlrec.worlds.world import World


def with_drawn_users(world: World, number: int, rng: np.random.Generator) -> World:
    """A world with `number` users more, all of them in the validation pool, after those that it has.

    Their tastes are drawn from the prior of training users' tastes; each has the demographics of one of these.
    Validation and test users count for nothing in it.

    Raises:
        WorldError: the world has no training users.
    """
    prior = Knowledge.of(world).representation().prior
    tastes = rng.multivariate_normal(prior.mean, prior.covariance, number, check_valid="ignore", method="eigh")
    alike = rng.choice(world.users_in("train"), number)
    return replace(
        world,
        user_vectors=np.concatenate([world.user_vectors, tastes.astype(np.float32)]),
        demographics=np.concatenate([world.demographics, world.demographics[alike]]),
        pools=np.concatenate([world.pools, np.full(number, POOLS.index("validation"), np.int8)]),
        user_ids=np.empty(0, np.int64),
        log_starts=np.append(world.log_starts, np.repeat(world.log_starts[-1:], number)),  # they rated nothing
    )
