"""A session with a simulated user, movie by movie, in which a person may answer instead."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rlrec.environments.views import View
from rlrec.errors import RequestError
from rlrec.metrics.slates import session_return
from rlrec.metrics.stars import CLICK_THRESHOLD, HIGHEST_RATING, LOWEST_RATING
from rlrec.recommending.answers import Recommendation
from rlrec.recommending.recommender import Recommender


@dataclass(frozen=True)
class Step:
    """What one recommendation led to.

    Attributes:
        number: from 1.
        movie: what was shown.
        stars: the answer, from 1 to 5.
        simulated: whether the simulated user gave it.
        reward: in [0, 1].
        moved: genre affinities before and after, by genre; only those that changed.
    """

    number: int
    movie: Recommendation
    stars: float
    simulated: bool
    reward: float
    moved: dict[str, tuple[float, float]]


class Session:
    """One session: `shown` is the movie to answer to, `answer` goes on to the next.

    The recommender's scenario says how long it is and how the user's taste moves. One movie is shown at each step, even
    where the scenario has larger slates.

    Attributes:
        user_id: in the original data set.
        length: T, the number of steps.
        steps: those that were played.
        shown: the next movie; None when the session is over.
    """

    def __init__(self, recommender: Recommender, user_id: int) -> None:
        """Begins.

        Raises:
            RequestError: the user is unknown.
            WorldError: the world is too small for the session, or its violence is to be rewarded but unknown.
        """
        self._recommender = recommender
        self._policy, self._sessions = recommender.begin(user_id)
        self.user_id, self.length = user_id, self._sessions.scenario.episode_length
        self.steps: list[Step] = []
        self.shown: Recommendation | None = self._next()

    def answer(self, stars: float | None = None) -> Step:
        """Takes in how the movie is rated, and recommends the next.

        Args:
            stars: from 1 to 5; None lets the simulated user answer. The user's taste moves by either.

        Raises:
            RequestError: it is no rating, or the session is over.
        """
        if self.shown is None:
            raise RequestError(f"the session is over after {self.length} steps")
        if stars is not None and not LOWEST_RATING <= stars <= HIGHEST_RATING:
            raise RequestError(f"a rating must be within {LOWEST_RATING:g} and {HIGHEST_RATING:g}, but is {stars}")
        before = self.affinities
        slate = np.array([[self._recommender.catalogue.number(self.shown.movie_id)]])
        outcome = self._sessions.play(slate, None if stars is None else np.array([[stars]], np.float32))
        self._policy.observe(slate, outcome.ratings)
        moved = {name: (before[name], now) for name, now in self.affinities.items() if now != before[name]}
        rating, reward = float(outcome.ratings[0, 0]), float(outcome.rewards[0])
        step = Step(len(self.steps) + 1, self.shown, rating, stars is None, reward, moved)
        self.steps.append(step)
        self.shown = None if outcome.done else self._next()
        return step

    @property
    def affinities(self) -> dict[str, float]:
        """What the user now thinks of each genre, in stars that it adds to a rating."""
        genres = self._recommender.catalogue.genres
        return dict(zip(genres, self._sessions.taste[0, -len(genres) :].tolist(), strict=True))

    @property
    def total(self) -> float:
        """The return so far: the sum of all rewards."""
        return float(session_return(np.array([[step.reward for step in self.steps]]))[0])

    @property
    def click_rate(self) -> float:
        """Share of the movies shown that were rated above 3.5; 0 before the first."""
        clicks = sum(step.stars > CLICK_THRESHOLD for step in self.steps)
        return clicks / max(len(self.steps), 1)

    def _next(self) -> Recommendation:
        return self._recommender.ranked(self._policy, View(self._sessions), 1)[0]
