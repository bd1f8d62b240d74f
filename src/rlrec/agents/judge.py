"""The learning curve, and the best checkpoint by what it earns on validation users."""

from collections.abc import Callable
from dataclasses import asdict

import numpy as np

from rlrec.agents.distributed.checkpoints import Checkpoints
from rlrec.agents.distributed.messages import Floats, Snapshot
from rlrec.agents.results import CurvePoint
from rlrec.errors import ModelError
from rlrec.policies.playing import play
from rlrec.policies.policy import Policy
from rlrec.settings.config import Job, derive_seed
from rlrec.statistics.intervals import CONFIDENCE, ratio
from rlrec.worlds.world import World

_SAVED = "judged"


class Judge:
    """Plays validation users with each snapshot and keeps the best.

    Attributes:
        curve: a point for every snapshot, by version.
        best: the point with the highest validation return; of equals the earlier one. Version 0 learned nothing.
        best_weights: `(P,)`, its weights.
    """

    def __init__(
        self, world: World, job: Job, as_policy: Callable[[Floats], Policy], checkpoints: Checkpoints | None
    ) -> None:
        """Takes up what an interrupted training had judged, if there is anything."""
        self._world, self._job, self._as_policy, self._checkpoints = world, job, as_policy, checkpoints
        self._users = world.users_in("validation")
        self.curve: list[CurvePoint] = []
        self.best: CurvePoint | None = None
        self.best_weights: Floats | None = None
        try:
            if checkpoints and (found := checkpoints.load(_SAVED)):
                arrays, meta = found
                self.curve = [CurvePoint(**point) for point in meta["curve"]]
                if meta["best"] is not None:
                    self.best, self.best_weights = CurvePoint(**meta["best"]), arrays["best_weights"]
        except (ModelError, TypeError):
            # Torn, or its points are not today's: the newest snapshot is judged again, and the curve starts there.
            self.curve = []

    def __call__(self, snapshot: Snapshot) -> CurvePoint:
        """Judges a snapshot. Points of later versions are forgotten: the training lost them."""
        seed = derive_seed(self._job.seed, "validation sessions")
        played = play(self._as_policy(snapshot.weights), self._world, self._users, self._job.scenario, seed)
        returns = played.rewards.sum(axis=1, dtype=np.float64)
        earned = ratio(returns, np.ones(len(returns)))
        figures, staleness = snapshot.means
        point = CurvePoint(
            snapshot.version,
            snapshot.steps,
            snapshot.seconds,
            dict(figures),
            staleness,
            earned.value,
            *earned.interval(CONFIDENCE),
        )
        self.curve = [*(p for p in self.curve if p.version < snapshot.version), point]
        if snapshot.version and (self.best is None or earned.value > self.best.validation_return):
            self.best, self.best_weights = point, snapshot.weights
        if self._checkpoints:
            weights = {} if self.best_weights is None else {"best_weights": self.best_weights}
            best = None if self.best is None else asdict(self.best)
            self._checkpoints.save(_SAVED, weights, {"curve": [asdict(p) for p in self.curve], "best": best})
        return point
