"""What an agent sees of a session.

`thesis`: the thesis's 25 numbers. `history`: what an agent needs to infer a hidden taste, in eight parts:

| part       | size | meaning                                                                        |
|------------|------|--------------------------------------------------------------------------------|
| shown      | F    | mean features of the movies shown so far                                       |
| weighted   | F    | mean of (rating - 3.5) times features over the movies shown so far             |
| last       | F    | the same over the last slate                                                   |
| belief     | F    | mean of what is believed of the taste, see `rlrec.environments.belief`         |
| deviation  | F    | its standard deviations                                                        |
| liked      | G    | movies of each genre that were liked so far, over all that a session shows     |
| user       | 4    | demographics                                                                   |
| progress   | 1    | t / T                                                                          |

Features and tastes are those of the scenario's representation, see `rlrec.worlds.knowledge`. `recent`, `stars` and
`answers` are for agents that learn from what people really answered: `rlrec.environments.lately`, `rated_taste`.
"""

import numpy as np
from numpy.typing import NDArray

from rlrec.environments.belief import Belief
from rlrec.environments.lately import AnswerHistory, RecentHistory
from rlrec.environments.rated_taste import RatedTaste
from rlrec.environments.rows import Rows
from rlrec.metrics.stars import CLICK_THRESHOLD, HIGHEST_RATING, LOWEST_RATING
from rlrec.settings.config import ScenarioConfig
from rlrec.worlds.dynamics import Floats
from rlrec.worlds.knowledge import Knowledge, Prior

FARTHEST_AFFINITY = 25.0
"""What is told of an affinity ends here, in stars, where `affinity_cap` is farther."""


class History(Rows):
    """Sufficient statistics behind the `history` observation of a batch of sessions.

    Attributes:
        belief: of the users' tastes.
    """

    per_row = ("_demographics", "_sums", "_last", "_liked", "_slates", "_steps", "belief")

    def __init__(self, knowledge: Knowledge, demographics: Floats, scenario: ScenarioConfig) -> None:
        """Nothing was shown yet; `demographics` is `(B, 4)`."""
        self._movies, self._genres = knowledge.representation(scenario.features), knowledge.genres
        self._scenario, self._demographics = scenario, demographics
        batch, n_features = len(demographics), self._movies.features.shape[1]
        self._sums = np.zeros((batch, 2 * n_features), np.float32)  # of features, and of what they are weighted to
        self._last = np.zeros((batch, n_features), np.float32)
        self._liked = np.zeros((batch, knowledge.n_genres), np.float32)
        self._reach, self._scale = np.tile(reach(self._movies.prior, scenario), 2), np.tile(self._movies.prior.scale, 2)
        self._columns = _as_slice(self._movies.prior.columns)
        self.belief = Belief(knowledge, scenario, batch)
        self._slates, self._steps = np.zeros((batch, 1), np.float32), np.zeros((batch, 1), np.float32)

    @staticmethod
    def size(knowledge: Knowledge, scenario: ScenarioConfig) -> int:
        """Length S of the observation."""
        return 5 * int(knowledge.representation(scenario.features).features.shape[1]) + knowledge.n_genres + 5

    @staticmethod
    def bounds(knowledge: Knowledge, scenario: ScenarioConfig) -> tuple[Floats, Floats]:
        """Least and greatest value of each entry, `(S,)` each."""
        movies = knowledge.representation(scenario.features)
        largest, farthest = np.abs(movies.features).max(axis=0), reach(movies.prior, scenario)
        weight = max(HIGHEST_RATING - CLICK_THRESHOLD, CLICK_THRESHOLD - LOWEST_RATING)
        # A hundredth more than mathematics asks for leaves room for rounding.
        high = 1.01 * np.concatenate([largest, weight * largest, weight * largest, farthest, farthest]) + 1e-3
        low = np.concatenate([-high[: -len(farthest)], np.zeros(len(farthest))])
        shares = knowledge.n_genres + 5
        return np.append(low, np.zeros(shares)).astype(np.float32), np.append(high, np.ones(shares)).astype(np.float32)

    def add(self, slates: NDArray[np.int64], ratings: Floats) -> None:
        """Takes in `(B, K)` slates and their ratings."""
        weights, liked = ratings - np.float32(CLICK_THRESHOLD), ratings >= self._scenario.threshold
        if slates.shape[1] == 1:  # the same, without sums over one movie
            features = self._movies.features.take(slates[:, 0], axis=0)
            self._last = weights * features
            self._sums[:, : features.shape[1]] += features
            self._liked += liked & self._genres.take(slates[:, 0], axis=0)
        else:
            features = self._movies.features[slates]
            self._last = np.einsum("bk,bkf->bf", weights, features) / slates.shape[1]
            self._sums[:, : features.shape[2]] += features.mean(axis=1)
            self._liked += (liked[:, :, None] & self._genres[slates]).sum(axis=1)
        self._sums[:, self._last.shape[1] :] += self._last
        self.belief.update(slates, ratings)
        self._slates += 1
        self._steps += 1

    def wait(self) -> None:
        """A step passes in which nothing is shown."""
        self._last = np.zeros_like(self._last)
        self._steps += 1

    def add_steps(self, movies: NDArray[np.int64], ratings: Floats) -> None:
        """Takes in `(B, n)` movies, each a slate of its own, and their ratings, as `add` does one after the other."""
        for step in range(movies.shape[1]):
            self.add(movies[:, step : step + 1], ratings[:, step : step + 1])

    def observe(self) -> Floats:
        """`(B, S)` float32."""
        shown, length = np.maximum(self._slates, 1), self._scenario.episode_length
        belief, columns, (batch, size) = self.belief, self._columns, self._last.shape
        seen = np.empty((batch, 5 * size + self._liked.shape[1] + 5), np.float32)
        # Each part is worked out where it is told: to put them together costs as much as to make them.
        np.divide(self._sums, shown, out=seen[:, : 2 * size])
        seen[:, 2 * size : 3 * size] = self._last
        told = np.empty((batch, 2 * size))
        told[:, :size] = belief.mean[:, columns]
        variance = np.maximum(belief.covariance.diagonal(axis1=1, axis2=2)[:, columns], 0)
        np.sqrt(variance, out=told[:, size:])
        told *= self._scale
        np.minimum(np.maximum(told, -self._reach, out=told), self._reach, out=seen[:, 3 * size : 5 * size])
        np.divide(self._liked, length * self._scenario.slate_size, out=seen[:, 5 * size : -5])
        seen[:, -5:-1] = self._demographics
        np.divide(self._steps, length, out=seen[:, -1:])
        return seen


