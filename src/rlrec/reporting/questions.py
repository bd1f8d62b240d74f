"""Who is best, question by question: what the page begins with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

from rlrec.reporting.cast import Cast
from rlrec.reporting.claims import Outcome, lead_of, returns_of
from rlrec.reporting.inputs import Inputs
from rlrec.reporting.offline import renamed
from rlrec.reporting.words import metric_note, number, tastes

COLD = "liked@40"
"""By what a cold start is judged."""


class Answer(NamedTuple):
    """Who answers a question best.

    Attributes:
        question: for people.
        best: who has the highest mean of all that are not told a taste.
        figure: its figure, with its interval.
        outcome: whether our learner, the reference, is ahead of all others, behind the best, or neither can be said,
            for want of users or else.
        beside: by how much, with interval and p-value.
    """

    question: str
    best: str
    figure: str
    outcome: Outcome
    beside: str


def answers(inputs: Inputs, size: int) -> list[Answer]:
    """The four questions.

    Args:
        inputs: of the page.
        size: K of the sessions in the simulator.
    """
    confidence, real = inputs.evaluation.confidence, renamed(inputs.offline)
    asked = [
        (f"Simulated: {tastes(inputs.evaluation.scenario.delta)}", returns_of(inputs.comparison, size), inputs.cast),
        ("What real people watched next", _of(real, "ndcg@10"), inputs.people),
        ("What they liked among what they watched", _of(real, "rerank_ndcg"), inputs.people),
        ("What real people like of whom nothing is known", _of(inputs.interactive, COLD), inputs.cold),
    ]
    found = [answer(question, rows, cast, confidence) for question, rows, cast in asked]
    return [one for one in found if one is not None]


def answer(question: str, rows: pd.DataFrame, cast: Cast, confidence: float) -> Answer | None:
    """Who answers a question best; None where nobody but the reference was asked.

    Args:
        question: for people.
        rows: of one metric in one setting, a policy each.
        cast: who is in them.
        confidence: level of the intervals.
    """
    fair = rows[[not cast.told(name) for name in rows["policy"]]]
    ordered = fair.sort_values("mean", ascending=False, kind="stable").to_dict("records")
    others = [row for row in ordered if row["policy"] != cast.reference]
    if not others or len(others) == len(ordered):
        return None
    first, rival = ordered[0], others[0]
    lead = lead_of(rival, confidence)
    mine = next(row for row in ordered if row["policy"] == cast.reference)
    if first is mine:
        told = {
            "win": f"ahead of {cast.label(rival['policy'])} by {lead.size}",
            "tie": f"not to be told from {cast.label(rival['policy'])}: a lead of {lead.value}",
            "loss": f"beside {cast.label(rival['policy'])}: {lead.value}",
            "few": f"beside {cast.label(rival['policy'])}: {lead.value}",
        }[lead.outcome]
    else:
        own = f"{cast.mine} has {_figure(mine)}"
        told = {
            "loss": f"{own}, {lead.size} less",
            "few": f"{own}: {lead.value}",
        }.get(lead.outcome, f"{own}, not to be told from it: {lead.value}")
    return Answer(question, cast.label(first["policy"]), _figure(first), lead.outcome, f"{told} ({lead.evidence})")


def _of(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    return table[table["metric"] == metric]


def _figure(row: Mapping[Any, Any]) -> str:
    metric = str(row["metric"])
    mean = number(metric, row["mean"], unit=False)
    if pd.isna(row["ci_low"]):
        return f"{metric_note(metric).label} {mean}"
    low, high = (number(metric, row[name], unit=False) for name in ("ci_low", "ci_high"))
    return f"{metric_note(metric).label} {mean} ({low} to {high})"
