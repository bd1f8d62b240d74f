"""People of two camps, whose histories tell which of them they belong to."""

import numpy as np
from scipy import sparse

from rlrec.policies.baselines import Known
from rlrec.testing import small_world
from rlrec.worlds.knowledge import Knowledge

EMPTY = sparse.csr_array((1, 80), dtype=np.float32)


def camps(seed: int = 0) -> Known:
    """Half of the users like the first half of the movies and dislike the others; the rest contrariwise."""
    world, rng = small_world(n_users=120), np.random.default_rng(seed)
    camp, kind = np.arange(120) % 2, np.arange(80) // 40
    stars = np.where(camp[:, None] == kind, 5, 2) * (rng.random((120, 80)) < 0.4)
    stars = stars[world.users_in("train")]
    return Known(Knowledge.of(world), sparse.csr_array(stars.astype(np.float32)), seed)


def history(liked: list[int], disliked: list[int]) -> sparse.csr_array:
    """One user's ratings."""
    stars = np.zeros((1, 80), np.float32)
    stars[0, liked], stars[0, disliked] = 5, 2
    return sparse.csr_array(stars)
