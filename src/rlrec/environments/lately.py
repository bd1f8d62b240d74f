"""What an agent sees of somebody whose real ratings it is told: what was rated lately, and what is believed of answers.

`recent` is for people with a history, and is made of decayed sums of the features of the movies that they rated: for
each half-life of `HALF_LIVES`, and for what they liked (above 3.5) and what they did not.

| part      | size | meaning                                                                                    |
|-----------|------|--------------------------------------------------------------------------------------------|
| liked     | 5 F  | the sums of liked movies, each of length 1: a movie rated n ratings ago counts `2^(-n/h)`  |
| others    | 5 F  | the same of the others                                                                     |
| how many  | 2    | `log(1 + n) / 5` of the two                                                                |

A movie that was shown and not rated leaves it as it is.

`answers` is for people of whom nothing is known, and for whom that is an answer.

| part      | size | meaning                                                                                    |
|-----------|------|--------------------------------------------------------------------------------------------|
| belief    | R    | mean of what is believed of the factors of their answers, `rlrec.environments.answer_belief` |
| deviation | R    | its standard deviations                                                                    |
| user      | 4    | demographics                                                                               |
| progress  | 1    | t / T                                                                                      |
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rlrec.environments.answer_belief import AnswerBelief
from rlrec.environments.logged import UNRATED
from rlrec.environments.rows import Rows
from rlrec.metrics.stars import CLICK_THRESHOLD
from rlrec.settings.config import ScenarioConfig
from rlrec.worlds.dynamics import Floats
from rlrec.worlds.knowledge import Knowledge

HALF_LIVES: Floats = np.array([2.0, 5.0, 15.0, 50.0, np.inf], np.float32)
"""In ratings; the last sum forgets nothing."""
COUNTS = 5.0
"""What logarithms of counts are divided by."""
_SHORTEST = 1e-6
"""A sum shorter than this is none."""
_CELLS = 2**24
"""Most features of movies that are gathered at a time."""


class RecentHistory(Rows):
    """The sums behind the `recent` observation of a batch of sessions."""

    per_row = ("_sums", "_counts")

    def __init__(self, knowledge: Knowledge, demographics: Floats, scenario: ScenarioConfig) -> None:
        """Nothing was rated yet; of `demographics`, `(B, 4)`, only B matters."""
        self._features = knowledge.representation(scenario.features).features
        batch = len(demographics)
        self._sums = np.zeros((batch, 2, len(HALF_LIVES), self._features.shape[1]), np.float32)
        self._counts = np.zeros((batch, 2), np.float32)

    @staticmethod
    def size(knowledge: Knowledge, scenario: ScenarioConfig) -> int:
        """Length S of the observation."""
        return 2 * len(HALF_LIVES) * int(knowledge.representation(scenario.features).features.shape[1]) + 2

    @staticmethod
    def bounds(knowledge: Knowledge, scenario: ScenarioConfig) -> tuple[Floats, Floats]:
        """Least and greatest value of each entry, `(S,)` each."""
        size = RecentHistory.size(knowledge, scenario)
        low, high = np.full(size, -1.001, np.float32), np.full(size, 1.001, np.float32)
        shown = scenario.slate_size * scenario.episode_length + knowledge.n_movies
        low[-2:], high[-2:] = 0, np.log1p(shown) / COUNTS + 1e-3
        return low, high

    def add(self, slates: NDArray[np.int64], ratings: Floats) -> None:
        """Takes in `(B, n)` movies, the last one being the latest, and their ratings, 0 for what was not rated."""
        rows = max(1, _CELLS // max(slates.shape[1] * self._features.shape[1], 1))
        for start in range(0, len(slates), rows):
            own = slice(start, start + rows)
            self._add(own, slates[own], ratings[own])

    add_steps = add  # a movie of a slate is not told from one that was shown after it

    def wait(self) -> None:
        """Where nothing is shown, nothing is rated."""

    def _add(self, own: slice, movies: NDArray[np.int64], ratings: Floats) -> None:
        rated = ratings > UNRATED
        later = rated[:, ::-1].cumsum(axis=1)[:, ::-1] - rated  # how many were rated after each
        weights = np.exp2(-later[:, :, None] / HALF_LIVES, dtype=np.float32) * rated[:, :, None]
        liked = (ratings > CLICK_THRESHOLD)[:, :, None]
        parts = np.stack([weights * liked, weights * ~liked], axis=2)  # (b, n, 2, H)
        faded = np.exp2(-rated.sum(axis=1)[:, None] / HALF_LIVES, dtype=np.float32)
        self._sums[own] *= faded[:, None, :, None]
        flat = parts.reshape(*movies.shape, 2 * len(HALF_LIVES)).transpose(0, 2, 1)
        self._sums[own] += (flat @ self._features[movies]).reshape(self._sums[own].shape)
        self._counts[own] += np.stack([(rated & liked[:, :, 0]).sum(1), (rated & ~liked[:, :, 0]).sum(1)], axis=1)

    def observe(self) -> Floats:
        """`(B, S)` float32."""
        lengths = np.linalg.norm(self._sums, axis=3, keepdims=True)
        sums = (self._sums / np.maximum(lengths, np.float32(_SHORTEST))).reshape(len(self._sums), -1)
        return np.concatenate([sums, np.log1p(self._counts) / COUNTS], axis=1, dtype=np.float32)


class AnswerHistory(Rows):
    """What is behind the `answers` observation of a batch of sessions.

    Attributes:
        belief: of the users' answers.
    """

    per_row = ("_demographics", "_steps", "belief")

    def __init__(self, knowledge: Knowledge, demographics: Floats, scenario: ScenarioConfig) -> None:
        """Nothing was shown yet; `demographics` is `(B, 4)`."""
        self._demographics, self._length = demographics, scenario.episode_length
        self._steps = np.zeros((len(demographics), 1), np.float32)
        self.belief = AnswerBelief(knowledge.answers(scenario.reward), demographics, scenario.reward)

    @staticmethod
    def size(knowledge: Knowledge, scenario: ScenarioConfig) -> int:
        """Length S of the observation."""
        return 2 * int(knowledge.answers(scenario.reward).vectors.shape[1]) + 5

    @staticmethod
    def bounds(knowledge: Knowledge, scenario: ScenarioConfig) -> tuple[Floats, Floats]:
        """Least and greatest value of each entry, `(S,)` each."""
        rank = (AnswerHistory.size(knowledge, scenario) - 5) // 2
        # Columns of the factors have length 1, both readings are at most 1: nobody's factors are longer than √(2 N).
        farthest = np.full(rank, 2 * np.sqrt(knowledge.n_movies), np.float32)
        zeros, ones = np.zeros(5, np.float32), np.ones(5, np.float32)
        return np.concatenate([-farthest, 0 * farthest, zeros]), np.concatenate([farthest, farthest, ones])

    def add(self, slates: NDArray[np.int64], ratings: Floats) -> None:
        """Takes in `(B, K)` slates and the answers, 0 for what was not rated."""
        self.belief.update(slates, ratings)
        self._steps += 1

    def add_steps(self, movies: NDArray[np.int64], ratings: Floats) -> None:
        """Takes in `(B, n)` movies, each a slate of its own, and the answers."""
        self.belief.update(movies, ratings)
        self._steps += movies.shape[1]

    def wait(self) -> None:
        """A step passes in which nothing is shown, which no answer is."""
        self._steps += 1

    def observe(self) -> Floats:
        """`(B, S)` float32."""
        variance = np.einsum("bii->bi", self.belief.covariance)
        parts = [
            self.belief.mean,
            np.sqrt(np.maximum(variance, 0)),
            self._demographics,
            self._steps / self._length,
        ]
        return np.concatenate(parts, axis=1, dtype=np.float32)
