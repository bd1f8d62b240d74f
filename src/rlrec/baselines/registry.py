"""All baselines by name."""

from collections.abc import Callable

from rlrec.baselines.bandit import BayesianBandit
from rlrec.baselines.informed import Oracle, StaticFactors
from rlrec.baselines.uninformed import BestAverage, BestRated, Popularity, Random
from rlrec.evaluation.policy import Policy
from rlrec.simulator.world import World

BASELINES: dict[str, Callable[[World], Policy]] = {
    policy.name: policy
    for policy in (Random, Popularity, BestRated, BestAverage, StaticFactors, BayesianBandit, Oracle)
}
"""In order of what they know; `BASELINES["oracle"](world)` makes one."""
