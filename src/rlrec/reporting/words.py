"""Names for people: what a policy knows, what a metric means, how a number is printed."""

from typing import NamedTuple

import pandas as pd


class PolicyNote(NamedTuple):
    """A policy as the report names it."""

    label: str
    knows: str
    """In one line."""
    sees_taste: bool = False
    """Whether it is told the user's true taste, which no recommender can know."""
    learner: bool = False
    """Whether it is one of our own trainings, and so no rival from elsewhere."""


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
        learner=True,
    ),
    "a2c": PolicyNote(
        "A2C", "The same as A3C, network and budget too, but its agents wait for one another.", learner=True
    ),
    "a3c_thesis": PolicyNote(
        "A3C, thesis",
        "The thesis's dense network and its 25 numbers: demographics; the last movie's genres, rating and violence.",
        learner=True,
    ),
    "a3c_training_features": PolicyNote(
        "A3C, fitted features",
        "The same as A3C, but with movie features fitted to training users' ratings, not those of the world.",
        learner=True,
    ),
    "a3c_genre_features": PolicyNote(
        "A3C, genres only",
        "The same as A3C, but of a movie it knows the genre flags and how often training users rated it.",
        learner=True,
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
    "ndcg@10": MetricNote("NDCG@10", "Movies rated later among the first 10; higher places count more."),
    "recall@10": MetricNote("Recall@10", "Share of the movies rated later that are among the first 10."),
    "map@10": MetricNote("MAP@10", "Mean over users of the average precision of the first 10."),
    "hr@10": MetricNote("HR@10", "Share of users with one or more hits among the first 10.", percent=True),
    "coverage@10": MetricNote("Coverage", "Share of the catalogue that is in anybody's first 10.", percent=True),
    "novelty@10": MetricNote("Novelty", "How few training users rated the first 10: mean self-information, bits."),
    "rerank_ndcg": MetricNote("Reranked NDCG", "LIRD's: only the later movies, in order of prediction, by ratings."),
    "rerank_map": MetricNote("Reranked MAP", "LIRD's: the same; found is a movie that was rated above 3.5."),
}


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


def p_text(p: float) -> str:
    """A p-value as it is printed.

    >>> p_text(0.02398), p_text(0.0004), p_text(1.0), p_text(float("nan"))
    ('p = 0.024', 'p < 0.001', 'p = 1', 'p unknown')
    """
    if pd.isna(p):
        return "p unknown"
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2g}"


def shown(slate_size: int) -> str:
    """How movies are shown.

    >>> shown(1), shown(10)
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
