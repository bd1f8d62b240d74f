"""An agent that starts from a belief: before anything is learned it is the belief's bandit."""

from typing import Any

import numpy as np
import pytest
from jobs import job
from worlds import informed, known, small_world

from rlrec.agents.registry import make_agent
from rlrec.policies.baselines.bandit import BayesianBandit
from rlrec.policies.playing import play
from rlrec.settings.beliefs import BeliefConfig
from rlrec.settings.config import Config, Job

WORLD = informed(small_world(3))
DYNAMICS = {"noise": 0.01, "growth": 0.9, "bounded": True}


def training(**settings: Any) -> Job:
    sizes = {"users": 8, "rollout": 10, "hidden": 4, "episode_length": 10, "start": "belief"}
    return job(**{**sizes, "belief": DYNAMICS, **settings})


@pytest.mark.parametrize(
    "settings",
    [
        *({"features": features, "slate_size": k} for features in ("world", "training", "genres") for k in (1, 4)),
        {"network": "recurrent"},
        {"belief": {"noise": 0.1, "walk": 0.2}, "delta": -0.5},
        {"belief": None},
        {"lambda_non_violent": 0.4},
        {"noise": 1.0},
    ],
    ids=str,
)
def test_before_the_first_update_its_slates_are_the_bandits(settings: dict[str, Any]) -> None:
    trained = training(**settings)
    agent = make_agent(WORLD, trained)
    assert agent.warm
    policy = agent.policy(agent.initial()())
    bandit = BayesianBandit(known(WORLD), belief=trained.scenario.belief or BeliefConfig())
    users = WORLD.users_in("all")
    own, bandits = (play(one, WORLD, users, trained.scenario, 0) for one in (policy, bandit))
    np.testing.assert_array_equal(own.slates, bandits.slates)
    np.testing.assert_array_equal(own.ratings, bandits.ratings)


def test_it_expects_what_the_bandit_earns() -> None:
    trained = training(gamma=0.5, delta=0.0)
    agent = make_agent(WORLD, trained)
    weights = agent.policy(agent.initial()()).weights
    bandit = BayesianBandit(known(WORLD), belief=trained.scenario.belief)
    reward = play(bandit, WORLD, WORLD.users_in("train"), trained.scenario, 0).rewards.mean()
    assert weights["value_offset"][0] == pytest.approx(reward / (1 - 0.5), rel=0.02)


def test_where_it_starts_from_nothing_nothing_is_believed() -> None:
    agent = make_agent(WORLD, training(start="zero"))
    policy = agent.policy(agent.initial()())
    assert not agent.warm
    assert policy.sharpness == 0
    shown = play(policy, WORLD, WORLD.users_in("test"), training().scenario, 0).slates
    assert (shown[:, :, 0] == np.arange(10)).all()


def test_by_default_it_starts_from_the_belief_where_it_sees_one() -> None:
    seen = {kind: job(start=None, observation=kind, episode_length=10, rollout=10) for kind in ("history", "thesis")}
    assert {kind: make_agent(WORLD, one).warm for kind, one in seen.items()} == {"history": True, "thesis": False}


def test_a_belief_that_is_not_seen_cannot_be_started_from() -> None:
    values = {"learners": {"a3c": {"algorithm": "a3c", "start": "belief"}}, "scenario": {"observation": "thesis"}}
    with pytest.raises(ValueError, match=r"learners.a3c.start \(belief\) needs the observation history"):
        Config.model_validate(values)
