"""Who is who in the tables, from what was noted of each policy: no policy is known here by its name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from rlrec.evaluation.results import PolicyNote
from rlrec.policies.policy import Kind


@dataclass(frozen=True)
class Cast:
    """The policies of some tables.

    Attributes:
        reference: name of the one that all others are compared with.
        notes: by name; a policy without one keeps its name.
    """

    reference: str
    notes: Mapping[str, PolicyNote]

    @property
    def mine(self) -> str:
        """The reference's label."""
        return self.label(self.reference)

    def note(self, name: str) -> PolicyNote:
        """What is told of a policy; one that nothing is known of is taken for a rival like any other."""
        return self.notes.get(name, PolicyNote(name, "Not described.", "adaptive"))

    def label(self, name: str) -> str:
        """Its name for people; where two share one, with that of the tables."""
        label = self.note(name).label
        shared = Counter(note.label for note in self.notes.values())[label] > 1
        return f"{label} ({name})" if shared else label

    def kind(self, name: str) -> Kind:
        """What it goes by."""
        return self.note(name).kind

    def told(self, name: str) -> bool:
        """Whether it is told the user's true taste, which no recommender can know."""
        return self.kind(name) == "told"

    def is_fair_rival(self, name: str) -> bool:
        """Whether it is neither told the taste nor a learner of ours."""
        return self.kind(name) not in ("told", "learner")

    def learners(self, names: Iterable[str]) -> list[str]:
        """Our learners among some policies, without the reference."""
        return [name for name in dict.fromkeys(names) if self.kind(name) == "learner" and name != self.reference]

    def bound(self, names: Iterable[str]) -> str | None:
        """The policy among some that regret is measured against."""
        return next((name for name in names if self.note(name).bound), None)

    def strongest_rival(self, rows: pd.DataFrame) -> str | None:
        """Who has the highest mean of those that are neither told the taste nor our learners; None without any.

        Args:
            rows: of one metric in one setting, with `policy` and `mean`.
        """
        return _highest(rows[[self.is_fair_rival(name) and name != self.reference for name in rows["policy"]]])

    def stands_for(self, name: str, kind: Kind) -> bool:
        """Whether it may be named as the best of a kind: not the reference, and no lottery for an order for all."""
        lottery = kind == "unpersonal" and self.note(name).draws
        return self.kind(name) == kind and name != self.reference and not lottery

    def best(self, rows: pd.DataFrame, kind: Kind) -> str | None:
        """Who has the highest mean of those that stand for a kind; arguments as there."""
        return _highest(rows[[self.stands_for(name, kind) for name in rows["policy"]]])


def _highest(rows: pd.DataFrame) -> str | None:
    return None if rows.empty else str(rows["policy"].iloc[int(rows["mean"].argmax())])
