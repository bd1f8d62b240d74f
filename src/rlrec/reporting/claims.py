"""What a comparison came to, in sentences made of its numbers: each has its interval, and none says more than that.

A difference is one only if its interval is clear of zero and its p-value, corrected after Holm, is below the level.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import pandas as pd

from rlrec.reporting.shapes import Fidelity
from rlrec.reporting.words import metric_note, number, p_text, policy_note, shown, signed

Outcome = Literal["win", "tie", "loss"]

COLLABORATIVE = ("item_knn", "als", "bpr", "ease")
"""Baselines that learn from who rated what."""
_TASKS = {
    "ndcg@10": "foreseeing what people watch next",
    "rerank_ndcg": "putting what people watched in the order of their ratings",
}


class Verdict(NamedTuple):
    """How A3C did beside one rival, or several."""

    outcome: Outcome
    rival: str
    sentence: str


class Lead(NamedTuple):
    """*A3C minus rival*."""

    outcome: Outcome
    size: str
    """Its absolute value, as printed."""
    value: str
    """With its sign."""
    evidence: str
    """Its interval and p-value."""


def outcome_of(low: float, high: float, p_holm: float = 0.0, confidence: float = 0.95) -> Outcome:
    """What an interval of *A3C minus rival* and its corrected p-value say; an interval that holds zero says nothing.

    >>> outcome_of(0.2, 1.5), outcome_of(-0.1, 0.4), outcome_of(-2.0, -0.3), outcome_of(-2.0, -0.3, p_holm=0.2)
    ('win', 'tie', 'loss', 'tie')
    """
    if low <= 0 <= high or p_holm >= 1 - confidence:
        return "tie"
    return "win" if low > 0 else "loss"


def lead_of(row: Mapping[Any, Any], confidence: float) -> Lead:
    """A3C's lead over the policy of a row.

    Args:
        row: of a table with `metric` and the columns of the difference *policy minus A3C*.
        confidence: level of its interval.
    """
    metric = str(row["metric"])
    value, low, high = -row["diff_from_a3c"], -row["diff_ci_high"], -row["diff_ci_low"]
    return Lead(
        outcome_of(low, high, row["p_holm"], confidence),
        number(metric, abs(value)),
        signed(metric, value),
        f"{_of_difference(metric, low, high, confidence)}; Holm's {p_text(row['p_holm'])}",
    )


def strongest_rival(comparison: pd.DataFrame, slate_size: int, among: Sequence[str] | None = None) -> str | None:
    """Who earns the highest mean return of those that are not told the user's taste; None without any.

    Args:
        comparison: `comparison.csv`.
        slate_size: K.
        among: names to choose from; all but our own learners where absent.
    """
    rows = comparison[(comparison["metric"] == "return") & (comparison["slate_size"] == slate_size)]
    if among is not None:
        rows = rows[rows["policy"].isin(among)]
    return strongest(rows)


def strongest(rows: pd.DataFrame) -> str | None:
    """The policy with the highest mean of those that are neither told the user's taste nor our own learners."""
    notes = [(name, policy_note(name)) for name in rows["policy"]]
    fair = rows[[not (note.sees_taste or note.learner) for _, note in notes]]
    return None if fair.empty else str(fair["policy"].iloc[int(fair["mean"].argmax())])


def verdict(comparison: pd.DataFrame, rival: str, slate_size: int, confidence: float) -> Verdict:
    """A sentence on A3C's return beside a rival's, with the interval of their difference paired by user.

    Args:
        comparison: `comparison.csv`.
        rival: a policy in it other than `a3c`.
        slate_size: K.
        confidence: level of the intervals.
    """
    row = _return(comparison, rival, slate_size)
    lead = lead_of(row, confidence)
    earned = f"{policy_note(rival).label}'s {number('return', row['mean'])}"
    sentence = {
        "win": f"That is {lead.size} more than {earned} ({lead.evidence}): A3C wins.",
        "loss": f"That is {lead.size} less than {earned} ({lead.evidence}): A3C loses.",
        "tie": f"{earned} cannot be told from it: A3C's lead is {lead.value} ({lead.evidence}).",
    }[lead.outcome]
    return Verdict(lead.outcome, rival, sentence)


def result_sentence(comparison: pd.DataFrame, slate_size: int, confidence: float, n_users: int, length: int) -> str:
    """What A3C earned, with its interval.

    Args:
        comparison: `comparison.csv`.
        slate_size: K.
        confidence: level of the intervals.
        n_users: test users behind the figures.
        length: steps a session.
    """
    row = _return(comparison, "a3c", slate_size)
    manner = "one movie" if slate_size == 1 else f"a slate of {slate_size} movies"
    return (
        f"Shown {manner} at a time, the {n_users:,} test users, whom A3C never met in training, gave it a return of "
        f"{number('return', row['mean'])} out of {length} a session ({100 * confidence:g} % interval "
        f"{number('return', row['ci_low'])} to {number('return', row['ci_high'])})."
    )


