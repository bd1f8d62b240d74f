"""What a training leaves to be read: its learning curve, and a summary of how it went."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class CurvePoint:
    """One line of the learning curve: means up to a checkpoint, and what the checkpoint earns on validation users.

    The interval is over these users, of level `CONFIDENCE`. The best checkpoint is flattered all the same: it was
    chosen by this figure.

    Attributes:
        version: number of updates.
        steps: environment steps so far.
        seconds: of training so far.
        figures: those of the algorithm, means over the updates since the point before; None or NaN without any.
        staleness: mean of the same updates.
        validation_return: mean over validation users.
        validation_ci_low: of its interval; None or NaN where one user alone would say how users differ.
        validation_ci_high: likewise.
        judged_return: mean over all who judge, validation users and the simulated ones who judge beside them
            (`training.judging_users`): trainings that the same users judge are compared by it.
        gain: mean difference of return from the first point, over the same: what the best checkpoint is chosen by.
        gain_error: its standard error, paired by user.
        judges: how many users that are.
    """

    version: int
    steps: int
    seconds: float
    figures: dict[str, float | None]
    staleness: float | None
    validation_return: float
    validation_ci_low: float | None
    validation_ci_high: float | None
    judged_return: float
    gain: float
    gain_error: float
    judges: int

    def row(self) -> dict[str, Any]:
        """A row of `curve.csv`: the algorithm's figures are columns like all others."""
        values = asdict(self)
        return {
            inner: number
            for name, value in values.items()
            for inner, number in (value.items() if name == "figures" else ((name, value),))
        }


def curve_rows(points: Sequence[CurvePoint]) -> list[dict[str, Any]]:
    """Rows of `curve.csv`, all with the columns of the last: before the first update there are no figures yet."""
    rows = [point.row() for point in points]
    return [{name: row.get(name) for name in rows[-1]} for row in rows]


@dataclass(frozen=True)
class TrainingSummary:
    """`training.json`; counts by agent have the agents' numbers as keys.

    Attributes:
        learner: its name in the settings.
        algorithm: what was trained.
        label: how tables and figures call it.
        learns_from: whom it played: simulated users, or logged ones.
        executor: what ran the agents.
        synchronous: whether agents waited for one another.
        agents: how many there were.
        steps: environment steps, all agents together.
        steps_by_agent: of each.
        restarts_by_agent: how often each was started again.
        updates: versions of the global model.
        refused_by_agent: gradients that were refused.
        refused: the same in words.
        failed_agents: why those ended early that did.
        discarded: gradients of work that was given out again meanwhile.
        global_model_restarts: how often it went on from a checkpoint.
        lost_updates: by that.
        resumed_from_version: where this training went on, if it did.
        seconds: of training.
        prepared_seconds: before it.
        steps_per_second: gradients included.
        updates_per_second: of the global model.
        staleness: updates by how many versions their gradients were behind.
        mean_staleness: of all updates.
        apply_seconds: that agents spent while gradients were applied.
        lock_wait_seconds: waiting for the global model's lock.
        wait_seconds: all that agents waited for the global model: lock, applying, and messages on their way.
        confidence: level of the intervals.
        best: the point whose checkpoint was kept.
        final: the last point.
    """

    learner: str
    algorithm: str
    label: str
    learns_from: str
    executor: str
    synchronous: bool
    agents: int
    steps: int
    steps_by_agent: dict[str, int]
    restarts_by_agent: dict[str, int]
    updates: int
    refused_by_agent: dict[str, int]
    refused: dict[str, str]
    failed_agents: dict[str, str]
    discarded: int
    global_model_restarts: int
    lost_updates: int
    resumed_from_version: int | None
    seconds: float
    prepared_seconds: float
    steps_per_second: float
    updates_per_second: float
    staleness: dict[str, int]
    mean_staleness: float
    apply_seconds: float
    lock_wait_seconds: float
    wait_seconds: float
    confidence: float
    best: CurvePoint
    final: CurvePoint
