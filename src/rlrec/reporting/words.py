"""Names and sentences for people: what a policy knows, what a metric means, and what a comparison came to."""

from typing import Any, Literal, NamedTuple

import pandas as pd

Outcome = Literal["win", "tie", "loss"]


class PolicyNote(NamedTuple):
    """A policy as the report names it."""

    label: str
    knows: str
    """In one line."""
    sees_taste: bool = False
    """Whether it is told the user's true taste, which no recommender can know."""


class MetricNote(NamedTuple):
    """A metric as the report names it."""

    label: str
    meaning: str
    percent: bool = False


POLICIES: dict[str, PolicyNote] = {
    "a3c": PolicyNote(
        "A3C",
        "The trained agent. Knows the features of all movies (the ones this world is made of) and what this user rated "
        "in this session; it learned how tastes move by playing training users.",
    ),
    "random": PolicyNote("Random", "Knows nothing: every movie is as likely."),
    "popularity": PolicyNote(
        "Most popular", "How many training users rated a movie in the real data; the same order for everybody."
    ),
    "best_rated": PolicyNote(
        "Best rated", "The movies' mean real ratings by training users, damped; the same order for everybody."
    ),
    "best_average": PolicyNote(
        "Best average",
        "What all training users would rate every movie in this world before any session: the best order that is the "
        "same for everybody while tastes stand still.",
    ),
    "item_knn": PolicyNote(
        "ItemKNN",
        "Training users' real ratings; of this user, the session's. Predicts a rating from those of similar movies.",
    ),
    "als": PolicyNote(
        "ALS", "Training users' real ratings, as clicks; of this user, the session's. Factors of implicit feedback."
    ),
    "bpr": PolicyNote(
        "BPR", "Training users' real ratings, as clicks; of this user, the session's. Factors made for ranking."
    ),
    "ease": PolicyNote(
        "EASE",
        "Training users' real ratings; of this user, the session's. Predicts a rating by regression on all the others.",
    ),
    "epsilon_greedy": PolicyNote(
        "ε-greedy",
        "The features of all movies (the ones this world is made of) and this user's ratings in the session; nothing "
        "of users in general. Now and then a movie at random.",
    ),
    "linucb": PolicyNote(
        "LinUCB",
        "The features of all movies (the ones this world is made of) and this user's ratings in the session; nothing "
        "of users in general. Tries what it is unsure of.",
    ),
    "static_mf": PolicyNote(
        "Static MF",
        "The user's true taste at the start of the session. Never learns that it moves.",
        sees_taste=True,
    ),
    "bayesian_bandit": PolicyNote(
        "Bayesian bandit",
        "The vectors of all movies and how training users' tastes are distributed; of this user, the session's "
        "ratings. Takes tastes for fixed.",
    ),
    "oracle": PolicyNote(
        "Greedy oracle",
        "The user's true taste at every step. Takes the best movie now, whatever it does to later steps.",
        sees_taste=True,
    ),
}

METRICS: dict[str, MetricNote] = {
    "return": MetricNote("Return", "Sum of the rewards of a session; a reward is a mean rating as a share of five."),
    "ctr": MetricNote("CTR", "Share of shown movies that were rated above 3.5.", percent=True),
    "ndcg": MetricNote("NDCG", "Against the best slate that the catalogue had for this user at this step."),
    "ndcg_max": MetricNote("NDCG of fives", "Against a slate of nothing but fives, which a catalogue may not offer."),
    "coverage": MetricNote("Coverage", "Share of the catalogue shown to at least one test user.", percent=True),
    "diversity": MetricNote("Diversity", "Mean distance of genres (Jaccard) between two movies of a session."),
    "slate_diversity": MetricNote("Slate diversity", "The same, between two movies of one slate."),
}


class Verdict(NamedTuple):
    """How A3C did beside one rival."""

    outcome: Outcome
    rival: str
    sentence: str


def policy_note(name: str) -> PolicyNote:
    """What is told of a policy; one that is not known here keeps its name."""
    return POLICIES.get(name, PolicyNote(name, "Not described here."))


def metric_note(name: str) -> MetricNote:
    """What is told of a metric; one that is not known here keeps its name."""
    return METRICS.get(name, MetricNote(name, ""))


def number(metric: str, value: float, unit: bool = True) -> str:
    """A metric's value as it is printed, with its unit or without.

    >>> number("ctr", 0.9197), number("return", 46.577), number("ndcg", float("nan"))
    ('92.0 %', '46.58', '–')
    """
    if pd.isna(value):
        return "–"
    if metric_note(metric).percent:
        return f"{100 * value:.1f}{' %' if unit else ''}"
    return f"{value:.2f}" if metric == "return" else f"{value:.3f}"


