"""Policies that break the contract, each in one way: what they must hold to finds it."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from rlrec.environments.views import View
from rlrec.errors import ModelError
from rlrec.policies.baselines import Known
from rlrec.policies.baselines.bandit import BayesianBandit
from rlrec.policies.policy import InformedPolicy, Note, Policy, Scores
from rlrec.testing import PolicyTests
from rlrec.worlds.dynamics import Floats

TESTS = [name for name in dir(PolicyTests) if name.startswith("test_")]


class Sound(BayesianBandit):
    """Nothing is wrong with it."""

    def __init__(self, known: Known) -> None:
        super().__init__(known)
        self.n_movies = known.knowledge.n_movies


class Nameless(Sound):
    note = None  # type: ignore[assignment]


class Boastful(Sound):
    note = Note("Boastful", "The taste, it says.", "told")


class Numberless(Sound):
    def scores(self, view: View) -> Scores:
        return super().scores(view) * np.nan


class Short(Sound):
    def scores(self, view: View) -> Scores:
        return super().scores(view)[:, 1:]


class Curious(Sound):
    """Every question is an answer to it."""

    asked = 0

    def scores(self, view: View) -> Scores:
        self.asked += 1
        return super().scores(view) + np.arange(self.n_movies) * self.asked


class Careless(Sound):
    def observe(self, slates: NDArray[np.int64], ratings: Floats) -> None:
        super().observe(slates, ratings)
        ratings -= 3


class Dependent(Sound):
    """Can be told an answer only after it was asked."""

    def begin(self, view: View, rng: np.random.Generator) -> None:
        super().begin(view, rng)
        self.asked = False

    def scores(self, view: View) -> Scores:
        self.asked = True
        return super().scores(view)

    def observe(self, slates: NDArray[np.int64], ratings: Floats) -> None:
        if not self.asked:
            raise ModelError("nothing was recommended")
        super().observe(slates, ratings)
        self.asked = False


class Sociable(Sound):
    """What others in the batch are shown counts."""

    def scores(self, view: View) -> Scores:
        return super().scores(view) + 9 * view.available.mean(axis=0) * (np.arange(self.n_movies) % len(view.users))


class Fickle(Sound):
    """Draws, and says nothing of it."""

    def begin(self, view: View, rng: np.random.Generator) -> None:
        super().begin(view, rng)
        self.noise = np.random.default_rng([int(rng.integers(2**32)), 7]).random(self.n_movies)

    def scores(self, view: View) -> Scores:
        return super().scores(view) + 9 * self.noise


class Steady(Sound):
    """Says that it draws, and does not."""

    draws = True


class Unseeded(Sound):
    draws = True

    def scores(self, view: View) -> Scores:
        return np.random.default_rng().random(view.available.shape)


class Resentful(Sound):
    """Remembers earlier sessions."""

    def __init__(self, known: Known) -> None:
        super().__init__(known)
        self.shown: NDArray[np.float64] | None = None

    def observe(self, slates: NDArray[np.int64], ratings: Floats) -> None:
        super().observe(slates, ratings)
        shown = np.zeros(self.n_movies) if self.shown is None else self.shown
        self.shown = shown + np.bincount(slates.ravel(), minlength=self.n_movies)

    def scores(self, view: View) -> Scores:
        return super().scores(view) - (0 if self.shown is None else self.shown)


class Entangled(Sound):
    """A copy shares what it was made with."""

    def __init__(self, known: Known) -> None:
        super().__init__(known)
        self.seen: dict[str, float] = {}

    def begin(self, view: View, rng: np.random.Generator) -> None:
        super().begin(view, rng)
        self.seen.clear()

    def observe(self, slates: NDArray[np.int64], ratings: Floats) -> None:
        super().observe(slates, ratings)
        self.seen["rating"] = self.seen.get("rating", 0) + 1

    def scores(self, view: View) -> Scores:
        return super().scores(view) + np.arange(self.n_movies) * (self.seen.get("rating", 0) % 3)


class Telepathic(Sound):
    """Finds the taste behind the view, where it is hidden."""

    def scores(self, view: View) -> Scores:
        return super().scores(view) + view._sessions.taste[:, :1] * np.arange(self.n_movies)


class Honest(InformedPolicy):
    """Is told the taste, and says so."""

    name, note = "honest", Note("Honest", "The taste.", "told")

    def __init__(self, known: Known) -> None:
        pass

    def scores(self, view: View) -> Scores:
        told = self.informed(view)
        return told.taste @ told.movie_vectors.T


def check(make: Callable[[Known], Policy], test: str) -> None:
    class Tests(PolicyTests):
        def make(self, known: Known) -> Policy:
            return make(known)

    getattr(Tests(), test)()


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize("policy", [Sound, Honest])
def test_a_sound_policy_passes(policy: Callable[[Known], Policy], test: str) -> None:
    check(policy, test)


BROKEN: list[tuple[Callable[[Known], Policy], str]] = [
    (Nameless, "test_it_says_who_it_is"),
    (Boastful, "test_it_says_who_it_is"),
    (Numberless, "test_its_scores_are_a_number_for_every_movie"),
    (Short, "test_its_scores_are_a_number_for_every_movie"),
    (Curious, "test_to_be_asked_twice_changes_nothing"),
    (Careless, "test_it_leaves_alone_what_it_is_given"),
    (Dependent, "test_it_can_be_told_a_history"),
    (Sociable, "test_a_session_is_the_same_whoever_else_is_in_the_batch"),
    (Fickle, "test_the_seed_decides"),
    (Steady, "test_the_seed_decides"),
    (Unseeded, "test_the_seed_decides"),
    (Resentful, "test_earlier_sessions_are_forgotten"),
    (Entangled, "test_a_copy_has_sessions_of_its_own"),
    (Telepathic, "test_it_does_not_go_by_the_tastes_of_those_it_plays"),
]


@pytest.mark.parametrize(("policy", "test"), BROKEN)
def test_whoever_breaks_the_contract_is_found_out(policy: Callable[[Known], Policy], test: str) -> None:
    with pytest.raises((AssertionError, ModelError)):
        check(policy, test)


def test_there_is_somebody_for_every_test_to_find() -> None:
    assert {test for _, test in BROKEN} == set(TESTS)
