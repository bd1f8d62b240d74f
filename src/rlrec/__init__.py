"""rlrec: a distributed recommender system trained by deep reinforcement learning.

Importing it makes `gymnasium.make("rlrec/MovieLens-v0", world=…)` work.
"""

from rlrec.simulator.registration import register

__version__ = "0.1.0"

register()
