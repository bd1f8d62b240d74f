"""Agents whose steps take a given time, and other doubtful ones, for tests of who dies, dawdles or sends rubbish.

They stand around the real agent: rollouts and gradients are its own.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from rlrec.agents.agent import Agent, Step
from rlrec.agents.distributed.ray import RemoteAgent
from rlrec.agents.registry import make_agent


class Paced:
    """An agent whose steps take at least what `pace` says, in seconds, most of it asleep.

    Its first call is to compile; the second waits until `ready`. Its gradients may be spoiled.
    """

    def __init__(
        self,
        agent: Agent,
        pace: Callable[[int], float],
        spoil: Callable[[Any], Any] | None,
        ready: Callable[[], bool],
    ) -> None:
        self._agent, self._pace, self._spoil, self._ready = agent, pace, spoil, ready
        self._compiled, self._played = False, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_agent"], name)

    def step(self, weights: Any, carry: Any, seed: Any) -> Step:
        if not self._compiled:
            self._compiled = True
            return self._agent.step(weights, carry, seed)
        while not self._ready():
            time.sleep(0.05)
        self._ready = lambda: True
        until = time.perf_counter() + self._pace(self._played)
        self._played += 1
        step = self._agent.step(weights, carry, seed)
        time.sleep(max(until - time.perf_counter(), 0))
        return step if self._spoil is None else step._replace(gradient=self._spoil(step.gradient))


def paced(
    remote: RemoteAgent,
    seconds: float,
    slow: Mapping[int, float] | None = None,
    slow_after: int = 0,
    spoil: Mapping[int, Callable[[Any], Any]] | None = None,
) -> Callable[[int, Callable[[int], None]], int]:
    """The agents of `remote` at a pace: each step takes `seconds`, or what `slow` says of the agent.

    An agent becomes slow after `slow_after` steps. They start together, however long the machine takes
    to start them.
    """

    def all_are_there() -> bool:
        return len(remote.model.state().places) >= remote.job.training.agents

    def run(number: int, tell: Callable[[int], None]) -> int:
        later, spoiled = (slow or {}).get(number, seconds), (spoil or {}).get(number)

        def pace(steps: int) -> float:
            return seconds if steps < slow_after else later

        def make(*arguments: Any) -> Paced:
            return Paced(make_agent(*arguments), pace, spoiled, all_are_there)

        return replace(remote, make_agent=make)(number, tell)

    return run
