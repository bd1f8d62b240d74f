"""The global model: the weights, the optimizer's shared statistics, the version and the budget.

Local agents pull weights and push gradients at any time, and no agent waits for another beyond the moment in which a
gradient is applied (Mnih et al. 2016, arXiv 1602.01783, algorithm S3).
"""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from rlrec.config import TrainConfig

Floats = NDArray[np.float32]


class Report(NamedTuple):
    """What an agent tells with a gradient: means over its rollout; return and CTR only where sessions ended."""

    agent: int
    steps: int
    entropy: float
    policy_loss: float
    value_loss: float
    mean_return: float | None = None
    ctr: float | None = None


class Means(NamedTuple):
    """Means over the updates since the snapshot before; NaN where there are none."""

    mean_return: float
    ctr: float
    entropy: float
    policy_loss: float
    value_loss: float
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
    """Totals since the start."""

    steps: int = 0
    seconds: float = 0.0
    steps_by_agent: Counter[int] = field(default_factory=Counter)
    staleness: Counter[int] = field(default_factory=Counter)
    refused_by_agent: Counter[int] = field(default_factory=Counter)
    apply_seconds: float = 0.0
    lock_wait_seconds: float = 0.0


class GlobalModel:
    """Shared by all agents of a process; every method may be called from any thread."""

    def __init__(self, weights: Floats, train: TrainConfig, *, steps_per_rollout: int) -> None:
        """Starts at version 0 with the given flat `(P,)` weights."""
        self._train = train
        self._rollouts = -(-train.steps // steps_per_rollout)
        self._variable = keras.Variable(weights, dtype="float32", name="weights")
        self._optimizer = make_optimizer(train, self._rollouts)
        self._optimizer.build([self._variable])
        # Traced once: op by op, applying was a large part of the training time, all of it under the lock.
        self._apply = tf.function(
            lambda gradient: self._optimizer.apply([gradient], [self._variable]),
            input_signature=[tf.TensorSpec(weights.shape, tf.float32)],
        )
        self._lock = threading.Lock()
        self._reserved = 0
        self._stopped = False
        self._started: float | None = None
        self.version = 0
        self.counters = Counters()
        self._since_snapshot: list[tuple[Report, int]] = []
        self._snapshots = [Snapshot(0, 0, 0.0, _means([]), weights.copy())]
        self.latest: Report | None = None
        """Of the last rollout that ended its sessions."""

    @property
    def budget(self) -> int:
        """Rollouts to be played in all: the step budget, rounded up to whole rollouts."""
        return self._rollouts

    def reserve(self) -> int | None:
        """The number of the next rollout, or None when the budget is spent or training was stopped.

        Reserved before it is played: agents that count afterwards overshoot the budget.
        """
        with self._lock:
            if self._started is None:
                self._started = time.perf_counter()
            if self._stopped or self._reserved >= self._rollouts:
                return None
            self._reserved += 1
            return self._reserved - 1

    def stop(self) -> None:
        """Lets every agent end after the rollout it is playing."""
        self._stopped = True

    def pull(self) -> tuple[Any, int]:
        """The weights, a `(P,)` float32 tensor, and their version."""
        with self._lock:
            return self._variable.value.read_value(), self.version

    def push(self, gradient: Floats, pulled: int, report: Report) -> bool:
        """Applies a gradient that was computed from version `pulled`.

        Returns:
            Whether it was applied; a gradient of the wrong shape, or with a NaN or an infinity, is refused and counted.
        """
        sound = gradient.shape == tuple(self._variable.shape) and bool(np.isfinite(gradient).all())
        asked = time.perf_counter()
        with self._lock:
            began = time.perf_counter()
            counters = self.counters
            counters.lock_wait_seconds += began - asked
            counters.steps += report.steps
            counters.steps_by_agent[report.agent] += report.steps
            counters.seconds = began - (self._started or began)
            if not sound:
                counters.refused_by_agent[report.agent] += 1
                return False
            staleness = self.version - pulled
            counters.staleness[staleness] += 1
            self._apply(gradient)
            self.version += 1
            self._since_snapshot.append((report, staleness))
            if report.mean_return is not None:
                self.latest = report
            if self.version % self._train.checkpoint_every == 0 or self.version == self._rollouts:
                means, self._since_snapshot = _means(self._since_snapshot), []
                weights = self._variable.numpy().copy()
                self._snapshots.append(Snapshot(self.version, counters.steps, counters.seconds, means, weights))
            counters.apply_seconds += time.perf_counter() - began
            return True

    def take_snapshots(self) -> list[Snapshot]:
        """Snapshots of every `checkpoint_every`-th version that were not taken yet, the oldest first."""
        with self._lock:
            taken, self._snapshots = self._snapshots, []
            return taken


def _means(updates: list[tuple[Report, int]]) -> Means:
    def mean(values: list[float]) -> float:
        return float(np.mean(values)) if values else float("nan")

    reports = [report for report, _ in updates]
    return Means(
        mean([r.mean_return for r in reports if r.mean_return is not None]),
        mean([r.ctr for r in reports if r.ctr is not None]),
        mean([r.entropy for r in reports]),
        mean([r.policy_loss for r in reports]),
        mean([r.value_loss for r in reports]),
        mean([staleness for _, staleness in updates]),
    )


def make_optimizer(train: TrainConfig, updates: int) -> keras.optimizers.Optimizer:
    """The optimizer whose statistics all agents share, its learning rate falling linearly over the updates.

    RMSProp is the paper's: `g ← α g + (1 − α) Δθ²`, `θ ← θ − η Δθ / √(g + ε)` (equations S2 and S3).
    """
    rate = keras.optimizers.schedules.PolynomialDecay(train.learning_rate, max(updates, 1), train.final_learning_rate)
    if train.optimizer == "rmsprop":
        return keras.optimizers.RMSprop(rate, rho=0.99, epsilon=1e-5, global_clipnorm=train.clip_norm)
    return keras.optimizers.Adam(rate, epsilon=1e-5, global_clipnorm=train.clip_norm)
