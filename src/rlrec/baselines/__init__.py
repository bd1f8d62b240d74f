"""Policies to compare with, from one that knows nothing to one that knows everything.

Each says in its docstring what it knows. `BASELINES` makes any of them for a world.
"""

from rlrec.baselines.registry import BASELINES

__all__ = ["BASELINES"]
