"""The global model: the weights, the optimizer's shared statistics, the version and the budget.

Local agents pull weights and push gradients at any time, and no agent waits for another beyond the moment in which a
gradient is applied (Mnih et al. 2016, arXiv 1602.01783, algorithm S3). An agent may die at any moment and be started
again; so may the process of the global model, which goes on from its newest checkpoint.
"""

import logging
import math
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from rlrec.agents.distributed.checkpoints import Checkpoints, Journal
from rlrec.agents.distributed.messages import (
    NOT_FINITE,
    TOO_OLD,
    WRONG_SHAPE,
    Counters,
    Floats,
    Means,
    Report,
    Snapshot,
    State,
    Work,
    counters_from,
    in_words,
    this_process,
)
from rlrec.errors import AgentError, ModelError
from rlrec.settings.config import Job
from rlrec.settings.learner import LearnerConfig
from rlrec.storage.untrusted import Arrays

log = logging.getLogger(__name__)

_STARTS_IN_VAIN = 5
"""Starts of an agent without a gradient in between, after which it is given up."""


class GlobalModel:
    """Shared by all agents; every method may be called from any thread. Implements `messages.SharedModel`."""

    def __init__(self, weights: Floats, job: Job, gradient_steps: int, checkpoints: Checkpoints | None = None) -> None:
        """Starts at version 0, or goes on from the newest checkpoint.

        Args:
            weights: `(P,)` to start with.
            job: its budget of steps, number of agents, optimizer and limits.
            gradient_steps: environment steps that a gradient counts for, see `Agent.steps`.
            checkpoints: where they are kept; None for nowhere.
        """
        self._training, self._synchronous, self._checkpoints = job.training, job.learner.synchronous, checkpoints
        self._budget = -(-job.training.steps // gradient_steps)
        self._variable = keras.Variable(weights, dtype="float32", name="weights")
        together = job.training.agents if self._synchronous else 1
        self._optimizer = make_optimizer(job.learner, -(-self._budget // together))
        self._optimizer.build([self._variable])
        # Traced once: op by op, applying was a large part of the training time, all of it under the lock.
        self._apply = tf.function(
            lambda gradient: self._optimizer.apply([gradient], [self._variable]),
            input_signature=[tf.TensorSpec(weights.shape, tf.float32)],
        )
        self._lock = threading.Lock()
        self._applied = threading.Condition(self._lock)
        self._stopped = False
        self._clock: float | None = None  # when training would have started had it never been interrupted
        self._version, self._arrived, self._next = 0, 0, 0
        self._outstanding: dict[int, int] = {}  # the work that each agent does
        self._to_repeat: list[int] = []  # work of agents that are gone
        self._ended: set[int] = set()
        self._starts_in_vain: Counter[int] = Counter()
        self._places: dict[int, str] = {}
        self._counters = Counters()
        self._latest: Report | None = None
        self._gathered: list[tuple[Floats, Report, int]] = []  # gradients to be applied together
        self._since_snapshot: list[tuple[Report, int]] = []
        self._snapshots = [Snapshot(0, 0, 0.0, _means([]), weights.copy())]
        self._snapshot_version = 0
        self._unsaved: tuple[int, Arrays, dict[str, Any]] | None = None
        self._incarnation = 1
        self._journal: Journal | None = None
        if checkpoints:
            self._go_on(checkpoints)

    def join(self, agent: int, place: str) -> int:
        """An agent starts, at `host:pid`; how often it had been started before.

        Raises:
            AgentError: it was started several times and never got as far as a gradient.
        """
        with self._lock:
            starts = self._counters.starts_by_agent
            starts[agent] += 1
            self._starts_in_vain[agent] += 1
            if self._starts_in_vain[agent] > _STARTS_IN_VAIN:
                raise AgentError(f"local agent {agent} died {_STARTS_IN_VAIN} times before it had sent a gradient")
            self._ended.discard(agent)
            self._places[agent] = place
            return starts[agent] - 1

    def pull(self, agent: int) -> Work | None:
        """The next piece of work with the newest weights, a `(P,)` float32 tensor; None when nothing is left to do.

        It is taken from the budget before it is done: agents that count afterwards overshoot. An agent that was started
        again gets what it had not delivered.

        Raises:
            AgentError: too many of the agent's gradients were refused.
        """
        with self._locked():
            if self._clock is None:
                self._clock = time.perf_counter() - self._counters.seconds
            refused = self._counters.refused.get(agent, Counter())
            if refused.total() > self._training.max_refused:
                raise AgentError(f"local agent {agent} was stopped: {in_words(refused)} of its gradients were refused")
            number = self._outstanding.get(agent)
            if number is None:
                number = None if self._stopped else self._take_work()
            if number is None or self._stopped:
                self._end(agent)
                return None
            self._outstanding[agent] = number
            return Work(number, self._incarnation, self._version, self._variable.value.read_value())

    def push(self, work: Work, gradient: Floats, report: Report) -> None:
        """Applies a gradient, unless it is unsound; see `messages` for why one is refused.

        Where agents wait for one another it returns when the gradients of all agents have arrived.
        """
        reason = self._unsound(gradient)
        with self._locked():
            began = time.perf_counter()
            counters, agent = self._counters, report.agent
            if work.incarnation != self._incarnation or self._outstanding.get(agent) != work.number:
                counters.discarded += 1
                return
            del self._outstanding[agent]
            self._starts_in_vain[agent] = 0
            self._arrived += 1
            counters.steps += report.steps
            counters.steps_by_agent[agent] += report.steps
            counters.wait_seconds += report.waited
            counters.seconds = began - (self._clock or began)
            staleness = self._version - work.version
            if reason or staleness > self._training.max_staleness:
                counters.refused.setdefault(agent, Counter())[reason or TOO_OLD] += 1
                log.warning("a gradient of local agent %d was refused: %s", agent, reason or TOO_OLD)
                self._snapshot_if_due()
                return
            self._gathered.append((gradient, report, staleness))
            version = self._version
            self._apply_if_complete()
            counters.apply_seconds += time.perf_counter() - began
            while self._version == version:  # where agents wait, until the others' have arrived
                self._applied.wait()

    def release(self, agent: int) -> None:
        """The agent will not come back: others may do what it was doing."""
        with self._locked():
            if (number := self._outstanding.pop(agent, None)) is not None:
                self._to_repeat.append(number)
            self._end(agent)

    def stop(self) -> None:
        """Lets every agent end after what it is doing."""
        with self._lock:
            self._stopped = True

    def state(self) -> State:
        """How far training is."""
        with self._lock:
            counters = replace(
                self._counters,
                steps_by_agent=self._counters.steps_by_agent.copy(),
                starts_by_agent=self._counters.starts_by_agent.copy(),
                refused={agent: reasons.copy() for agent, reasons in self._counters.refused.items()},
                staleness=self._counters.staleness.copy(),
            )
            progress = (self._version, self._arrived, self._budget, self._stopped)
            return State(*progress, counters, this_process(), dict(self._places), self._latest)

    def weights(self) -> Floats:
        """A copy of the newest weights, `(P,)`."""
        with self._lock:
            return np.array(self._variable.numpy())

    def take_snapshots(self) -> list[Snapshot]:
        """Snapshots of every `checkpoint_every`-th version that were not taken yet, the oldest first."""
        with self._lock:
            taken, self._snapshots = self._snapshots, []
            return taken

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Holds the lock; a checkpoint that became due meanwhile is written without it, so that nobody waits for it."""
        asked = time.perf_counter()
        with self._lock:
            self._counters.lock_wait_seconds += time.perf_counter() - asked
            yield
            due, self._unsaved = self._unsaved, None
        if due and self._checkpoints:
            self._checkpoints.save_version(*due)

    def _take_work(self) -> int | None:
        if self._to_repeat:
            return self._to_repeat.pop()
        if self._next >= self._budget:
            return None
        self._next += 1
        return self._next - 1

    def _end(self, agent: int) -> None:
        self._ended.add(agent)
        self._apply_if_complete()

    def _unsound(self, gradient: Floats) -> str | None:
        if gradient.shape != tuple(self._variable.shape):
            return WRONG_SHAPE
        return None if np.isfinite(gradient).all() else NOT_FINITE

    def _apply_if_complete(self) -> None:
        """Applies what was gathered: one gradient, or where agents wait the mean of all that go on."""
        expected = max(self._training.agents - len(self._ended), 1) if self._synchronous else 1
        if not self._gathered or len(self._gathered) < expected:
            return
        gathered, self._gathered = self._gathered, []
        gradients = [gradient for gradient, _, _ in gathered]
        self._apply(gradients[0] if len(gradients) == 1 else np.mean(gradients, axis=0))
        self._version += 1
        if self._journal:
            self._journal.write(self._version)
        for _, report, staleness in gathered:
            self._counters.staleness[staleness] += 1
            self._since_snapshot.append((report, staleness))
            if not math.isnan(next(iter(report.figures.values()), math.nan)):
                self._latest = report
        self._snapshot_if_due()
        self._applied.notify_all()

    def _snapshot_if_due(self) -> None:
        last = self._arrived == self._budget and not self._gathered
        if self._version == self._snapshot_version or not (
            last or self._version % self._training.checkpoint_every == 0
        ):
            return
        means, self._since_snapshot = _means(self._since_snapshot), []
        counters, weights = self._counters, self._variable.numpy().copy()
        self._snapshots.append(Snapshot(self._version, counters.steps, counters.seconds, means, weights))
        self._snapshot_version = self._version
        if self._checkpoints:
            arrays = {"weights": weights} | {name: value.numpy() for name, value in self._optimizer_state().items()}
            meta = {"version": self._version, "arrived": self._arrived, "means": means, "counters": vars(counters)}
            self._unsaved = self._version, arrays, deepcopy(meta)

    def _optimizer_state(self) -> dict[str, Any]:
        return {f"optimizer_{number}": variable for number, variable in enumerate(self._optimizer.variables)}

    def _go_on(self, checkpoints: Checkpoints) -> None:
        """Takes up the newest checkpoint, if there is one."""
        self._journal = journal = checkpoints.journal()
        try:
            if found := checkpoints.newest():
                self._take_up(*found)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError(
                f"the checkpoints in {checkpoints.folder} do not fit this training: {error}. "
                "Remove the folder to start from zero"
            ) from error
        journal.start(self._version)
        self._incarnation = journal.incarnation
        self._counters.restarts, self._counters.lost_updates = journal.incarnation - 1, journal.lost

    def _take_up(self, arrays: Arrays, meta: dict[str, Any]) -> None:
        self._variable.assign(arrays["weights"])
        for name, variable in self._optimizer_state().items():
            variable.assign(arrays[name])
        self._version = self._snapshot_version = int(meta["version"])
        self._arrived = self._next = int(meta["arrived"])
        self._counters = counters = counters_from(meta["counters"])
        means = Means(dict(meta["means"][0]), float(meta["means"][1]))
        self._snapshots = [Snapshot(self._version, counters.steps, counters.seconds, means, arrays["weights"])]


def _means(updates: list[tuple[Report, int]]) -> Means:
    def mean(values: list[float]) -> float:
        return float(np.mean(values)) if values else math.nan

    told: dict[str, list[float]] = {}
    for report, _ in updates:
        for name, value in report.figures.items():
            told.setdefault(name, []).extend([] if math.isnan(value) else [value])
    return Means({name: mean(values) for name, values in told.items()}, mean([staleness for _, staleness in updates]))


def make_optimizer(learner: LearnerConfig, updates: int) -> keras.optimizers.Optimizer:
    """The optimizer whose statistics all agents share, its learning rate falling linearly over the updates.

    RMSProp is the paper's: `g ← α g + (1 − α) Δθ²`, `θ ← θ − η Δθ / √(g + ε)` (equations S2 and S3).
    """
    rate = keras.optimizers.schedules.PolynomialDecay(
        learner.learning_rate, max(updates, 1), learner.final_learning_rate
    )
    if learner.optimizer == "rmsprop":
        return keras.optimizers.RMSprop(rate, rho=0.99, epsilon=1e-5, global_clipnorm=learner.clip_norm)
    return keras.optimizers.Adam(rate, epsilon=1e-5, global_clipnorm=learner.clip_norm)
