"""Learning against the wall clock: weights are kept while training runs, and judged when it is over.

Judging costs training no time, then, and both sides of a comparison are judged by the same protocol.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from rlrec.policies.playing import play
from rlrec.policies.policy import Policy
from rlrec.settings.config import ScenarioConfig
from rlrec.worlds.world import World


class Snapshot(NamedTuple):
    """What had been learned at a moment."""

    seconds: float  # of the wall clock since training began, compilation included
    steps: int  # environment steps so far
    weights: Any


class Snapshots:
    """Keeps a copy of the weights about once an interval."""

    def __init__(self, interval: float) -> None:
        """Starts the clock."""
        self._interval, self._began = interval, time.perf_counter()
        self.kept: list[Snapshot] = []

    @property
    def elapsed(self) -> float:
        """Wall seconds since the start."""
        return time.perf_counter() - self._began

    def offer(self, steps: int, weights: Callable[[], Any]) -> None:
        """Keeps what `weights` gives if the next interval has begun and something was learned since the last."""
        if self.kept and (self.elapsed < self._due() or steps == self.kept[-1].steps):
            return
        self.kept.append(Snapshot(self.elapsed, steps, weights()))

    def _due(self) -> float:
        # Just before a full interval: what is known at second 10 is then no older than a moment.
        return (int(self.kept[-1].seconds / self._interval) + 1) * self._interval - 0.1


def mean_return(
    policy: Policy, world: World, pool: str, scenario: ScenarioConfig, seed: int | np.random.SeedSequence
) -> float:
    """Mean return over a pool's users, played as every evaluation of the project plays."""
    return float(play(policy, world, world.users_in(pool), scenario, seed).rewards.sum(axis=1).mean())


def at_second(curve: Sequence[dict[str, float]], second: float) -> float | None:
    """The return of what was learned by then; None before the first snapshot.

    Args:
        curve: points with `seconds` and `return`, in order of time.
        second: since training began.
    """
    known = [point["return"] for point in curve if point["seconds"] <= second]
    return known[-1] if known else None


def passes_from(ours: Sequence[dict[str, float]], theirs: Sequence[dict[str, float]], seconds: range) -> list[int]:
    """The whole seconds at which `ours` does *not* earn more than `theirs`."""

    def ahead(second: int) -> bool:
        our, their = at_second(ours, second), at_second(theirs, second)
        return our is not None and (their is None or our > their)

    return [second for second in seconds if not ahead(second)]