def signed(metric: str, value: float) -> str:
    """A difference as it is printed, with a true minus and without a unit; nothing is called minus zero.

    >>> signed("return", -1.064), signed("ctr", 0.0314), signed("return", -0.001)
    ('−1.06', '+3.1', '0.00')
    """
    text = number(metric, abs(value), unit=False)
    if pd.isna(value) or not any(digit in text for digit in "123456789"):
        return text
    return f"{'+' if value > 0 else '−'}{text}"


def outcome_of(low: float, high: float) -> Outcome:
    """What an interval of *A3C minus rival* says; one that holds zero says nothing.

    >>> outcome_of(0.2, 1.5), outcome_of(-0.1, 0.4), outcome_of(-2.0, -0.3)
    ('win', 'tie', 'loss')
    """
    if low > 0:
        return "win"
    return "loss" if high < 0 else "tie"


def strongest_rival(comparison: pd.DataFrame, slate_size: int) -> str | None:
    """Who earns the highest mean return of those that are not told the user's taste; None without any."""
    rows = comparison[(comparison["metric"] == "return") & (comparison["slate_size"] == slate_size)]
    fair = rows[[name != "a3c" and not policy_note(name).sees_taste for name in rows["policy"]]]
    return None if fair.empty else str(fair["policy"].iloc[int(fair["mean"].argmax())])


def verdict(comparison: pd.DataFrame, rival: str, slate_size: int, confidence: float) -> Verdict:
    """A sentence on A3C's return beside a rival's, with the interval of their difference paired by user.

    Args:
        comparison: `comparison.csv`.
        rival: a policy in it other than `a3c`.
        slate_size: K.
        confidence: level of the intervals.
    """
    row = _row(comparison, rival, slate_size)
    # The table holds rival minus A3C.
    lead, low, high = -row["diff_from_a3c"], -row["diff_ci_high"], -row["diff_ci_low"]
    outcome = outcome_of(low, high)
    label = policy_note(rival).label
    earned = f"{label}'s {number('return', row['mean'])}"
    size = number("return", abs(lead))
    span = f"{100 * confidence:g} % interval of the difference {signed('return', low)} to {signed('return', high)}"
    sentence = {
        "win": f"That is {size} more than {earned} ({span}): A3C wins.",
        "loss": f"That is {size} less than {earned} ({span}): A3C loses.",
        "tie": f"{earned} cannot be told from it: A3C's lead is {signed('return', lead)} ({span}, around zero).",
    }[outcome]
    return Verdict(outcome, rival, sentence)


def result_sentence(comparison: pd.DataFrame, slate_size: int, confidence: float, n_users: int, length: int) -> str:
    """What A3C earned, with its interval.

    Args:
        comparison: `comparison.csv`.
        slate_size: K.
        confidence: level of the intervals.
        n_users: test users behind the figures.
        length: steps a session.
    """
    row = _row(comparison, "a3c", slate_size)
    shown = "one movie" if slate_size == 1 else f"a slate of {slate_size} movies"
    return (
        f"Shown {shown} at a time, the {n_users:,} test users, whom A3C never met in training, gave it a return of "
        f"{number('return', row['mean'])} out of {length} a session ({100 * confidence:g} % interval "
        f"{number('return', row['ci_low'])} to {number('return', row['ci_high'])})."
    )


def tastes(delta: float) -> str:
    """The scenario's users in a few words.

    >>> tastes(1.0)
    'users who grow fonder of the genres that they like'
    """
    if delta == 0:
        return "users whose taste stands still"
    return f"users who grow {'fonder' if delta > 0 else 'tired'} of the genres that they like"


def heading(delta: float) -> str:
    """The page's heading, after what the scenario's users do.

    >>> heading(0.0)
    'A recommender that learns your taste as it goes'
    """
    if delta == 0:
        return "A recommender that learns your taste as it goes"
    return f"A recommender that learns what you are growing {'into' if delta > 0 else 'tired of'}"


def _row(comparison: pd.DataFrame, policy: str, slate_size: int) -> dict[str, Any]:
    rows = comparison[
        (comparison["policy"] == policy) & (comparison["metric"] == "return") & (comparison["slate_size"] == slate_size)
    ]
    if rows.empty:
        raise ValueError(f"there is no return of {policy!r} at K={slate_size}")
    return dict(rows.iloc[0])
