import numpy as np
from policies import policy_for
from worlds import informed, small_world

from rlrec.policies.baselines import Known
from rlrec.policies.baselines.bandit import BayesianBandit
from rlrec.policies.histories import after_history
from rlrec.settings.config import ScenarioConfig


def test_a_history_is_told_to_all_policies_and_may_be_longer_than_a_session() -> None:
    world, scenario = small_world(), ScenarioConfig(episode_length=5, slate_size=3, lambda_non_violent=0.5)
    told, fresh = BayesianBandit(Known.of(world)), BayesianBandit(Known.of(world))
    movies, stars = np.array([np.arange(8), np.arange(8) + 2]), np.full((2, 8), 5, np.float32)

    (view,) = after_history([told], world, np.array([1, 2]), movies, stars, scenario, np.random.SeedSequence(0))

    assert view.step == 8
    assert view.scenario.lambda_non_violent == 0
    assert np.flatnonzero(~view.available[1]).tolist() == list(range(2, 10))
    (step_by_step,) = after_history(
        [fresh], world, np.array([1, 2]), movies[:, :0], stars[:, :0], scenario, np.random.SeedSequence(0)
    )
    assert step_by_step.step == 0
    assert step_by_step.available.all()
    for step in range(8):
        fresh.observe(movies[:, [step]], stars[:, [step]])
    np.testing.assert_array_equal(told.scores(view), fresh.scores(view))


def test_policies_that_believe_something_else_of_answers_see_sessions_of_their_own() -> None:
    world = informed(small_world())
    policies = [policy_for(world, features="watched", observation="answers", reward=kind) for kind in ("liked", "seen")]
    told = np.array([[3, 4, 5]]), np.array([[5, 1, 4]], np.float32)

    views = after_history(policies, world, np.array([1]), *told, ScenarioConfig(), np.random.SeedSequence(0))

    assert [view.scenario.reward for view in views] == ["liked", "seen"]
    assert not np.allclose(views[0].observe(), views[1].observe())
    for policy, view in zip(policies, views, strict=True):
        (alone,) = after_history([policy], world, np.array([1]), *told, ScenarioConfig(), np.random.SeedSequence(0))
        np.testing.assert_array_equal(alone.observe(), view.observe())