def _as_slice(columns: NDArray[np.int64]) -> NDArray[np.int64] | slice:
    """The columns, by which arrays are not copied where they are next to each other."""
    first, count = int(columns[0]), len(columns)
    return slice(first, first + count) if np.array_equal(columns, np.arange(first, first + count)) else columns


def reach(prior: Prior, scenario: ScenarioConfig) -> Floats:
    """`(F,)`, how far from 0 beliefs and their deviations are told: farther ones are told as this.

    Twelve standard deviations of training users' tastes around the farthest that their mean is, and what growth can
    add to that.
    """
    spread = np.sqrt(np.diag(prior.covariance)[prior.columns].clip(min=0))
    farthest = np.abs(prior.mean[prior.columns]) + 12 * spread + min(scenario.affinity_cap, FARTHEST_AFFINITY)
    return np.asarray(farthest * prior.scale, np.float32)


class Thesis(Rows):
    """The thesis's observation: demographics, last movie's genres, last rating / 5, last movie's violence."""

    per_row = ("_demographics", "_last")

    def __init__(self, knowledge: Knowledge, demographics: Floats, scenario: ScenarioConfig) -> None:
        """Nothing was shown yet; `demographics` is `(B, 4)`."""
        self._knowledge, self._demographics = knowledge, demographics
        self._last = np.zeros((len(demographics), knowledge.n_genres + 2), np.float32)

    @staticmethod
    def size(knowledge: Knowledge, scenario: ScenarioConfig) -> int:
        """Length S of the observation: 25 with 19 genres."""
        return 4 + knowledge.n_genres + 2

    @staticmethod
    def bounds(knowledge: Knowledge, scenario: ScenarioConfig) -> tuple[Floats, Floats]:
        """Least and greatest value of each entry, `(S,)` each."""
        size = Thesis.size(knowledge, scenario)
        return np.zeros(size, np.float32), np.ones(size, np.float32)

    def add(self, slates: NDArray[np.int64], ratings: Floats) -> None:
        """Takes in `(B, K)` slates and their ratings; the slate's last movie counts."""
        movies = slates[:, -1]
        genres, violence = self._knowledge.genres[movies], self._knowledge.violence[movies]
        self._last = np.column_stack([genres, ratings[:, -1] / HIGHEST_RATING, violence]).astype(np.float32)

    def add_steps(self, movies: NDArray[np.int64], ratings: Floats) -> None:
        """Takes in `(B, n)` movies and their ratings; the last one counts."""
        self.add(movies, ratings)

    def wait(self) -> None:
        """Where nothing is shown, the last movie is the one before."""

    def observe(self) -> Floats:
        """`(B, S)` float32."""
        return np.concatenate([self._demographics, self._last], axis=1, dtype=np.float32)


OBSERVATIONS: dict[str, type[History] | type[Thesis] | type[RecentHistory] | type[RatedTaste] | type[AnswerHistory]] = {
    "history": History,
    "thesis": Thesis,
    "recent": RecentHistory,
    "stars": RatedTaste,
    "answers": AnswerHistory,
}
BELIEVING: frozenset[str] = frozenset({"history", "answers"})
"""Observations behind which there is a belief, see `rlrec.environments.sessions.Sessions.expect`."""
