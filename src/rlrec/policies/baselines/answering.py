"""For sessions with people of whom nothing is known: that somebody did not rate what was shown is an answer, too.

What an answer is worth, from 0 to 1, is `rlrec.worlds.dynamics.worth`; a movie that was not rated is worth 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from rlrec.environments.views import View
from rlrec.metrics.stars import HIGHEST_RATING
from rlrec.policies.baselines.known import Known
from rlrec.policies.baselines.linear import LinUCB
from rlrec.policies.baselines.neighbourhood import gram_weights
from rlrec.policies.policy import Note, Policy, Scores
from rlrec.settings.sections import Reward
from rlrec.worlds.dynamics import Floats, worth
from rlrec.worlds.watched import singular_vectors

_TIE = 1e-9

Doubles = NDArray[np.float64]


class AnswerEASE(Policy):
    """EASE of answers: every movie's answer is regressed on the answers about the others, unrated ones being 0.

    With Y the `(U, N)` answers of training users and `ȳ` their means, `P = ((Y - ȳ)ᵀ(Y - ȳ) + penalty · I)⁻¹` and
    `W = -P / diag(P)` with a diagonal of 0 (Steck 2019, arXiv 1905.03375, there of clicks without means). The scores
    are `ȳ_i + gain · Σ_j (y_j - ȳ_j) W_ji` over the movies j that were *shown*: who did not rate a popular one is told
    from who was never asked.

    Knows training users' real ratings, and of the user played all answers of this session.

    Raises:
        WorldError: there are no real ratings.
    """

    name = "ease_negatives"
    note = Note(
        "EASE + negatives",
        "Training users' real ratings; of this user, the session's answers, of which not to have rated is one. "
        "Regression on all other movies.",
        "collaborative",
    )

    def __init__(self, known: Known, *, penalty: float = 300.0, gain: float = 4.0, reward: Reward = "liked") -> None:
        self._reward: Reward = reward
        answers = _answers(known, reward, self.name)
        self._means = np.asarray(answers.mean(axis=0)).ravel()
        gram = (answers.T @ answers).toarray() - answers.shape[0] * np.outer(self._means, self._means)
        self._weights = gain * gram_weights(gram, penalty)
        self._deviations: Doubles = np.empty((0, answers.shape[1]))

    def begin(self, view: View, rng: np.random.Generator) -> None:
        """Nothing is answered yet."""
        self._deviations = np.zeros((len(view.users), len(self._means)))

    def observe(self, slates: NDArray[np.int64], ratings: Floats) -> None:
        """Keeps how the answers deviate from the means."""
        found = _worth(ratings, self._reward) - self._means[slates]
        np.put_along_axis(self._deviations, slates, found, axis=1)

    def scores(self, view: View) -> Scores:
        """What answers are expected to be worth."""
        found: Scores = self._means + self._deviations @ self._weights
        return found


class AnswerLinUCB(LinUCB):
    """LinUCB (Li et al. 2010, arXiv 1003.0146) of answers, on factors of who answers how.

    One ridge regression a session, `y ≈ θ · z`, and ranked by `θ · z + alpha · sqrt(zᵀ A⁻¹ z)`, see `LinUCB`. A movie's
    z are its loadings on the `factors` largest singular vectors of the `(U, N)` answers Y of training users, times the
    singular values, over √U: `Z Zᵀ ≈ YᵀY / U`, so that training users' answers are as if θ had variance 1, and `ridge`
    stands for the variance of noise. θ is 0 before the first answer. Where that leaves movies alike, the highest mean
    answer comes first.

    Knows training users' real ratings, and of the user played all answers of this session.

    Raises:
        WorldError: there are no real ratings.
    """

    name = "answer_linucb"
    note = Note(
        "LinUCB of answers",
        "Training users' real ratings, as movie vectors of who answers how; of this user, the session's answers, of "
        "which not to have rated is one. Tries what it is unsure of.",
        "collaborative",
    )
    middle = 0.0

    def __init__(
        self, known: Known, *, factors: int = 16, alpha: float = 0.03, ridge: float = 0.1, reward: Reward = "liked"
    ) -> None:
        super().__init__(known, alpha=alpha, ridge=ridge)
        self._reward: Reward = reward
        answers = _answers(known, reward, self.name)
        values, vectors = singular_vectors(answers, factors)
        self._vectors: Doubles = vectors * values / np.sqrt(answers.shape[0])
        self._tie = _TIE * np.asarray(answers.mean(axis=0)).ravel()

    def contexts(self, view: View) -> Doubles:
        """The factors."""
        return self._vectors

    def observe(self, slates: NDArray[np.int64], ratings: Floats) -> None:
        """Adds what the answers are worth to the normal equations."""
        super().observe(slates, _worth(ratings, self._reward).astype(np.float32))

    def scores(self, view: View) -> Scores:
        """The upper bounds."""
        return self.bounds() + self._tie


class AnswerBandit(Policy):
    """Greedy on a Gaussian belief about the factors of a user's answers: the highest expected answer comes first.

    The prior and Bayes' rule are `rlrec.environments.answer_belief`'s, with demographics.

    Knows training users' real ratings and demographics, and of the user played demographics and all answers of this
    session.

    Raises:
        WorldError: it is not known what training users really rated.
    """

    name = "answer_belief"
    note = Note(
        "Belief about answers",
        "How training users really answer, and how that depends on demographics; of this user, demographics and the "
        "session's answers, of which not to have rated is one.",
        "adaptive",
    )
    observation = "answers"

    def __init__(self, known: Known, *, reward: Reward = "liked") -> None:
        self.reward = reward
        known.knowledge.answers(reward)

    def scores(self, view: View) -> Scores:
        """What answers are expected to be worth, in stars."""
        return view.expect()


def _answers(known: Known, reward: Reward, policy: str) -> sparse.csr_array:
    """`(U, N)`: what training users' ratings are worth."""
    ratings = known.training_ratings(policy)
    return sparse.csr_array((_worth(ratings.data, reward), ratings.indices, ratings.indptr), shape=ratings.shape)


def _worth(ratings: Floats, reward: Reward) -> Doubles:
    return worth(ratings, reward).astype(np.float64) / HIGHEST_RATING
