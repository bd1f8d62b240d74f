"""Players whose rollouts take a given time, and other doubtful ones, for tests of who dies, dawdles or sends rubbish.

They stand around the real player: rollouts and gradients are its own.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from rlrec.agents.actor_critic.rollout import Player, Rollout
from rlrec.agents.distributed.ray import RemotePlay


class Paced:
    """A player whose rollouts take at least what `pace` says, in seconds, most of it asleep.

    Its first call is to compile; the second waits until `ready`. Its gradients may be spoiled.
    """

    def __init__(
        self,
        player: Player,
        pace: Callable[[int], float],
        spoil: Callable[[Any], Any] | None,
        ready: Callable[[], bool],
    ) -> None:
        self._player, self._pace, self._spoil, self._ready = player, pace, spoil, ready
        self._compiled, self._played = False, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_player"], name)

    def play(self, weights: Any, play: Any, seed: Any) -> Rollout:
        if not self._compiled:
            self._compiled = True
            compiling: Rollout = self._player.play(weights, play, seed)
            return compiling
        while not self._ready():
            time.sleep(0.05)
        self._ready = lambda: True
        until = time.perf_counter() + self._pace(self._played)
        self._played += 1
        rollout: Rollout = self._player.play(weights, play, seed)
        time.sleep(max(until - time.perf_counter(), 0))
        return rollout if self._spoil is None else rollout._replace(gradient=self._spoil(rollout.gradient))


def paced(
    play: RemotePlay,
    seconds: float,
    slow: Mapping[int, float] | None = None,
    slow_after: int = 0,
    spoil: Mapping[int, Callable[[Any], Any]] | None = None,
) -> Callable[[int, Callable[[int], None]], int]:
    """The agents of `play` at a pace: each rollout takes `seconds`, or what `slow` says of the agent.

    An agent becomes slow after it has played `slow_after` rollouts. They start together, however long the machine takes
    to start them.
    """

    def all_are_there() -> bool:
        return len(play.model.state().places) >= play.config.train.agents

    def run(number: int, tell: Callable[[int], None]) -> int:
        later, spoiled = (slow or {}).get(number, seconds), (spoil or {}).get(number)

        def pace(rollouts: int) -> float:
            return seconds if rollouts < slow_after else later

        def make(*arguments: Any) -> Paced:
            return Paced(Player(*arguments), pace, spoiled, all_are_there)

        return replace(play, make_player=make)(number, tell)

    return run
