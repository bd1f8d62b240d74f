from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.staleness import LEARNERS, PLAIN, Stale, job_of, told
from rlrec.agents.agent import Agent, Floats, Step
from rlrec.policies.scored import NetworkPolicy
from rlrec.settings.config import Job


class Echo(Agent):
    """Its gradient is the weights that it was given, and how long its carry lasted; a carry lasts for two steps."""

    label, figures, steps, lifetime = "echo", ("mean_return",), 1, 2

    def initial(self) -> Callable[[], Floats]:
        raise NotImplementedError

    def start(self, seed: NDArray[np.int32]) -> Any:
        return 0

    def step(self, weights: Any, carry: Any, seed: NDArray[np.int32]) -> Step:
        return Step(carry + 1, np.array([*weights, carry], np.float32), {"mean_return": 0.0})

    def policy(self, weights: Floats) -> NetworkPolicy:
        raise NotImplementedError


@pytest.mark.parametrize(("lag", "given"), [(0, [0, 1, 2, 3, 4]), (2, [0, 1, 0, 1, 2]), (9, [0, 1, 2, 3, 4])])
def test_gradients_are_those_of_the_weights_of_so_many_steps_before_once_there_are_such(
    lag: int, given: list[int]
) -> None:
    agent, seed, found = Stale(Echo(), lag), np.zeros(2, np.int32), []
    carry = agent.start(seed)
    for version in range(5):
        step = agent.step(np.array([version], np.float32), carry, seed)
        carry = step.carry
        found.append(step.gradient.tolist())
    assert [weights for weights, _ in found] == given
    assert [age for _, age in found] == [0, 1, 0, 1, 0]  # what the inner agent carries lasts as long as it says


@pytest.mark.parametrize("name", LEARNERS)
def test_every_row_is_a_training_of_one_agent_that_is_judged_at_its_end(name: str) -> None:
    job = job_of(Job(), {**LEARNERS[name], "users": 8, "start": "zero"}, 16, 4000, 3)
    assert (job.seed, job.training.agents, job.training.steps, job.training.checkpoint_every) == (3, 1, 4000, 4000)
    assert getattr(job.learner, "lag", 16) == 16
    assert job.learner.start == "zero"  # type: ignore[attr-defined]


def test_losses_are_paired_by_user_and_told_as_a_share_of_what_plain_a3c_loses() -> None:
    users = np.array([40.0, 44.0])
    returns = {PLAIN: {0: users, 64: users - 4}, "IMPALA": {0: users + 1, 64: users + 0.5}}

    figures = told(returns)

    assert figures[PLAIN]["64"]["lost"] == [4, 4, 4]
    assert figures["IMPALA"]["64"]["lost"] == [0.5, 0.5, 0.5]
    assert figures["IMPALA"]["64"]["share"] == pytest.approx(0.125)
    assert figures["IMPALA"]["0"].keys() == {"return"}
    assert figures["IMPALA"]["0"]["return"][0] == 43
    assert "share" not in figures[PLAIN]["64"]


def test_where_plain_a3c_loses_nothing_there_is_no_share() -> None:
    users = np.array([40.0, 44.0])
    assert told({PLAIN: {0: users, 4: users}, "IMPALA": {0: users, 4: users}})["IMPALA"]["4"]["share"] is None
