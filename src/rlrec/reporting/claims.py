"""What a comparison came to, in sentences made of its numbers: each has its interval, and none says more than that.

A difference is one only if its interval is clear of zero and its p-value, corrected after Holm, is below the level.
Of fewer users than `ENOUGH_USERS` a table has no p-value, and then nothing is claimed: the sentence says so.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import pandas as pd

from rlrec.reporting.cast import Cast
from rlrec.reporting.words import between, manner, metric_note, number, p_text, signed
from rlrec.statistics.intervals import ENOUGH_USERS
from rlrec.worlds.fidelity import Fidelity

Outcome = Literal["win", "tie", "loss", "few"]
TOO_FEW = f"fewer than {ENOUGH_USERS} users are too few for a verdict"

_TASKS = {
    "ndcg@10": "foreseeing what people watch next",
    "rerank_ndcg": "putting what people watched in the order of their ratings",
}


class Verdict(NamedTuple):
    """How the reference did beside one rival, or several."""

    outcome: Outcome
    rival: str
    sentence: str


class Lead(NamedTuple):
    """*Reference minus rival*."""

    outcome: Outcome
    size: str
    """Its absolute value, as printed."""
    value: str
    """With its sign."""
    evidence: str
    """Its interval and p-value."""


def outcome_of(low: float, high: float, p_holm: float = 0.0, confidence: float = 0.95) -> Outcome:
    """What an interval of *reference minus rival* and its corrected p-value say; one that holds zero says nothing.

    Without a p-value, NaN, there were too few users to say anything.

    >>> outcome_of(0.2, 1.5), outcome_of(-0.1, 0.4), outcome_of(-2.0, -0.3), outcome_of(-2.0, -0.3, p_holm=0.2)
    ('win', 'tie', 'loss', 'tie')
    >>> outcome_of(0.2, 1.5, p_holm=float("nan"))
    'few'
    """
    if pd.isna(p_holm):
        return "few"
    if low <= 0 <= high or p_holm >= 1 - confidence:
        return "tie"
    return "win" if low > 0 else "loss"


def lead_of(row: Mapping[Any, Any], confidence: float) -> Lead:
    """The reference's lead over the policy of a row.

    Args:
        row: of a table with `metric` and the columns of the difference *policy minus reference*.
        confidence: level of its interval.
    """
    metric = str(row["metric"])
    value, low, high = -row["diff"], -row["diff_ci_high"], -row["diff_ci_low"]
    outcome = outcome_of(low, high, row["p_holm"], confidence)
    sure = TOO_FEW if outcome == "few" else f"Holm's {p_text(row['p_holm'])}"
    return Lead(
        outcome,
        number(metric, abs(value)),
        signed(metric, value),
        f"{_of_difference(metric, low, high, confidence)}; {sure}",
    )


def too_few(n_users: Mapping[str, int]) -> str:
    """Where no verdict is given, in a sentence; empty where there are users enough.

    Args:
        n_users: how many are behind what is claimed, by where.

    >>> too_few({"in the simulator": 142, "from a cold start": 3})
    'No verdict is given of 3 users from a cold start: fewer than 20 are too few. Intervals are the wider for it.'
    >>> too_few({"in the simulator": 142})
    ''
    """
    few = [f"{n} user{'s' if n != 1 else ''} {where}" for where, n in n_users.items() if n < ENOUGH_USERS]
    if not few:
        return ""
    return (
        f"No verdict is given of {', and of '.join(few)}: fewer than {ENOUGH_USERS} are too few. Intervals are the "
        "wider for it."
    )


def returns_of(comparison: pd.DataFrame, slate_size: int) -> pd.DataFrame:
    """The rows of the returns at one slate size."""
    return comparison[(comparison["metric"] == "return") & (comparison["slate_size"] == slate_size)]


def verdict(comparison: pd.DataFrame, cast: Cast, rival: str, slate_size: int, confidence: float) -> Verdict:
    """A sentence on the reference's return beside a rival's, with the interval of their difference paired by user.

    Args:
        comparison: `comparison.csv`.
        cast: who is in it.
        rival: a policy in it other than the reference.
        slate_size: K.
        confidence: level of the intervals.
    """
    row = _return(comparison, rival, slate_size)
    lead = lead_of(row, confidence)
    earned = f"{cast.label(rival)}'s {number('return', row['mean'])}"
    sentence = {
        "win": f"That is {lead.size} more than {earned} ({lead.evidence}): {cast.mine} wins.",
        "loss": f"That is {lead.size} less than {earned} ({lead.evidence}): {cast.mine} loses.",
        "tie": f"{earned} cannot be told from it: {cast.mine}'s lead is {lead.value} ({lead.evidence}).",
        "few": f"{cast.mine}'s lead over {earned} is {lead.value} ({lead.evidence}).",
    }[lead.outcome]
    return Verdict(lead.outcome, rival, sentence)


def result_sentence(
    comparison: pd.DataFrame, cast: Cast, slate_size: int, confidence: float, n_users: int, length: int
) -> str:
    """What the reference earned, with its interval.

    Args:
        comparison: `comparison.csv`.
        cast: who is in it.
        slate_size: K.
        confidence: level of the intervals.
        n_users: test users behind the figures.
        length: steps a session.
    """
    row = _return(comparison, cast.reference, slate_size)
    how = "one movie" if slate_size == 1 else f"a slate of {slate_size} movies"
    return (
        f"Shown {how} at a time, the {n_users:,} test users, whom {cast.mine} never met in training, gave it a "
        f"return of {number('return', row['mean'])} out of {length} a session ({100 * confidence:g} % interval "
        f"{between('return', row['ci_low'], row['ci_high'])})."
    )


def main_verdicts(comparison: pd.DataFrame, cast: Cast, slate_size: int, confidence: float) -> list[Verdict]:
    """The comparison in the simulator in a minute: the strongest fair rival, our other learners, the bound.

    Args:
        comparison: `comparison.csv`.
        cast: who is in it.
        slate_size: K of the sentences; that on the bound is on all that were played.
        confidence: level of the intervals.

    Returns:
        The sentences; one whose rival was not played is left out.
    """
    returns = returns_of(comparison, slate_size)
    rival, bound = cast.strongest_rival(returns), cast.bound(comparison["policy"])
    online = {rival: ", the strongest rival that is not told the taste"} if rival else {}
    online |= dict.fromkeys(cast.learners(returns["policy"]), "")
    return [
        *(_online(comparison, cast, name, which, slate_size, confidence) for name, which in online.items()),
        *([_beside_bound(comparison, cast, bound, confidence)] if bound else []),
    ]


def offline_verdicts(offline: pd.DataFrame, cast: Cast, metric: str, confidence: float) -> list[Verdict]:
    """The reference on real ratings beside the best collaborative filter, and beside the best of all if it is another.

    Args:
        offline: from `rlrec.reporting.offline.renamed`.
        cast: who is in it.
        metric: `ndcg@10`, or `rerank_ndcg`.
        confidence: level of the intervals.
    """
    rows = offline[offline["metric"] == metric]
    others = rows[rows["policy"] != cast.reference]
    if others.empty or len(others) == len(rows):
        return []
    best = str(others["policy"].iloc[int(others["mean"].argmax())])
    collaborative = cast.best(rows, "collaborative")
    rivals = dict.fromkeys([*([collaborative] if collaborative else []), best])
    return [_offline(rows.set_index("policy", drop=False), cast, name, name == best, confidence) for name in rivals]


def world_verdict(fidelity: Fidelity) -> Verdict:
    """Whether tastes say more of a rating than who gives it and to which movie: the world's errors beside the biases'.

    Args:
        fidelity: of the world.
    """
    value, interval = fidelity.model_minus_bias.rmse, fidelity.model_minus_bias.rmse_ci
    beside = "that of user and movie bias alone"
    outcome: Outcome = "tie"
    evidence = "ratings of one user alone were held out: there is no interval"
    if interval is not None:
        few = fidelity.held_out_users < ENOUGH_USERS
        outcome = "few" if few else outcome_of(-interval[1], -interval[0])  # less is better
        evidence = _of_difference("rmse", *interval, fidelity.confidence) + (f"; {TOO_FEW}" if few else "")
    size = number("rmse", abs(value))
    told = {
        "win": f"is {size} stars lower than {beside}",
        "loss": f"is {size} stars higher than {beside}",
        "tie": f"cannot be told from {beside}: the difference is {signed('rmse', value)} stars",
        "few": f"differs from {beside} by {signed('rmse', value)} stars",
    }[outcome]
    return Verdict(outcome, "user_item_bias", f"The world's RMSE {told} ({evidence}).")


def _of_difference(metric: str, low: float, high: float, confidence: float) -> str:
    return f"{100 * confidence:g} % interval of the difference {between(metric, low, high, signed)}"


def _online(
    comparison: pd.DataFrame, cast: Cast, rival: str, which: str, slate_size: int, confidence: float
) -> Verdict:
    row, mine = _return(comparison, rival, slate_size), _return(comparison, cast.reference, slate_size)
    lead = lead_of(row, confidence)
    figures = f"a return of {number('return', mine['mean'])} against {number('return', row['mean'])}"
    told = _told(lead, cast, cast.label(rival) + which, figures)
    return Verdict(lead.outcome, rival, f"In the simulator, {manner(slate_size)}, {told} ({lead.evidence}).")


def _beside_bound(comparison: pd.DataFrame, cast: Cast, bound: str, confidence: float) -> Verdict:
    played = comparison[(comparison["metric"] == "return") & (comparison["policy"] == bound)]
    parts, outcomes = [], set()
    for row in played.to_dict("records"):
        lead, how = lead_of(row, confidence), manner(int(row["slate_size"]))
        outcomes.add(lead.outcome)
        told = {
            "win": f"{lead.size} more with {how}",
            "loss": f"{lead.size} less with {how}",
            "tie": f"with {how} a return that cannot be told from that, {lead.value}",
            "few": f"with {how} {lead.value}",
        }[lead.outcome]
        parts.append(f"{told} ({lead.evidence})")
    outcome: Outcome = outcomes.pop() if len(outcomes) == 1 else "tie"
    sentence = (
        f"Beside {cast.label(bound)}, a bound that is told what no recommender can know, {cast.mine} earns "
        f"{', and '.join(parts)}."
    )
    return Verdict(outcome, bound, sentence)


def _offline(rows: pd.DataFrame, cast: Cast, rival: str, best: bool, confidence: float) -> Verdict:
    row, mine = dict(rows.loc[rival]), dict(rows.loc[cast.reference])
    metric, lead = str(row["metric"]), lead_of(row, confidence)
    who = cast.label(rival) + (", the best of all others," if best else "")
    figures = f"{metric_note(metric).label} {number(metric, mine['mean'])} against {number(metric, row['mean'])}"
    told = _told(lead, cast, f"{who} at {_TASKS[metric]}", figures)
    return Verdict(lead.outcome, rival, f"On real ratings, {told} ({lead.evidence}).")


def _told(lead: Lead, cast: Cast, whom: str, figures: str) -> str:
    return {
        "win": f"{cast.mine} beats {whom}: {figures}, {lead.size} more",
        "loss": f"{cast.mine} loses to {whom}: {figures}, {lead.size} less",
        "tie": f"{cast.mine} cannot be told from {whom}: {figures}, a lead of {lead.value}",
        "few": f"{cast.mine} beside {whom}: {figures}, a lead of {lead.value}",
    }[lead.outcome]


def _return(comparison: pd.DataFrame, policy: str, slate_size: int) -> dict[Any, Any]:
    rows = returns_of(comparison, slate_size)
    rows = rows[rows["policy"] == policy]
    if rows.empty:
        raise ValueError(f"there is no return of {policy!r} at K={slate_size}")
    return dict(rows.iloc[0])
