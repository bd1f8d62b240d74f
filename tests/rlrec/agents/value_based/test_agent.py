"""DQN and SlateQ as algorithms: held to the contract, and what they carry from step to step."""

from functools import cache
from typing import Any

import numpy as np
import pytest
from worlds import informed, known, small_world

from rlrec.agents.agent import Agent, Step
from rlrec.agents.registry import make_agent
from rlrec.agents.replay import rows_of
from rlrec.agents.value_based.agent import DQN, ColdDQN, ColdSlateQ, SlateQ, ValueBased
from rlrec.policies.baselines.bandit import BayesianBandit
from rlrec.policies.playing import play
from rlrec.settings.config import Job
from rlrec.settings.value_based import DQNConfig, LoggedDQNConfig, LoggedSlateQConfig, SlateQConfig
from rlrec.testing import AgentTests

QUICK: dict[str, Any] = {"users": 16, "hidden": 8, "batch": 64, "updates": 2, "start": "zero", "learning_rate": 0.01}


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.xdist_group("agents: DQN")
class TestDQN(AgentTests):
    learner = DQNConfig(rollout=10, **QUICK)


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.xdist_group("agents: SlateQ")
class TestSlateQ(AgentTests):
    """With slates of ten, but where it is to choose one of three movies."""

    learner = SlateQConfig(rollout=5, prioritised=0.6, **QUICK)
    length = 5
    budget = 16_000

    def job(self, *args: Any, **scenario: Any) -> Job:
        slate_size = 1 if "allow_repeats" in scenario else 10
        return super().job(*args, **{"slate_size": slate_size, **scenario})


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.xdist_group("agents: SlateQ from a belief")
class TestWarmSlateQ(AgentTests):
    learner = SlateQConfig(rollout=10, **QUICK | {"start": "belief"})

    def test_one_agent_and_one_seed_give_equal_weights(self) -> None:
        """Whatever the seed, the start may be what is kept; the curves tell."""
        one, again = self._trained(4), self._trained(4, make=self.make)
        assert [point.gain for point in again.curve] == [point.gain for point in one.curve]


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.xdist_group("agents: DQN, cold sessions")
class TestColdDQN(AgentTests):
    learner = LoggedDQNConfig(rollout=1, length=2, reward="rating", **QUICK)
    budget = 3_000


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.xdist_group("agents: SlateQ, cold sessions")
class TestColdSlateQ(AgentTests):
    learner = LoggedSlateQConfig(rollout=1, length=1, slate_size=2, reward="rating", **QUICK)
    budget = 3_000


WORLD = informed(small_world(3))
SMALL = {"users": 4, "rollout": 5, "hidden": 4, "batch": 8, "n_step": 2}


def job(algorithm: str = "dqn", scenario: dict[str, Any] | None = None, **learner: Any) -> Job:
    played = {"episode_length": 10, **(scenario or {})}
    made = Job.model_validate({"learner": {"algorithm": algorithm, **SMALL, **learner}, "scenario": played})
    return made.model_copy(update={"scenario": made.scenario.model_copy(update=made.learner.scenario)})


@cache
def carrying() -> ValueBased:
    settings = {"updates": 2, "target_every": 3, "buffer": 50, "prioritised": 0.5, "exploration": 40, "epsilon": 0.9}
    agent = make_agent(WORLD, job(final_epsilon=0.1, **settings))
    assert isinstance(agent, ValueBased)
    return agent


def steps(agent: Agent, number: int, weights: Any = None) -> list[Step]:
    """The first steps; the weights are a step's number more at each, so that they can be told apart."""
    told, carry, initial = [], agent.start(np.array([1, 0], np.int32)), agent.initial()()
    for count in range(number):
        told.append(agent.step(initial + np.float32(count), carry, np.array([1, count], np.int32)))
        carry = told[-1].carry
    return told


def test_whoever_learns_what_slates_are_worth_is_made_by_what_the_settings_say() -> None:
    kinds = {
        DQN: job(),
        SlateQ: job("slateq", {"slate_size": 3}),
        ColdDQN: job(learns_from="logged", length=10),
        ColdSlateQ: job("slateq", learns_from="logged", length=10, slate_size=3),
    }
    assert [type(make_agent(WORLD, training)) for training in kinds.values()] == list(kinds)


def test_it_plays_at_every_second_step_and_keeps_the_newest_rows() -> None:
    stored = [[len(chunk[0]) for chunk in step.carry.replay.chunks] for step in steps(carrying(), 7)]
    assert stored == [[20], [20], [20, 20], [20, 20], [20, 20], [20, 20], [20, 20]]  # 50 rows are room for two
    newest = [step.carry.replay.chunks[-1] for step in steps(carrying(), 7)]
    assert [one is other for one, other in zip(newest[1:], newest, strict=False)] == [True, False] * 3
    assert carrying().steps == 10
    assert rows_of(steps(carrying(), 7)[-1].carry.replay) == 40


def test_target_weights_are_taken_over_at_every_third_step() -> None:
    initial = carrying().initial()()
    ages = [float(np.median(step.carry.target - initial)) for step in steps(carrying(), 7)]
    assert ages == pytest.approx([0, 0, 0, 3, 3, 3, 6], abs=1e-5)


def test_what_sessions_earned_is_told_where_they_end() -> None:
    """Ten steps are two rollouts, each for two gradients."""
    told = [not np.isnan(step.figures["mean_return"]) for step in steps(carrying(), 8)]
    assert told == [False, False, True, False, False, False, True, False]


def test_the_chance_of_a_drawn_slate_falls_with_what_the_agent_played() -> None:
    chances = [step.figures["exploring"] for step in steps(carrying(), 6)]
    assert chances == pytest.approx([0.9, 0.7, 0.5, 0.3, 0.1, 0.1])


def test_rows_that_were_learned_from_have_their_errors_as_priorities() -> None:
    one, other = (step.carry.replay for step in steps(carrying(), 2))
    before, after = (np.concatenate(replay.priorities) for replay in (one, other))
    assert len(np.unique(before)) > 2
    assert np.any(before != after)
    assert np.median(after) < 100


@pytest.mark.parametrize(
    ("algorithm", "scenario"),
    [
        ("dqn", {}),
        ("slateq", {"slate_size": 4}),
        ("dqn", {"belief": {"noise": 0.01, "growth": 0.9, "bounded": True}, "lambda_non_violent": 0.4}),
    ],
    ids=str,
)
def test_before_the_first_update_its_slates_are_the_bandits(algorithm: str, scenario: dict[str, Any]) -> None:
    training = job(algorithm, {"belief": {"noise": 0.1}, **scenario}, gamma=0.5)
    agent = make_agent(WORLD, training)
    assert agent.warm
    policy, users = agent.policy(agent.initial()()), WORLD.users_in("all")
    bandit = BayesianBandit(known(WORLD), belief=training.scenario.belief)
    own, bandits = (play(one, WORLD, users, training.scenario, 0) for one in (policy, bandit))
    np.testing.assert_array_equal(own.slates, bandits.slates)
    assert policy.weights["value_offset"][0] == pytest.approx(bandits.rewards.mean(), rel=0.05)  # γ · r / (1 − γ)
    assert not make_agent(WORLD, job(algorithm, scenario, start="zero")).warm
