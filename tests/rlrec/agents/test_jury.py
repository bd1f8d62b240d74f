from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from policies import policy_for
from sklearn.metrics import ndcg_score
from worlds import informed, small_world

from rlrec.agents import jury as judging
from rlrec.agents.jury import jury_of
from rlrec.data.dataset.histories import History
from rlrec.environments.views import View
from rlrec.errors import WorldError
from rlrec.policies.histories import after_history
from rlrec.policies.policy import Note, Policy, Scores
from rlrec.policies.slates import top_slates
from rlrec.settings.config import Job, ScenarioConfig
from rlrec.testing.worlds import with_log
from rlrec.worlds.world import World

WORLD = informed(small_world(n_users=200))
VALIDATION = WORLD.users_in("validation")


class Fixed(Policy):
    """The same scores for everybody."""

    name, note = "fixed", Note("fixed", "Nothing.", "unpersonal")

    def __init__(self, seed: int = 0) -> None:
        self.own = np.random.default_rng(seed).normal(size=WORLD.n_movies)

    def scores(self, view: View) -> Scores:
        return np.tile(self.own, (len(view.users), 1))


def job(**learner: object) -> Job:
    values = {"algorithm": "a3c", "learns_from": "logged", **learner}
    made = Job.model_validate({"learner": values})
    return made.model_copy(update={"scenario": made.scenario.model_copy(update=made.learner.scenario)})


def gained(stars: np.ndarray, reward: str) -> np.ndarray:
    return {"seen": (stars > 0) * 1.0, "liked": (stars > 3.5) * 1.0, "rating": stars / 5}[reward]


@pytest.mark.parametrize("reward", ["seen", "liked", "rating"])
@pytest.mark.parametrize("size", [1, 10])
def test_in_sessions_that_continue_it_is_the_ndcg_of_scikit_learn(reward: str, size: int) -> None:
    policy, expected = Fixed(), []
    for user in VALIDATION.tolist():
        log = WORLD.history(user)
        known = max(int(0.8 * len(log.movies) + 1e-9), 1)
        gains = np.zeros(WORLD.n_movies)
        gains[log.movies[known:]] = gained(log.stars[known:], reward)
        left = np.setdiff1d(np.arange(WORLD.n_movies), log.movies[:known])
        if gains.any():
            expected.append(ndcg_score([gains[left]], [policy.own[left]], k=size))

    jury = jury_of(WORLD, job(reward=reward, slate_size=size))
    found = jury.returns(policy)

    assert jury.validation == len(found) == len(expected)
    np.testing.assert_allclose(np.sort(found), np.sort(expected), atol=1e-6)


def test_who_rated_nothing_of_worth_at_last_says_nothing() -> None:
    said = [jury_of(WORLD, job(reward=reward)).validation for reward in ("seen", "liked")]
    disliked = [
        user for user in VALIDATION.tolist()
        if (WORLD.history(user).stars[int(0.8 * len(WORLD.history(user).stars) + 1e-9) :] <= 3.5).all()
    ]  # fmt: skip
    assert len(disliked) > 0
    assert said == [len(VALIDATION), len(VALIDATION) - len(disliked)]


def test_a_policy_sees_the_history_of_each() -> None:
    """Told to one user at a time, it shows what it is judged by."""
    policy = policy_for(WORLD, features="watched", observation="recent")
    training = job(slate_size=3)
    found = jury_of(WORLD, training).returns(policy)

    by_user = []
    for user in VALIDATION.tolist():
        log = WORLD.history(user)
        known = max(int(0.8 * len(log.movies) + 1e-9), 1)
        told = log.movies[None, :known], log.stars[None, :known]
        (view,) = after_history([policy], WORLD, np.array([user]), *told, ScenarioConfig(), np.random.SeedSequence(0))
        slate = top_slates(policy.scores(view), view.available, 3)[0]
        hits = np.isin(slate, log.movies[known:])
        ideal = np.arange(3) < len(log.movies) - known
        discounts = 1 / np.log2([2, 3, 4])
        by_user.append((hits @ discounts) / (ideal @ discounts))
    np.testing.assert_allclose(np.sort(found), np.sort(by_user), atol=1e-6)
    assert len(set(found.round(6).tolist())) > 1


