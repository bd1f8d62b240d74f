"""All baselines by name."""

from collections.abc import Callable, Collection, Mapping
from functools import partial

from rlrec.metrics.stars import CLICK_THRESHOLD
from rlrec.policies.baselines.answering import AnswerBandit, AnswerEASE, AnswerLinUCB
from rlrec.policies.baselines.bandit import BayesianBandit, DynamicsBandit, WalkBandit
from rlrec.policies.baselines.factors import ALS, BPR
from rlrec.policies.baselines.graph import RP3Beta
from rlrec.policies.baselines.ials import IALS
from rlrec.policies.baselines.informed import Oracle, StaticFactors
from rlrec.policies.baselines.known import Known
from rlrec.policies.baselines.linear import EpsilonGreedy, LinUCB
from rlrec.policies.baselines.neighbourhood import EASE, ItemKNN
from rlrec.policies.baselines.sequential import MarkovChain, RecentEASE
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
    "ease_recency": partial(RecentEASE, penalty=300.0, half_life=10.0),
    "ials": partial(IALS, factors=128, penalty=0.001, unobserved=1.0),
    "rp3beta": partial(RP3Beta, alpha=0.2, beta=0.7, neighbours=400),
    "markov": partial(MarkovChain, window=20, half_life=10.0, shrinkage=30.0, discount=0.25),
}
"""The same, set for finding what real people watch next, and those that only know of such.

In the simulator it counts how a movie is rated, here whether it is watched, and what is good at one is not good at the
other: set as above, ItemKNN and EASE predict ratings, and rank rare movies first. These settings have, of a grid
for each, the highest NDCG@10 over the catalogue for the last fifth of what *validation* users of ml-100k rated.
"""

INTERACTIVE_BASELINES: dict[str, Maker] = {
    "popularity": Popularity,
    "item_knn": partial(ItemKNN, centre=0.0, shrinkage=200.0, neighbours=25),
    "ease": partial(EASE, centre=2.0, penalty=1000.0, gain=1.0),
    "als": partial(ALS, factors=64, penalty=10.0, alpha=1.0, dislike=1.0),
    "bpr": partial(BPR, factors=8, like=CLICK_THRESHOLD, dislike=0.0, prior=0.1, popularity=0.5),
    "ials": partial(IALS, factors=32, penalty=0.003, unobserved=1.0, like=CLICK_THRESHOLD),
    "ease_negatives": partial(AnswerEASE, penalty=300.0, gain=4.0),
    "answer_linucb": partial(AnswerLinUCB, factors=16, alpha=0.03, ridge=0.1),
    "answer_belief": AnswerBandit,
}
"""Set for real people of whom nothing is known: a movie at a time, and what counts is that it was rated above 3.5.

These settings have, of a grid for each, the highest mean number of movies in 40 that *validation* users of ml-100k
rated above 3.5. To those that know ratings alone it says nothing that a movie was shown and not rated.
"""


def without(baselines: Mapping[str, Maker], leave_out: Collection[str]) -> dict[str, Maker]:
    """The baselines but those of these names (`evaluate.leave_out`)."""
    return {name: make for name, make in baselines.items() if name not in leave_out}
