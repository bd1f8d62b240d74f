from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from worlds import informed, known, small_world

from rlrec.agents.lird.agent import Lird
from rlrec.agents.registry import make_agent
from rlrec.agents.train import Training, train
from rlrec.environments.sessions import Sessions
from rlrec.environments.views import View
from rlrec.policies.baselines.bandit import BayesianBandit
from rlrec.policies.networks import NUMPY
from rlrec.policies.playing import play
from rlrec.policies.slates import slates_in_turn
from rlrec.settings.beliefs import BeliefConfig
from rlrec.settings.config import Job
from rlrec.settings.lird import LirdConfig, LoggedLirdConfig
from rlrec.testing import AgentTests

QUICK: dict[str, Any] = {"users": 16, "hidden": 8, "batch": 80, "buffer": 16_000, "start": "zero", "entropy": 0.1}
"""Small, from nothing, and in no hurry to be sure."""


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.xdist_group("agents: LIRD")
class TestLird(AgentTests):
    learner = LirdConfig(rollout=5, learning_rate=0.01, **QUICK)
    budget = 16_000


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.xdist_group("agents: LIRD, cold sessions")
class TestColdLird(AgentTests):
    """It does what it does with simulated users; only who answers is another."""

    learner = LoggedLirdConfig(length=2, rollout=1, reward="rating", learning_rate=0.01, **QUICK)


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.xdist_group("agents: LIRD, slates of ten")
class TestLirdOfTen(AgentTests):
    """Slates of ten; of three movies there are none, so to learn which of them is loved it shows one at a time."""

    learner = LirdConfig(rollout=5, learning_rate=0.01, **QUICK)
    length = 5
    budget = 16_000

    def job(self, steps: int | None = None, agents: int = 1, seed: int = 7, **scenario: Any) -> Job:
        return super().job(steps, agents, seed, slate_size=1 if scenario else 10, **scenario)


WORLD = informed(small_world(3))
DYNAMICS = {"noise": 0.01, "growth": 0.9, "bounded": True}


def job(slate_size: int = 1, **learner: object) -> Job:
    settings = {"algorithm": "lird", "users": 8, "rollout": 5, "hidden": 4, "batch": 40, **learner}
    scenario = {"episode_length": 10, "slate_size": slate_size, "belief": DYNAMICS}
    training = {"agents": 1, "steps": 12 * 40, "judging_users": 0, "checkpoint_every": 6}
    return Job.model_validate({"name": "lird", "learner": settings, "scenario": scenario, "training": training})


@pytest.mark.parametrize("slate_size", [1, 4])
def test_before_the_first_update_its_slates_are_the_bandits(slate_size: int) -> None:
    trained = job(slate_size)
    agent = make_agent(WORLD, trained)
    assert agent.warm
    policy = agent.policy(agent.initial()())
    bandit = BayesianBandit(known(WORLD), belief=BeliefConfig.model_validate(DYNAMICS))
    own, bandits = (play(one, WORLD, WORLD.users_in("all"), trained.scenario, 0) for one in (policy, bandit))
    np.testing.assert_array_equal(own.slates, bandits.slates)


def test_it_expects_what_the_bandit_earns_after_a_step() -> None:
    """The step's own reward is what is believed; what follows is the critic's."""
    agent = make_agent(WORLD, job(gamma=0.5))
    bandit = BayesianBandit(known(WORLD), belief=BeliefConfig.model_validate(DYNAMICS))
    reward = play(bandit, WORLD, WORLD.users_in("train"), job().scenario, 0).rewards.mean()
    offset = agent.policy(agent.initial()()).weights["value_offset"][0]
    assert offset == pytest.approx(reward * 0.5 / (1 - 0.5), rel=0.02)


def test_where_it_starts_from_nothing_nothing_is_believed() -> None:
    agent = make_agent(WORLD, job(start="zero"))
    policy = agent.policy(agent.initial()())
    assert not agent.warm
    assert policy.sharpness == 0
    assert 0.2 < policy.weights["value_offset"][0] * (1 - 0.3) < 0.9  # what random movies earn


@pytest.fixture(scope="module")
def trained() -> Training:
    return train(WORLD, job(3, start="zero", learning_rate=0.01))


@pytest.mark.ci
def test_a_training_of_slates_serves_slates_of_other_sizes(trained: Training) -> None:
    """Position k is served by the vector min(k, K − 1), whatever the size that is asked for."""
    policy = trained.policy
    assert policy.network.vectors == 3
    for asked in (1, 2, 3, 5):
        scenario = job(asked).scenario
        sessions = Sessions(WORLD, WORLD.users_in("test"), scenario)
        state = (sessions.observe() - policy.center) / policy.scale
        vectors = policy.network.query(policy.weights, state, None, NUMPY).reshape(len(state), 3, -1)
        scores = vectors @ View(sessions).representation.features.T
        shown = play(policy, WORLD, WORLD.users_in("test"), scenario, 0).slates[:, 0]
        np.testing.assert_array_equal(shown, slates_in_turn(scores, sessions.available, asked))


@pytest.mark.ci
def test_every_position_learns_a_vector_of_its_own(trained: Training) -> None:
    features = trained.policy.network.features
    biases = np.asarray(trained.policy.weights["query_bias"]).reshape(3, features)
    assert all(np.abs(one - other).max() > 1e-3 for one, other in pairwise(biases))


@pytest.mark.ci
def test_noise_on_the_vectors_explores_and_the_seed_decides() -> None:
    shown = {}
    for noise in (0.0, 1.0):
        agent = make_agent(WORLD, job(start="zero", exploration=noise))
        assert isinstance(agent, Lird)
        session, flat = agent.player.start(np.array([1, 0], np.int32)), agent.initial()()
        shown[noise] = [agent.player.play(flat, session, np.array([1, n], np.int32)).piece.slates for n in (1, 2)]
    np.testing.assert_array_equal(*shown[0.0])
    assert not np.array_equal(*shown[1.0])


def test_target_weights_take_over_a_share_at_every_gradient() -> None:
    agent = make_agent(WORLD, job(tau=0.25))
    flat, seed = agent.initial()(), np.array([1, 1], np.int32)
    first = agent.step(flat, agent.start(seed), seed)
    np.testing.assert_array_equal(first.carry.target, flat)
    second = agent.step(flat + 1, first.carry, seed)
    np.testing.assert_allclose(second.carry.target, flat + 0.25, rtol=1e-5, atol=1e-6)


def test_the_buffer_keeps_so_many_steps() -> None:
    agent = make_agent(WORLD, job(buffer=100))  # pieces of five steps: twenty of them, of rollouts of eight
    carry = agent.start(np.array([1, 0], np.int32))
    for draw in range(4):
        carry = agent.step(agent.initial()(), carry, np.array([1, draw], np.int32)).carry
    assert [len(chunk.rewards) for chunk in carry.replay.chunks] == [8, 8]
