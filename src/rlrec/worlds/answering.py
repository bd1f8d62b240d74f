"""What is known of people's answers before one is met: factors of who answers how, and how they depend on who it is.

An answer is a number from 0 to 1 (`rlrec.worlds.dynamics.worth`), and 0 where a movie was not rated: that is an answer
as well. It is read twice, since who rated a movie and did not like it has said more than who never rated it: what it is
worth, and a second number (`BESIDE`), less what the first says of it. With both readings of all training users in one
matrix, a user's are taken to be `y ≈ v · w + noise`, v being a movie's factors and w the user's, which are Gaussian
around a mean that is linear in the demographics. Of a movie that divides people the answers are noisier than of one
that nobody rates: every movie has a noise of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rlrec.settings.sections import Reward
from rlrec.worlds.dynamics import Floats

if TYPE_CHECKING:  # SciPy takes longer to import than most commands need to answer
    from scipy import sparse

RANK = 16
"""Factors of an answer."""
BESIDE: Mapping[Reward, Reward] = {"liked": "rating", "seen": "rating", "rating": "liked"}
"""What else is read in an answer, by what it is worth."""
_RIDGE = 10.0
"""Users that the penalty of the regression on demographics weighs as much as."""
_LEAST = 0.01
"""Variance that is added to every reading's: of a movie that hardly anybody rated, little is known."""

Doubles = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class AnswerPrior:
    """Of one kind of answers.

    Attributes:
        vectors: `(N, R)` float64, movies' factors of what answers are worth.
        beside: `(N, R)` float64, of what is read beside, less `share` times the first reading.
        share: `(N,)` float64, with which the noise of the two is independent.
        noise: `(N, 2)` float64, variances of the two readings around what the factors make of them.
        occupations: `(O,)` float32, the codes that training users have, each a feature of its own.
        weights: `(4 + O, R)` float64: from `demographic_features` to the mean of a user's factors.
        covariance: `(R, R)` float64, of factors around that.
    """

    vectors: Doubles
    beside: Doubles
    share: Doubles
    noise: Doubles
    occupations: Floats
    weights: Doubles
    covariance: Doubles

    @classmethod
    def estimate(cls, answers: sparse.csr_array, beside: sparse.csr_array, demographics: Floats) -> AnswerPrior:
        """From both readings of training users' answers, `(n, N)` each, and their demographics `(n, 4)`."""
        from scipy import sparse

        from rlrec.worlds.watched import singular_vectors

        readings = [matrix.astype(np.float64) for matrix in (answers, beside)]
        _, vectors = singular_vectors(sparse.csr_array(sparse.hstack(readings)), RANK)
        parts = np.split(vectors, 2)
        factors = np.asarray(readings[0] @ parts[0] + readings[1] @ parts[1])
        occupations = np.unique(demographics[:, 2])
        people = demographic_features(demographics, occupations)
        penalty = np.full(people.shape[1], _RIDGE)
        penalty[0] = 1e-6  # the mean of all is not pulled towards 0
        weights: Doubles = np.linalg.solve(people.T @ people + np.diag(penalty), people.T @ factors)
        around = factors - people @ weights
        first, both, second = (
            _left(readings[a], readings[b], parts[a], parts[b], factors) for a, b in ((0, 0), (0, 1), (1, 1))
        )
        first, second = np.maximum(first, 0) + _LEAST, np.maximum(second, 0) + _LEAST
        share = both / first
        return cls(
            vectors=parts[0],
            beside=parts[1] - share[:, None] * parts[0],
            share=share,
            noise=np.column_stack([first, np.maximum(second - share * both, _LEAST)]),
            occupations=occupations,
            weights=weights,
            covariance=around.T @ around / len(around),
        )

    def mean(self, demographics: Floats) -> Doubles:
        """`(B, R)`, what is expected of users with these demographics `(B, 4)`."""
        return demographic_features(demographics, self.occupations) @ self.weights


def demographic_features(demographics: Floats, occupations: Floats) -> Doubles:
    """`(B, 4 + O)`: 1, sex, age, age squared, and a flag for each occupation: none for one that is not known."""
    sex, age, occupation = (demographics[:, column].astype(np.float64) for column in range(3))
    flags = occupation[:, None] == occupations[None].astype(np.float64)
    return np.column_stack([np.ones(len(sex)), sex, age, age**2, flags])


def _left(one: sparse.csr_array, other: sparse.csr_array, u: Doubles, v: Doubles, factors: Doubles) -> Doubles:
    """`(N,)`: means over users of `(one - factors · u)(other - factors · v)`, without a dense matrix of users."""
    products = np.asarray(one.multiply(other).sum(axis=0)).ravel()
    crossed = ((one.T @ factors) * v).sum(axis=1) + ((other.T @ factors) * u).sum(axis=1)
    return np.asarray((products - crossed + ((u @ (factors.T @ factors)) * v).sum(axis=1)) / len(factors))
