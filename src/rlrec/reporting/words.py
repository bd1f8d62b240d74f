"""Words for people: what a metric means, how a number is printed, what a scenario's users do."""

from collections.abc import Callable
from typing import NamedTuple

import pandas as pd


class MetricNote(NamedTuple):
    """A metric as the report names it."""

    label: str
    meaning: str
    percent: bool = False
    digits: int = 3


METRICS: dict[str, MetricNote] = {
    "return": MetricNote(
        "Return", "Sum of the rewards of a session; a reward is a mean rating as a share of five.", digits=2
    ),
    "ctr": MetricNote("CTR", "Share of shown movies that were rated above 3.5.", percent=True),
    "ndcg": MetricNote("NDCG", "Against the best slate that the catalogue had for this user at this step."),
    "ndcg_max": MetricNote("NDCG of fives", "Against a slate of nothing but fives, which a catalogue may not offer."),
    "coverage": MetricNote("Coverage", "Share of the catalogue shown to at least one test user.", percent=True),
    "diversity": MetricNote("Diversity", "Mean distance of genres (Jaccard) between two movies of a session."),
    "slate_diversity": MetricNote("Slate diversity", "The same, between two movies of one slate."),
    "ndcg@10": MetricNote("NDCG@10", "Movies rated later among the first 10; higher places count more."),
    "recall@10": MetricNote("Recall@10", "Share of the movies rated later that are among the first 10."),
    "map@10": MetricNote("MAP@10", "Mean over users of the average precision of the first 10."),
    "hr@10": MetricNote("HR@10", "Share of users with one or more hits among the first 10.", percent=True),
    "coverage@10": MetricNote("Coverage", "Share of the catalogue that is in anybody's first 10.", percent=True),
    "novelty@10": MetricNote("Novelty", "How few training users rated the first 10: mean self-information, bits."),
    "rerank_ndcg": MetricNote("Reranked NDCG", "Only the later movies, in order of prediction, by ratings."),
    "rerank_map": MetricNote("Reranked MAP", "The same; found is a movie that was rated above 3.5."),
    "liked@10": MetricNote(
        "Liked of 10", "Of the first 10 movies shown, those that the person rated above 3.5.", digits=2
    ),
    "liked@40": MetricNote("Liked of 40", "The same of 40.", digits=2),
    "seen@10": MetricNote(
        "Seen of 10", "Of the first 10 movies shown, those that the person had rated at all.", digits=2
    ),
    "seen@40": MetricNote("Seen of 40", "The same of 40.", digits=2),
}


TRAINED: dict[str, MetricNote] = {
    "ctr": MetricNote("CTR in training", "", percent=True),
    "entropy": MetricNote("Entropy, nats", ""),
    "policy_loss": MetricNote("Loss of the policy", ""),
    "value_loss": MetricNote("Loss of the critic", ""),
}
"""Figures of a training that have names of their own; `figure_note` has words for all."""


def figure_note(name: str) -> MetricNote:
    """How a learner's own figure is called; one that is not known here has its name."""
    return TRAINED.get(name, MetricNote(name.replace("_", " ").capitalize(), ""))


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
    note = metric_note(metric)
    return f"{100 * value:.1f}{' %' if unit else ''}" if note.percent else f"{value:.{note.digits}f}"


def signed(metric: str, value: float) -> str:
    """A difference as it is printed, with a true minus and without a unit; nothing is called minus zero.

    >>> signed("return", -1.064), signed("ctr", 0.0314), signed("return", -0.001)
    ('−1.06', '+3.1', '0.00')
    """
    text = number(metric, abs(value), unit=False)
    if pd.isna(value) or not any(digit in text for digit in "123456789"):
        return text
    return f"{'+' if value > 0 else '−'}{text}"


def between(metric: str, low: float, high: float, printed: Callable[[str, float], str] = number) -> str:
    """An interval as it is printed; a single user has none.

    >>> between("ctr", 0.9, 0.95), between("return", -1.06, 2.0, signed), between("ctr", float("nan"), float("nan"))
    ('90.0 % to 95.0 %', '−1.06 to +2.00', 'unknown')
    """
    return "unknown" if pd.isna(low) else f"{printed(metric, low)} to {printed(metric, high)}"


def p_text(p: float) -> str:
    """A p-value as it is printed.

    >>> p_text(0.02398), p_text(0.0004), p_text(1.0), p_text(float("nan"))
    ('p = 0.024', 'p < 0.001', 'p = 1', 'p unknown')
    """
    if pd.isna(p):
        return "p unknown"
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2g}"


def manner(slate_size: int) -> str:
    """How movies are shown.

    >>> manner(1), manner(10)
    ('one movie a step', '10 movies a step')
    """
    return "one movie a step" if slate_size == 1 else f"{slate_size} movies a step"


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
