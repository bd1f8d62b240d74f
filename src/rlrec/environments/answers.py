"""Who answers: the seam between a session and its users."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rlrec.worlds.dynamics import Floats


class Answers(Protocol):
    """B users who are shown slates and rate them.

    `rlrec.environments.fitted` has those who are simulated, `rlrec.environments.logged` real ones. `Sessions` keeps the
    books of what was shown and asks, at every step, `rate` (and `rate_all`, which the ideal slate is taken from) and
    then `after`.
    """

    def available(self) -> NDArray[np.bool_]:
        """`(B, N)`, a new array: the movies that each may be shown, before any was."""

    def rate(self, slates: NDArray[np.int64]) -> Floats:
        """`(B, K)` float32 in [1, 5], or 0 for no answer: how they rate these slates now, if asked.

        To ask changes nothing.
        """

    def rate_all(self) -> Floats:
        """`(B, N)` float32, the same of every movie."""

    def after(self, slates: NDArray[np.int64], ratings: Floats) -> None:
        """Goes on to the next step: `(B, K)` slates were shown and rated `(B, K)`, be it otherwise than by `rate`."""
