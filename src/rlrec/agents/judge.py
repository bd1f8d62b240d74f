"""The learning curve, and the best checkpoint by what it earns beside the first."""

from collections.abc import Callable
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from rlrec.agents.distributed.checkpoints import Checkpoints
from rlrec.agents.distributed.messages import Floats, Snapshot
from rlrec.agents.jury import Jury
from rlrec.agents.results import CurvePoint
from rlrec.errors import ModelError
from rlrec.policies.policy import Policy
from rlrec.statistics.intervals import CONFIDENCE, ratio

_SAVED = "judged"


class Judge:
    """Has a jury judge each snapshot, and keeps the best.

    What decides is the difference of a snapshot's return from the first's, paired by user. Where the start is worth
    keeping (`Agent.warm`), it is kept unless another is better beyond doubt (`Agent.doubt`).

    Attributes:
        curve: a point for every snapshot, by version.
        best: the point of the highest gain, of equals the earlier one; version 0 only where it is worth keeping.
        best_weights: `(P,)`, its weights.
    """

    def __init__(
        self,
        jury: Jury,
        as_policy: Callable[[Floats], Policy],
        checkpoints: Checkpoints | None,
        *,
        warm: bool = False,
        doubt: float = 2.0,
    ) -> None:
        """Takes up what an interrupted training had judged, if there is anything."""
        self._jury, self._as_policy, self._checkpoints = jury, as_policy, checkpoints
        self._warm, self._doubt = warm, doubt
        self.curve: list[CurvePoint] = []
        self.best: CurvePoint | None = None
        self.best_weights: Floats | None = None
        self._first: NDArray[np.float64] | None = None
        try:
            if checkpoints and (found := checkpoints.load(_SAVED)):
                arrays, meta = found
                self.curve = [CurvePoint(**point) for point in meta["curve"]]
                self._first = arrays["first"]
                if meta["best"] is not None:
                    self.best, self.best_weights = CurvePoint(**meta["best"]), arrays["best_weights"]
        except (ModelError, TypeError, KeyError):
            # Torn, or its points are not today's: the newest snapshot is judged again, and the curve starts there.
            self.curve = []

    def __call__(self, snapshot: Snapshot) -> CurvePoint:
        """Judges a snapshot. Points of later versions are forgotten: the training lost them."""
        returns = self._jury.returns(self._as_policy(snapshot.weights))
        if self._first is None:
            self._first = returns
        gains, validation = returns - self._first, returns[: self._jury.validation]
        earned = ratio(validation, np.ones(len(validation)))
        figures, staleness = snapshot.means
        point = CurvePoint(
            snapshot.version,
            snapshot.steps,
            snapshot.seconds,
            dict(figures),
            staleness,
            earned.value,
            *earned.interval(CONFIDENCE),
            float(returns.mean()),
            float(gains.mean()),
            float(gains.std() / np.sqrt(len(gains))),
            len(gains),
        )
        self.curve = [*(p for p in self.curve if p.version < snapshot.version), point]
        if self._is_best(point):
            self.best, self.best_weights = point, snapshot.weights
        if self._checkpoints:
            weights = {} if self.best_weights is None else {"best_weights": self.best_weights}
            best = None if self.best is None else asdict(self.best)
            arrays = weights | {"first": self._first}
            self._checkpoints.save(_SAVED, arrays, {"curve": [asdict(p) for p in self.curve], "best": best})
        return point

    def _is_best(self, point: CurvePoint) -> bool:
        if point.version == 0:
            return self._warm
        if self.best is None:
            return True
        return point.gain > max(self.best.gain, self._doubt * point.gain_error if self._warm else self.best.gain)
