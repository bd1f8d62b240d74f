"""All baselines by name."""

from collections.abc import Callable
from functools import partial

from rlrec.policies.baselines.bandit import BayesianBandit, DynamicsBandit, WalkBandit
from rlrec.policies.baselines.factors import ALS, BPR
from rlrec.policies.baselines.informed import Oracle, StaticFactors
from rlrec.policies.baselines.known import Known
from rlrec.policies.baselines.linear import EpsilonGreedy, LinUCB
from rlrec.policies.baselines.neighbourhood import EASE, ItemKNN
from rlrec.policies.baselines.uninformed import BestAverage, BestRated, Popularity, Random
from rlrec.policies.policy import Policy

Maker = Callable[[Known], Policy]

BASELINES: dict[str, Maker] = {
    policy.name: policy
    for policy in (
        Random,
        Popularity,
        BestRated,
        BestAverage,
        ItemKNN,
        ALS,
        BPR,
        EASE,
        EpsilonGreedy,
        LinUCB,
        BayesianBandit,
        WalkBandit,
        DynamicsBandit,
        StaticFactors,
        Oracle,
    )
}
"""About in order of what they know; `BASELINES["oracle"](Known.of(world))` makes one.

Their settings are their classes' defaults: of those on a grid for each that has any, they earn the highest mean return
from ml-100k's *validation* users over delta 0 and +1 and slates of 1 and 10 (`benchmarks.tuning`). What bandits believe
of users is estimated in each scenario.
"""

OFFLINE_BASELINES: dict[str, Maker] = BASELINES | {
    "item_knn": partial(ItemKNN, centre=0.0, shrinkage=10.0, neighbours=200),
    "ease": partial(EASE, centre=0.0, penalty=10_000.0, gain=1.0),
    "als": partial(ALS, factors=32, penalty=10.0, alpha=1.0, dislike=0.3),
    "bpr": partial(BPR, factors=16, like=0.0, dislike=0.0, prior=0.01, popularity=0.25),
}
"""The same, set for finding what real people watch next.

In the simulator it counts how a movie is rated, here whether it is watched, and what is good at one is not good at the
other: set as above, ItemKNN and EASE predict ratings, and rank rare movies first. These settings have, of a grid
for each, the highest NDCG@10 over the catalogue for the last fifth of what *validation* users of ml-100k rated.
"""
