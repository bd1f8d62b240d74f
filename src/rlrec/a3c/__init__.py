"""Asynchronous advantage actor-critic for slates.

`load_policy` and `save_policy` need no TensorFlow; training (`rlrec.a3c.train`) does.
"""

from rlrec.a3c.policy import A3CPolicy, load_policy, save_policy

__all__ = ["A3CPolicy", "load_policy", "save_policy"]
