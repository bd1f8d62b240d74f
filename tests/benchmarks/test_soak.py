import os
import subprocess
import time
from typing import Any

import numpy as np
import pytest
from jobs import job
from quick import Quick
from worlds import small_world

from benchmarks.soak import Killer, resting
from rlrec.agents import registry
from rlrec.agents.distributed.messages import Counters, State


class Fake:
    """A global model in this process with one agent, which is a process that sleeps."""

    def __init__(self, pid: int, gradients: int) -> None:
        self._pid, self._gradients = pid, gradients

    def state(self) -> State:
        return State(1, self._gradients, 100, False, Counters(), f"here:{os.getpid()}", {0: f"here:{self._pid}"}, None)


def test_an_agent_is_killed_when_its_time_has_come_and_not_before_training_has_begun() -> None:
    with subprocess.Popen(["sleep", "60"]) as agent:
        killer: Any = Killer(every=0.0, seed=0)
        killer(Fake(agent.pid, gradients=0))
        assert agent.poll() is None

        killer(Fake(agent.pid, gradients=1))

        assert agent.wait(10) == -9
        assert killer.kills == 1
        assert killer.memory[0][1] > 10  # MiB of this process

        killer(Fake(agent.pid, gradients=1))  # gone, and not started again yet
        assert killer.kills == 1


def test_an_agent_that_rests_does_what_it_did_but_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "make_agent", Quick)
    arguments = (small_world(0), job())
    weights, seed = Quick(*arguments).initial()(), np.zeros(2, np.int32)

    began = time.perf_counter()
    taken = resting(0.1, *arguments).step(weights, None, seed)

    assert time.perf_counter() - began >= 0.1
    np.testing.assert_array_equal(taken.gradient, Quick(*arguments).step(weights, None, seed).gradient)
