"""What has a row for each of B sessions: rows can be taken out, and put back."""

from __future__ import annotations

import copy
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

Chosen = NDArray[np.bool_]
"""`(B,)`, the rows that are meant."""


class Rows:
    """State of a batch of sessions, one a row.

    Sessions of a batch go on in step. Where one of them waits or starts anew while the others go on, its row is taken
    out and put back afterwards.

    Attributes:
        per_row: names of the attributes that have a row for each session: arrays `(B, ...)`, lists of B, or `Rows`
            themselves; None for what there is none of. The others are the same for all sessions.
    """

    per_row: ClassVar[tuple[str, ...]] = ()

    def take(self, chosen: Chosen) -> Self:
        """A copy with the chosen rows only; what is done to it leaves this one alone."""
        taken = copy.copy(self)
        for name in self.per_row:
            setattr(taken, name, _taken(getattr(self, name), chosen))
        return taken

    def put(self, chosen: Chosen, others: Self) -> None:
        """Replaces the chosen rows by those of others, in their order."""
        for name in self.per_row:
            setattr(self, name, _put(getattr(self, name), chosen, getattr(others, name)))


def _taken(value: Any, chosen: Chosen) -> Any:
    if value is None:
        return None
    if isinstance(value, Rows):
        return value.take(chosen)
    if isinstance(value, list):  # generators, which have a state of their own
        return copy.deepcopy([one for one, wanted in zip(value, chosen.tolist(), strict=False) if wanted])
    return value[chosen]


def _put(value: Any, chosen: Chosen, others: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, Rows):
        value.put(chosen, others)
        return value
    if isinstance(value, list):
        new = iter(others)
        return [next(new, old) if wanted else old for old, wanted in zip(value, chosen.tolist(), strict=False)]
    changed = value.copy()  # somebody may have been given it
    changed[chosen] = others
    return changed
