"""Simulated users: a world fitted to real ratings, its dynamics, and the Gymnasium environment.

Importing this package makes `gymnasium.make("rlrec/MovieLens-v0", world=...)` and `gymnasium.make_vec` work.
"""

from rlrec.simulator.registration import ENV_ID, register
from rlrec.simulator.world import World

__all__ = ["ENV_ID", "World", "register"]

register()
