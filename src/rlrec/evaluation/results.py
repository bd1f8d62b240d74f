"""What judging policies leaves in files: classes of the JSON ones, columns of the tables.

Who writes a file and who reads it takes the class from here (`rlrec.storage.json_files`) or the columns
(`rlrec.storage.csv_files`). A metric is a row of a table and an entry of a mapping, so that a new one changes neither.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer

from rlrec.policies.policy import Note, Policy
from rlrec.settings.config import ScenarioConfig
from rlrec.storage.csv_files import Columns

INTERVAL: Columns = {"ci_low": float, "ci_high": float}
CONTRAST: Columns = {
    "reference": str,
    "diff": float,
    "diff_ci_low": float,
    "diff_ci_high": float,
    "p": float,
    "p_holm": float,
    "d_z": float,
    "share_gaining": float,
}
"""A policy beside the reference, see `rlrec.statistics.significance.contrast`."""

COMPARISON: Columns = {"policy": str, "slate_size": int, "metric": str, "mean": float, **INTERVAL, **CONTRAST}
"""`comparison.csv`: a row for each policy, slate size and metric."""
OFFLINE: Columns = {
    "protocol": str,
    "policy": str,
    "metric": str,
    "mean": float,
    **INTERVAL,
    **CONTRAST,
    "n_users": int,
}
"""`offline.csv`: a row for each protocol, policy and metric."""
INTERACTIVE: Columns = {"policy": str, "metric": str, "mean": float, **INTERVAL, **CONTRAST, "n_users": int}
"""`interactive.csv`: a row for each policy and metric."""
CURVES: Columns = {"policy": str, "step": int, "regret": float, **INTERVAL}
"""A row for each policy and step, see `rlrec.evaluation.regret.regret_curves`."""
REGRET: Columns = {"slate_size": int, **CURVES}
"""`regret.csv`."""

Share = Annotated[float, Field(gt=0, lt=1)]


Known = Annotated[float, BeforeValidator(lambda value: math.nan if value is None else value)]
"""A number, NaN where it is not known: JSON has null there."""


@dataclass(frozen=True)
class Interval:
    """A figure with its interval over users; a single user has none, NaN."""

    mean: float
    ci_low: Known
    ci_high: Known


@dataclass(frozen=True)
class SlateResults:
    """What was measured of a policy at one slate size.

    Attributes:
        metrics: by name: `return`, `ctr`, `ndcg`, `ndcg_max`, `diversity`, `coverage` and, of slates of two or more,
            `slate_diversity`.
        genre_exposure: a genre's share of all genre flags shown, by genre.
    """

    metrics: dict[str, Interval]
    genre_exposure: dict[str, Interval]


def _without_slate_size(scenario: ScenarioConfig) -> dict[str, Any]:
    return scenario.model_dump(mode="json", exclude={"slate_size"})


@dataclass(frozen=True)
class Evaluation:
    """`evaluation.json`: how learners did on test users.

    Attributes:
        learners: results by the learner's name, then by slate size.
        scenario: what all of them were played in; its slate size does not count and is not written.
        n_users: test users.
        seed: of the run.
        sessions_per_user: played by each of them.
        confidence: level of the intervals.
        bootstrap_samples: behind the intervals.
    """

    learners: Annotated[dict[str, dict[int, SlateResults]], Field(min_length=1)]
    scenario: Annotated[ScenarioConfig, PlainSerializer(_without_slate_size)]
    n_users: int
    seed: int
    sessions_per_user: int
    confidence: Share
    bootstrap_samples: int


@dataclass(frozen=True)
class ShownMovie:
    """A movie that was shown: number in the world, original id, title, names of its genres, and how it was rated."""

    movie: int
    movie_id: int
    title: str
    genres: list[str]
    rating: float


@dataclass(frozen=True)
class Step:
    """One recommendation: its number from 1, and the affinities to the session's genres before and after it."""

    step: int
    movies: Annotated[list[ShownMovie], Field(min_length=1)]
    reward: float
    affinities_before: dict[str, float]
    affinities_after: dict[str, float]


@dataclass(frozen=True)
class Session:
    """One session told step by step.

    Attributes:
        quantile: of its return among those of all test users.
        user: number in the world.
        user_id: the original one.
        earned: its return; `return` in the file.
        ctr: share of shown movies that were clicked.
        genres: those that the affinities are told for.
        steps: from the first to the last.
    """

    quantile: float
    user: int
    user_id: int
    earned: Annotated[float, Field(alias="return")]
    ctr: float
    genres: list[str]
    steps: Annotated[list[Step], Field(min_length=1)]


@dataclass(frozen=True)
class Sessions:
    """`sessions.json`: sessions of `n_users` test users with a policy, of which some are told."""

    policy: str
    scenario: ScenarioConfig
    seed: int
    n_users: int
    sessions: list[Session]


@dataclass(frozen=True)
class PolicyNote(Note):
    """What readers of a table are told of a policy: its note, and more.

    Attributes:
        draws: whether what it shows depends on chance.
        algorithm: what trained it; None of what is not trained.
    """

    draws: bool = False
    algorithm: str | None = None

    @classmethod
    def of(cls, policy: Policy | type[Policy]) -> PolicyNote:
        """What is said of a policy, or of all of a class."""
        return cls(**vars(policy.note), draws=policy.draws, algorithm=getattr(policy, "algorithm", None))


@dataclass(frozen=True)
class Policies:
    """`policies.json`: who is in the tables, by name, and with whom all others are compared in the simulator.

    Tables of real ratings say in their column `reference` with whom.
    """

    reference: str
    policies: dict[str, PolicyNote]

    @classmethod
    def of(cls, policies: Mapping[str, Policy | type[Policy]], reference: str) -> Policies:
        """What is said of these policies.

        Raises:
            ValueError: the reference is not among them.
        """
        if reference not in policies:
            raise ValueError(f"the reference {reference!r} is not among the policies {', '.join(policies)}")
        return cls(reference, {name: PolicyNote.of(policy) for name, policy in policies.items()})

    def bound(self) -> str:
        """Name of the policy that regret is measured against.

        Raises:
            ValueError: not exactly one is the bound.
        """
        names = [name for name, note in self.policies.items() if note.bound]
        if len(names) != 1:
            raise ValueError(f"regret needs one bound, but there are {len(names)}: {', '.join(names)}")
        return names[0]