def three_sentences(
    comparison: pd.DataFrame, offline: pd.DataFrame, slate_size: int, confidence: float
) -> list[Verdict]:
    """The comparison in a minute: beside the strongest fair rival, beside the oracle, and on real ratings beside EASE.

    Args:
        comparison: `comparison.csv`.
        offline: `offline.csv`, see `rlrec.reporting.offline`.
        slate_size: K of the first sentence; the second is on all that were played.
        confidence: level of the intervals.

    Returns:
        The sentences; one whose rival was not played is left out.
    """
    rival = strongest_rival(comparison, slate_size)
    return [
        *([_online(comparison, rival, slate_size, confidence)] if rival else []),
        *([_beside_oracle(comparison, confidence)] if "oracle" in set(comparison["policy"]) else []),
        *offline_verdicts(offline, "ndcg@10", confidence)[:1],
    ]


def offline_verdicts(offline: pd.DataFrame, metric: str, confidence: float) -> list[Verdict]:
    """A3C beside EASE on real ratings, and beside the best of all if that is another.

    Args:
        offline: from `rlrec.reporting.offline.renamed`.
        metric: `ndcg@10`, or `rerank_ndcg`.
        confidence: level of the intervals.
    """
    rows = offline[offline["metric"] == metric].set_index("policy", drop=False)
    others = rows.drop(index="a3c", errors="ignore")
    if others.empty or "a3c" not in rows.index:
        return []
    best = str(others["mean"].idxmax())
    rivals = dict.fromkeys([*(["ease"] if "ease" in others.index else []), best])
    return [_offline(rows, name, name == best, confidence) for name in rivals]


def world_verdict(fidelity: Fidelity) -> Verdict:
    """Whether tastes say more of a rating than who gives it and to which movie: the world's errors beside the biases'.

    Args:
        fidelity: `fidelity.json`.
    """
    row = fidelity["model_minus_bias"]
    value, interval, beside = row["rmse"], row["rmse_ci"], "that of user and movie bias alone"
    outcome: Outcome = "tie"
    evidence = "ratings of one user alone were held out: there is no interval"
    if interval is not None:
        outcome = outcome_of(-interval[1], -interval[0])  # less is better
        evidence = _of_difference("rmse", *interval, fidelity["confidence"])
    size = number("rmse", abs(value))
    told = {
        "win": f"is {size} stars lower than {beside}",
        "loss": f"is {size} stars higher than {beside}",
        "tie": f"cannot be told from {beside}: the difference is {signed('rmse', value)} stars",
    }[outcome]
    return Verdict(outcome, "user_item_bias", f"The world's RMSE {told} ({evidence}).")


def _of_difference(metric: str, low: float, high: float, confidence: float) -> str:
    return f"{100 * confidence:g} % interval of the difference {signed(metric, low)} to {signed(metric, high)}"


def _online(comparison: pd.DataFrame, rival: str, slate_size: int, confidence: float) -> Verdict:
    row, mine = _return(comparison, rival, slate_size), _return(comparison, "a3c", slate_size)
    lead = lead_of(row, confidence)
    who = f"{policy_note(rival).label}, the strongest rival that is not told the taste"
    figures = f"a return of {number('return', mine['mean'])} against {number('return', row['mean'])}"
    told = _told(lead, who, figures)
    return Verdict(lead.outcome, rival, f"In the simulator, {shown(slate_size)}, {told} ({lead.evidence}).")


def _beside_oracle(comparison: pd.DataFrame, confidence: float) -> Verdict:
    played = comparison[(comparison["metric"] == "return") & (comparison["policy"] == "oracle")]
    parts, outcomes = [], set()
    for row in played.to_dict("records"):
        lead, manner = lead_of(row, confidence), shown(int(row["slate_size"]))
        outcomes.add(lead.outcome)
        told = {
            "win": f"{lead.size} more with {manner}",
            "loss": f"{lead.size} less with {manner}",
            "tie": f"with {manner} a return that cannot be told from the oracle's, {lead.value}",
        }[lead.outcome]
        parts.append(f"{told} ({lead.evidence})")
    outcome: Outcome = outcomes.pop() if len(outcomes) == 1 else "tie"
    sentence = (
        "Beside the greedy oracle, which is told the true taste at every step and takes what is best now, A3C earns "
        f"{', and '.join(parts)}."
    )
    return Verdict(outcome, "oracle", sentence)


def _offline(rows: pd.DataFrame, rival: str, best: bool, confidence: float) -> Verdict:
    row, mine = dict(rows.loc[rival]), dict(rows.loc["a3c"])
    metric, lead = str(row["metric"]), lead_of(row, confidence)
    who = policy_note(rival).label + (", the best of all others," if best else "")
    figures = f"{metric_note(metric).label} {number(metric, mine['mean'])} against {number(metric, row['mean'])}"
    told = _told(lead, f"{who} at {_TASKS[metric]}", figures)
    return Verdict(lead.outcome, rival, f"On real ratings, {told} ({lead.evidence}).")


def _told(lead: Lead, whom: str, figures: str) -> str:
    return {
        "win": f"A3C beats {whom}: {figures}, {lead.size} more",
        "loss": f"A3C loses to {whom}: {figures}, {lead.size} less",
        "tie": f"A3C cannot be told from {whom}: {figures}, a lead of {lead.value}",
    }[lead.outcome]


def _return(comparison: pd.DataFrame, policy: str, slate_size: int) -> dict[Any, Any]:
    rows = comparison[
        (comparison["policy"] == policy) & (comparison["metric"] == "return") & (comparison["slate_size"] == slate_size)
    ]
    if rows.empty:
        raise ValueError(f"there is no return of {policy!r} at K={slate_size}")
    return dict(rows.iloc[0])
