"""Policies that treat all users alike: they know at most what training users liked."""

from __future__ import annotations

import numpy as np

from rlrec.environments.views import View
from rlrec.errors import WorldError
from rlrec.policies.baselines.known import Known
from rlrec.policies.policy import Note, Policy, Scores, session_generators
from rlrec.policies.rewards import expected_reward
from rlrec.worlds.dynamics import rate
from rlrec.worlds.knowledge import Knowledge

DAMPING = 10.0
"""Ratings at the global mean that `BestRated` adds to every movie."""


class Random(Policy):
    """Any available movie, each as likely. Knows nothing."""

    name = "random"
    note = Note("Random", "Knows nothing: every movie is as likely.", "unpersonal")
    draws = True

    def __init__(self, known: Known) -> None:
        self._generators: list[np.random.Generator] = []

    def begin(self, view: View, rng: np.random.Generator) -> None:
        """Gives each session a generator of its own."""
        self._generators = session_generators(view.users, rng)

    def scores(self, view: View) -> Scores:
        """Independent uniform numbers."""
        return np.stack([generator.random(view.knowledge.n_movies) for generator in self._generators])


class Popularity(Policy):
    """The movie that most training users rated first.

    Knows `rating_counts`: how many of the *training* users rated a movie in the real data. Not what they rated it.

    Raises:
        WorldError: the world has no rating counts.
    """

    name = "popularity"
    note = Note(
        "Most popular",
        "How many training users rated a movie in the real data; the same order for everybody.",
        "unpersonal",
    )

    def __init__(self, known: Known) -> None:
        _require(known.knowledge, "rating_counts", self.name)
        self._counts = known.knowledge.rating_counts.astype(np.float64)

    def scores(self, view: View) -> Scores:
        """The counts."""
        return _for_all(self._counts, view)


class BestRated(Policy):
    """The movie with the best mean of *real* ratings by training users first, damped.

    A movie with few ratings is drawn towards the mean of all ratings as if it had `DAMPING` more ratings there,
    `(n · mean + 10 · global mean) / (n + 10)`; undamped, the list would be led by movies that one user gave a five.

    Knows `mean_ratings` and `rating_counts`, both of *training* users. Who rates a movie in real data chose to watch
    it, so this average is not what a random user would say: see `BestAverage`.

    Raises:
        WorldError: the world has no mean ratings or no rating counts.
    """

    name = "best_rated"
    note = Note(
        "Best rated",
        "The movies' mean real ratings by training users, damped; the same order for everybody.",
        "unpersonal",
    )

    def __init__(self, known: Known) -> None:
        knowledge = known.knowledge
        _require(knowledge, "rating_counts", self.name)
        _require(knowledge, "mean_ratings", self.name)
        counts = knowledge.rating_counts.astype(np.float64)
        means = np.where(counts > 0, knowledge.mean_ratings, 0).astype(np.float64)
        total = (counts * means).sum() / max(counts.sum(), 1)
        self._average = (counts * means + DAMPING * total) / (counts + DAMPING)

    def scores(self, view: View) -> Scores:
        """The damped means."""
        return _for_all(expected_reward(self._average, view), view)


class BestAverage(Policy):
    """The movie that *training* users, asked in the simulator before any session, would rate best on average first.

    Knows, of every training user, what the simulator says that they rate every movie before they are shown any
    (`clip(m · u_0, 1, 5)`): no gap and no choice of what was rated. It is the best order that is the same for all users
    of a static world drawn like the training users, and so the honest one to beat for a policy that adapts to its user.
    On ml-100k it beats `BestRated` by 0.1 to 0.3 of return (of 50) at delta = 0 and -0.5, its paired interval clear of
    0; at delta = +1 and one movie a slate the two cannot be told apart.
    """

    name = "best_average"
    note = Note(
        "Best average",
        "What all training users would rate every movie in this world before any session: the best order that is the "
        "same for everybody while tastes stand still.",
        "unpersonal",
    )
    features = "world"

    def __init__(self, known: Known) -> None:
        movies = known.knowledge.representation(self.features)
        self._average = rate(movies.tastes, movies.vectors).mean(axis=0, dtype=np.float64)

    def scores(self, view: View) -> Scores:
        """The average ratings."""
        return _for_all(expected_reward(self._average, view), view)


def _for_all(scores: Scores, view: View) -> Scores:
    return np.broadcast_to(scores, (len(view.users), len(scores)))


def _require(knowledge: Knowledge, name: str, policy: str) -> None:
    if not getattr(knowledge, name).size:
        raise WorldError(f"the baseline {policy!r} needs {name}, which this world does not carry")
