import numpy as np
import pytest
from worlds import informed, known, small_world

from rlrec.policies.baselines.bandit import BayesianBandit, BeliefBandit, DynamicsBandit, WalkBandit
from rlrec.policies.playing import play
from rlrec.settings.beliefs import BeliefConfig, Beliefs
from rlrec.settings.config import ScenarioConfig

WORLD = informed(small_world(2, n_users=300, n_movies=200))
BELIEFS = Beliefs(
    static=BeliefConfig(noise=0.03, bounded=True),
    walk=BeliefConfig(noise=0.01, walk=0.1, bounded=True),
    dynamics=BeliefConfig(noise=0.01, growth=1.0, bounded=True),
)


def earned(kind: type[BeliefBandit], **scenario: object) -> np.ndarray:
    how = ScenarioConfig(episode_length=30, **scenario)  # type: ignore[arg-type]
    policy = kind(known(WORLD)).believing({how.features: BELIEFS})
    return play(policy, WORLD, WORLD.users_in("all"), how, 0).rewards.sum(axis=1)


@pytest.mark.parametrize("k", [1, 5])
def test_who_expects_tastes_to_grow_earns_more_where_they_do(k: int) -> None:
    moving = {kind: earned(kind, delta=1.0, slate_size=k) for kind in (BayesianBandit, WalkBandit, DynamicsBandit)}
    for better, worse in ((DynamicsBandit, BayesianBandit), (WalkBandit, BayesianBandit)):
        difference = moving[better] - moving[worse]
        assert difference.mean() > 2 * difference.std() / np.sqrt(len(difference))


def test_what_was_estimated_is_taken_by_features_and_what_was_given_before_it() -> None:
    bandit = WalkBandit(known(WORLD)).believing({"genres": BELIEFS})
    assert bandit.settings_in(ScenarioConfig(features="genres")) == BELIEFS.walk
    assert bandit.settings_in(ScenarioConfig()) == Beliefs().walk
    given = BeliefConfig(noise=2.0)
    assert WalkBandit(known(WORLD), belief=given).believing({"genres": BELIEFS}).settings_in(ScenarioConfig()) == given


def test_believing_leaves_the_bandit_as_it_was() -> None:
    bandit = DynamicsBandit(known(WORLD))
    bandit.believing({"world": BELIEFS})
    assert bandit.settings_in(ScenarioConfig()) == Beliefs().dynamics
