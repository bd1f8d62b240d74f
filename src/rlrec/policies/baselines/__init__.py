"""Policies to compare with, from one that knows nothing to one that knows everything.

Each says in its docstring what it knows. `BASELINES` makes any of them from what is `Known` before a user is met.
"""

from rlrec.policies.baselines.known import Known
from rlrec.policies.baselines.registry import BASELINES, INTERACTIVE_BASELINES, OFFLINE_BASELINES

__all__ = ["BASELINES", "INTERACTIVE_BASELINES", "OFFLINE_BASELINES", "Known"]
