"""The contract carries algorithms of other kinds than ours: several gradients a rollout, a replay, target weights.

Nothing of what trains them knows of them: they come in by `make`, and bring figures of their own.
"""

import math

import pytest
from toys import Replaying, Several, Targeting, Toy

from rlrec.agents.agent import Agent
from rlrec.agents.results import curve_rows
from rlrec.agents.train import train
from rlrec.settings.config import Job
from rlrec.settings.learners import A3CConfig
from rlrec.testing import AgentTests, small_world
from rlrec.worlds.world import World

SIZES = A3CConfig(users=8, rollout=10, learning_rate=0.05)


class TestSeveralGradientsARollout(AgentTests):
    learner = SIZES
    budget = 12_000

    def make(self, world: World, job: Job) -> Agent:
        return Several(world, job)


class TestReplay(AgentTests):
    learner = SIZES
    budget = 12_000

    def make(self, world: World, job: Job) -> Agent:
        return Replaying(world, job)


class TestTargetWeights(AgentTests):
    learner = SIZES
    budget = 12_000

    def make(self, world: World, job: Job) -> Agent:
        return Targeting(world, job)


def job(agents: int, steps: int) -> Job:
    values = {"scenario": {"episode_length": 10}, "training": {"agents": agents, "steps": steps, "checkpoint_every": 5}}
    return Job.model_validate({"learner": SIZES, **values})


@pytest.mark.parametrize(("kind", "steps"), [(Several, 20), (Replaying, 80), (Targeting, 80)])
def test_two_local_agents_meet_the_budget_and_the_figures_become_columns(kind: type[Toy], steps: int) -> None:
    told = []
    training = train(small_world(), job(agents=2, steps=30 * steps), make=kind, on_point=told.append)

    summary, rows = training.summary, curve_rows(training.curve)
    assert summary.steps == sum(summary.steps_by_agent.values()) == 30 * steps
    assert summary.updates == 30
    assert len(summary.steps_by_agent) == 2
    assert [row["version"] for row in rows] == [point.version for point in told] == list(range(0, 31, 5))
    assert all(set(kind.figures) <= row.keys() for row in rows)
    assert all(math.isfinite(row[figure]) for row in rows[1:] for figure in kind.figures[1:])
    assert any(0 < row["mean_return"] < 10 for row in rows[1:])


def test_a_rollout_is_played_once_and_learned_from_several_times() -> None:
    rows = curve_rows(train(small_world(), job(agents=1, steps=20 * 20), make=Several).curve)
    assert 0.9 < rows[-1]["ratio"] < 1.1
    assert rows[-1]["ratio"] != 1  # the weights have moved since it was played


def test_a_buffer_fills_up_to_its_size_and_stays() -> None:
    rows = curve_rows(train(small_world(), job(agents=1, steps=15 * 80), make=Replaying).curve)
    assert [row["stored"] for row in rows[1:]] == [3, 5, 5]  # the first mean is of 1 to 5


def test_target_weights_are_taken_over_at_every_third_step() -> None:
    rows = curve_rows(train(small_world(), job(agents=1, steps=15 * 80), make=Targeting).curve)
    ages = [step % 3 for step in range(15)]
    assert [row["age"] for row in rows[1:]] == [sum(ages[at : at + 5]) / 5 for at in (0, 5, 10)]
