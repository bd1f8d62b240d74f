import os
import subprocess
from typing import Any

from benchmarks.soak import Killer
from rlrec.agents.distributed.messages import Counters, State


class Fake:
    """A global model in this process with one agent, which is a process that sleeps."""

    def __init__(self, pid: int, rollouts: int) -> None:
        self._pid, self._rollouts = pid, rollouts

    def state(self) -> State:
        return State(1, self._rollouts, 100, False, Counters(), f"here:{os.getpid()}", {0: f"here:{self._pid}"}, None)


def test_an_agent_is_killed_when_its_time_has_come_and_not_before_training_has_begun() -> None:
    with subprocess.Popen(["sleep", "60"]) as agent:
        killer: Any = Killer(every=0.0, seed=0)
        killer(Fake(agent.pid, rollouts=0))
        assert agent.poll() is None

        killer(Fake(agent.pid, rollouts=1))

        assert agent.wait(10) == -9
        assert killer.kills == 1
        assert killer.memory[0][1] > 10  # MiB of this process

        killer(Fake(agent.pid, rollouts=1))  # gone, and not started again yet
        assert killer.kills == 1
