"""What local agents, the global model and the training tell each other: plain values that cross processes."""

import os
import socket
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

NOT_FINITE, WRONG_SHAPE, TOO_OLD = "not finite", "wrong shape", "too old"
"""Why a gradient is refused."""


def this_process() -> str:
    """`host:pid`."""
    return f"{socket.gethostname()}:{os.getpid()}"


class Work(NamedTuple):
    """What a local agent pulls: a gradient to compute, which is part of the budget, and the weights to do it with."""

    number: int
    incarnation: int  # of the global model that gave it out
    version: int
    weights: Any  # (P,) float32; a tensor within a process


class Report(NamedTuple):
    """What an agent tells with a gradient."""

    agent: int
    steps: int  # of the environment
    figures: Mapping[str, float]  # those of its algorithm; NaN where there is nothing to tell
    waited: float = 0.0  # seconds that the agent waited for the global model since it told last


class Means(NamedTuple):
    """Means over the updates since the snapshot before; NaN where there are none."""

    figures: dict[str, float]
    staleness: float


class Snapshot(NamedTuple):
    """Weights to be judged, and how training went on the way to them."""

    version: int
    steps: int  # since the start
    seconds: float  # since the start
    means: Means
    weights: Floats  # (P,)


@dataclass
class Counters:
    """Totals since the start; what was lost with a process and played again counts once."""

    steps: int = 0
    seconds: float = 0.0
    steps_by_agent: Counter[int] = field(default_factory=Counter)
    starts_by_agent: Counter[int] = field(default_factory=Counter)
    """Times that an agent was started: once, and once more for every time it died."""
    refused: dict[int, Counter[str]] = field(default_factory=dict)
    """Refused gradients by agent and reason."""
    staleness: Counter[int] = field(default_factory=Counter)
    apply_seconds: float = 0.0
    lock_wait_seconds: float = 0.0
    wait_seconds: float = 0.0
    """All that agents waited for the global model: the lock, gradients being applied, and messages on their way."""
    discarded: int = 0
    """Gradients of work that was given out by a global model that died, or given out again meanwhile."""
    restarts: int = 0
    """Times that the global model went on from a checkpoint."""
    lost_updates: int = 0
    """Updates after the checkpoints it went on from."""


def counters_from(values: dict[str, Any]) -> Counters:
    """Counters from what `dataclasses.asdict` made of them, by way of JSON."""

    def by_number(counts: dict[str, int]) -> Counter[int]:
        return Counter({int(number): count for number, count in counts.items()})

    numbered = {name: by_number(values[name]) for name in ("steps_by_agent", "starts_by_agent", "staleness")}
    refused = {int(agent): Counter(reasons) for agent, reasons in values["refused"].items()}
    return Counters(**{**values, **numbered, "refused": refused})


def in_words(refused: Counter[str]) -> str:
    """Refused gradients in words, e.g. `11 (8 not finite, 3 too old)`."""
    return f"{refused.total()} ({', '.join(f'{count} {reason}' for reason, count in sorted(refused.items()))})"


class State(NamedTuple):
    """How far a training is."""

    version: int
    arrived: int  # gradients, applied or refused
    budget: int  # gradients in all
    stopped: bool  # by `stop`
    counters: Counters
    home: str
    """`host:pid` of the global model's process."""
    places: dict[int, str]
    """`host:pid` of each agent's process."""
    latest: Report | None
    """The last one that told what a session earned."""


class SharedModel(Protocol):
    """The global model as the agents and the training see it, in this process or in another one."""

    def join(self, agent: int, place: str) -> int:
        """An agent starts, at `host:pid`; how often it had been started before."""

    def pull(self, agent: int) -> Work | None:
        """The next piece of work with the newest weights; None when nothing of the budget is left."""

    def push(self, work: Work, gradient: Floats, report: Report) -> None:
        """Delivers a gradient."""

    def release(self, agent: int) -> None:
        """The agent will not come back: others may do what it was doing."""

    def stop(self) -> None:
        """Lets every agent end after what it is doing."""

    def state(self) -> State:
        """How far training is."""

    def weights(self) -> Floats:
        """A copy of the newest weights, `(P,)`."""

    def take_snapshots(self) -> list[Snapshot]:
        """Snapshots of every `checkpoint_every`-th version that were not taken yet, the oldest first."""