@pytest.mark.parametrize(("reward", "size", "length"), [("seen", 1, 12), ("liked", 3, 5), ("rating", 2, 4)])
def test_in_cold_sessions_it_is_the_sum_of_what_was_shown(reward: str, size: int, length: int) -> None:
    policy = Fixed()
    shown = np.argsort(-policy.own)[: size * length]
    expected = []
    for user in VALIDATION.tolist():
        stars = np.zeros(WORLD.n_movies)
        stars[WORLD.history(user).movies] = WORLD.history(user).stars
        expected.append(gained(stars[shown], reward).sum() / size)

    jury = jury_of(WORLD, job(sessions="cold", reward=reward, slate_size=size, length=length))

    assert jury.validation == len(VALIDATION)
    np.testing.assert_allclose(jury.returns(policy), expected, rtol=1e-5)


@given(seed=st.integers(0, 99))
@hypothesis_settings(max_examples=15, deadline=None)
def test_nobody_earns_more_than_there_is(seed: int) -> None:
    found = jury_of(WORLD, job()).returns(Fixed(seed))
    assert (found >= 0).all()
    assert (found <= 1 + 1e-9).all()


def test_a_jury_judges_alike_every_time() -> None:
    for settings in ({}, {"sessions": "cold", "length": 5, "slate_size": 1}):
        jury = jury_of(WORLD, job(**settings))
        np.testing.assert_array_equal(jury.returns(Fixed()), jury.returns(Fixed()))


@pytest.mark.parametrize("sessions", [{}, {"sessions": "cold", "length": 5}])
def test_of_many_validation_users_some_judge_by_lot(
    sessions: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "MOST", 11)
    jury, again = (jury_of(WORLD, job(**sessions)) for _ in range(2))
    assert jury.validation == 11
    np.testing.assert_array_equal(jury.returns(Fixed()), again.returns(Fixed()))


def test_simulated_tastes_and_training_users_do_not_judge() -> None:
    rng = np.random.default_rng(5)
    others = [
        WORLD.history(user) if user in VALIDATION else History(rng.permutation(20), np.full(20, 3, np.float32))
        for user in range(WORLD.n_users)
    ]
    tastes = rng.normal(size=WORLD.user_vectors.shape)
    changed = replace(with_log(WORLD, others), user_vectors=tastes)
    for settings in ({}, {"sessions": "cold", "length": 5}):
        one, other = (jury_of(world, job(**settings)).returns(Fixed()) for world in (WORLD, changed))
        np.testing.assert_array_equal(one, other)


def without_log(world: World) -> World:
    return replace(world, log_starts=np.empty(0), log_movies=np.empty(0), log_stars=np.empty(0))


@pytest.mark.parametrize("sessions", [{}, {"sessions": "cold", "length": 5}])
def test_where_nothing_is_known_of_validation_users_nobody_can_judge(sessions: dict[str, object]) -> None:
    with pytest.raises(WorldError, match="no log of what validation users really rated"):
        jury_of(without_log(WORLD), job(**sessions))


def test_a_history_that_leaves_too_little_for_a_slate_is_refused() -> None:
    small = informed(small_world(n_movies=25))
    with pytest.raises(WorldError, match=r"of this world's 25 movies \d are left .* too few for a slate of 10"):
        jury_of(small, job())


def test_where_what_was_rated_is_ranked_it_is_the_ndcg_of_that_order_alone() -> None:
    policy, expected = Fixed(), []
    for user in VALIDATION.tolist():
        log = WORLD.history(user)
        known = max(int(0.8 * len(log.movies) + 1e-9), 1)
        if len(log.movies) - known > 1:
            expected.append(ndcg_score([log.stars[known:]], [policy.own[log.movies[known:]]]))
        else:
            expected.append(1.0)

    found = jury_of(WORLD, job(reward="rating", ranks="rated", slate_size=2)).returns(policy)

    np.testing.assert_allclose(np.sort(found), np.sort(expected), atol=1e-6)
