"""What is believed of a person's answers: a Gaussian over the factors of who answers how, after every answer.

Bayes' rule for `y ≈ v · w + noise`, y being the readings of an answer: what it is worth from 0 to 1
(`scenario.reward`), and what is read beside. That a movie was not rated is an answer of 0. The prior depends on the
demographics, see `rlrec.worlds.answering`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rlrec.environments.rows import Rows
from rlrec.metrics.stars import HIGHEST_RATING
from rlrec.settings.sections import Reward
from rlrec.worlds.answering import BESIDE, AnswerPrior
from rlrec.worlds.dynamics import Floats, worth

Doubles = NDArray[np.float64]


class AnswerBelief(Rows):
    """A batch of B people's Gaussians.

    Attributes:
        mean: `(B, R)` float64.
        covariance: `(B, R, R)` float64.
    """

    per_row = ("mean", "covariance")

    def __init__(self, prior: AnswerPrior, demographics: Floats, reward: Reward) -> None:
        """Starts with the prior, for people with `(B, 4)` demographics."""
        self._prior, self._reward = prior, reward
        self.mean: Doubles = prior.mean(demographics)
        self.covariance: Doubles = np.tile(prior.covariance, (len(demographics), 1, 1))

    def expect(self) -> Floats:
        """`(B, N)` float32, what all movies are expected to be worth, in stars."""
        return np.asarray(HIGHEST_RATING * (self.mean @ self._prior.vectors.T), np.float32)

    def update(self, slates: NDArray[np.int64], ratings: Floats) -> None:
        """Takes in `(B, K)` slates and the `(B, K)` answers to them, one position after the other."""
        prior = self._prior
        answers, beside = (
            worth(ratings, kind).astype(np.float64) / HIGHEST_RATING for kind in (self._reward, BESIDE[self._reward])
        )
        for k in range(slates.shape[1]):
            movies = slates[:, k]
            self._learn(answers[:, k], prior.vectors[movies], prior.noise[movies, 0])
            other = beside[:, k] - prior.share[movies] * answers[:, k]
            self._learn(other, prior.beside[movies], prior.noise[movies, 1])

    def _learn(self, reading: Doubles, vectors: Doubles, noise: Doubles) -> None:
        """Takes in one reading of each person, `(B,)`, of movies with these vectors `(B, R)` and noise `(B,)`."""
        projected = np.einsum("bij,bj->bi", self.covariance, vectors)
        spread = np.einsum("bi,bi->b", projected, vectors) + noise
        error = reading - np.einsum("bi,bi->b", self.mean, vectors)
        self.mean += projected * (error / spread)[:, None]
        self.covariance -= projected[:, :, None] * (projected / spread[:, None])[:, None, :]
