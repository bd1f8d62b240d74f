"""rlrec: a distributed recommender system trained by deep reinforcement learning."""

__version__ = "0.1.0"
