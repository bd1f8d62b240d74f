"""Who judges snapshots, and by what: validation users, simulated or as they really answered."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rlrec.data.dataset.histories import History
from rlrec.data.dataset.order import known_of
from rlrec.environments.logged import UNRATED, LoggedUsers, check_slates, logged_in, logged_users
from rlrec.environments.sessions import Sessions
from rlrec.environments.views import View
from rlrec.metrics import rankings
from rlrec.metrics.gains import ndcg
from rlrec.policies.playing import play
from rlrec.policies.policy import Policy
from rlrec.policies.slates import top_slates
from rlrec.settings.config import Job, derive_seed
from rlrec.settings.learner import LoggedConfig
from rlrec.worlds.drawn import with_drawn_users
from rlrec.worlds.dynamics import worth
from rlrec.worlds.world import World

KNOWN = 0.8
"""Share of a validation user's log that a session continues."""
MOST = 2048
"""Validation users who judge by what they really answered: of more, so many are drawn."""


class Jury(NamedTuple):
    """Who judges.

    Attributes:
        returns: what a policy earns from each of the users `(U,)` float64, validation users first.
        validation: how many these are.
    """

    returns: Callable[[Policy], NDArray[np.float64]]
    validation: int


def jury_of(world: World, job: Job) -> Jury:
    """Who judges a training.

    Raises:
        WorldError: the world has no validation users, or nothing is known of what they really rated.
    """
    if not isinstance(job.learner, LoggedConfig):
        return _simulated(world, job)
    if job.learner.sessions == "cold":
        return _cold(world, job)
    return _continuing(world, job, rated_only=job.learner.ranks == "rated")


def _simulated(world: World, job: Job) -> Jury:
    """Few validation users cannot tell good policies apart: on 141, two of the same worth differ by 0.2 with delta +1.

    So simulated users judge beside them, drawn as training users are spread (`training.judging_users`).
    """
    drawn, validation = job.training.judging_users, len(world.users_in("validation"))
    judged = with_drawn_users(world, drawn, job.rng("judging users")) if drawn else world
    users, seed = judged.users_in("validation"), derive_seed(job.seed, "validation sessions")

    def returns(policy: Policy) -> NDArray[np.float64]:
        return np.asarray(play(policy, judged, users, job.scenario, seed).rewards.sum(axis=1, dtype=np.float64))

    return Jury(returns, validation)


def _cold(world: World, job: Job) -> Jury:
    """What a session of each validation user earns."""
    users, seed = _some(logged_in(world, "validation"), job), derive_seed(job.seed, "validation sessions")

    def returns(policy: Policy) -> NDArray[np.float64]:
        played = play(policy, world, users, job.scenario, seed, answers=lambda batch: logged_users(world, batch))
        return np.asarray(played.rewards.sum(axis=1, dtype=np.float64))

    return Jury(returns, len(users))


def _continuing(world: World, job: Job, rated_only: bool) -> Jury:
    """NDCG of one slate, of what each validation user rated in the last fifth of his log; or of the order of just that.

    Those who rated nothing then that is worth anything say nothing.

    Raises:
        WorldError: see `jury_of`; or somebody's history leaves too few movies for a slate.
    """
    users = _some(logged_in(world, "validation", at_least=2), job)
    histories = [world.history(user) for user in users.tolist()]
    known, size = known_of(np.array([len(one.movies) for one in histories]), KNOWN), job.scenario.slate_size
    check_slates(world.n_movies, int(known.max()), size)
    answers = LoggedUsers(histories, world.n_movies, known)
    sessions, gains = Sessions(world, users, job.scenario, answers), worth(answers.rate_all(), job.scenario.reward)
    told = zip(histories, known.tolist(), strict=True)
    sessions.recall([History(one.movies[:n], one.stars[:n]) for one, n in told])
    view, ideal = View(sessions), -np.sort(-gains, axis=1)[:, :size]
    said = ideal[:, 0] > UNRATED

    def returns(policy: Policy) -> NDArray[np.float64]:
        policy.begin(view, np.random.default_rng(0))
        scores = policy.scores(view)
        if rated_only:
            return rankings.ndcg(rankings.rank(scores, answers.rate_all() > UNRATED), gains)[said]
        slates = top_slates(scores, view.available, size)
        return ndcg(np.take_along_axis(gains, slates, axis=1), ideal)[said]

    return Jury(returns, int(said.sum()))


def _some(users: NDArray[np.int64], job: Job) -> NDArray[np.int64]:
    return users if len(users) <= MOST else np.sort(job.rng("judging users").choice(users, MOST, replace=False))
