"""What every policy must hold to, as tests for pytest."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import cache
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from rlrec.environments.sessions import Sessions
from rlrec.environments.views import View
from rlrec.policies.baselines.known import Known
from rlrec.policies.histories import after_history
from rlrec.policies.playing import play
from rlrec.policies.policy import InformedPolicy, Kind, Note, Policy, Scores, scenario_of, view_of
from rlrec.policies.slates import top_slates
from rlrec.settings.config import ScenarioConfig
from rlrec.testing.worlds import informed, known, small_world
from rlrec.worlds.dynamics import Floats
from rlrec.worlds.world import World


class PolicyTests:
    """Subclass it, under a name that starts with `Test`, and give `make`.

    Attributes:
        slate_sizes: K, all of which are played.
        length: T, steps of a session.
    """

    slate_sizes: tuple[int, ...] = (1, 10)
    length: int = 6

    def make(self, known: Known) -> Policy:
        """A policy that was made, and fitted or trained if it has to be, but has begun no sessions."""
        raise NotImplementedError

    def world(self) -> World:
        """The world that is played: with every kind of features, and at least five test users."""
        return _world()

    def test_it_says_who_it_is(self) -> None:
        """It has a name and a note, and only what asks for the taste is said to be told."""
        policy = self._made()
        assert isinstance(policy.name, str), "a policy has a name"
        assert policy.name, "a policy has a name"
        assert isinstance(policy.note, Note), "a policy has a note"
        assert policy.note.label, "a note has a label"
        assert policy.note.knows, "a note says what the policy knows"
        assert policy.note.kind in get_args(Kind), f"a note's kind is one of {get_args(Kind)}"
        told = isinstance(policy, InformedPolicy)
        assert told == (policy.note.kind == "told"), "policies of the kind 'told', and no others, are InformedPolicies"
        assert told or not policy.note.bound, "regret is measured against a policy that is told"

    def test_its_scores_are_a_number_for_every_movie(self) -> None:
        """At every step, `(B, N)` floating-point scores, without a NaN for what is available."""
        for slate_size in self.slate_sizes:
            policy = self._made()
            sessions, view = self._begun(policy, self._users(), slate_size)
            for _ in range(self.length):
                scores = np.asarray(policy.scores(view))
                assert scores.shape == sessions.available.shape, f"scores are (B, N), but are {scores.shape}"
                assert scores.dtype.kind == "f", f"scores are floating-point numbers, but are {scores.dtype}"
                assert not np.isnan(scores[sessions.available]).any(), "a score is NaN"
                slates = top_slates(scores, sessions.available, slate_size)
                policy.observe(slates, sessions.play(slates).ratings)

    def test_to_be_asked_twice_changes_nothing(self) -> None:
        """`scores` takes nothing in, unless the policy draws."""
        policy = self._made()
        if not policy.draws:
            sessions, view = self._begun(policy, self._users(), 1)
            _step(policy, sessions, view)
            _equal(policy.scores(view), np.array(policy.scores(view)), "the same scores when it is asked twice")

    def test_it_leaves_alone_what_it_is_given(self) -> None:
        """Slates and ratings are not its own to write to."""
        policy = self._made()
        sessions, view = self._begun(policy, self._users(), 2)
        slates = top_slates(policy.scores(view), sessions.available, 2)
        ratings = sessions.play(slates).ratings
        given = slates.copy(), ratings.copy()
        policy.observe(*given)
        policy.scores(view)
        _equal(given[0], slates, "the slates that it was given")
        _equal(given[1], ratings, "the ratings that it was given")

    def test_it_can_be_told_a_history(self) -> None:
        """`observe` may be called many times before `scores` is; so is a history longer than a session."""
        movies = np.stack([np.arange(2 * self.length), np.arange(2 * self.length) + 5])
        ratings = np.where(movies % 3 == 0, 5, 2).astype(np.float32)
        for known_steps in (0, 1, 2 * self.length):
            policy = self._made()
            told = movies[:, :known_steps], ratings[:, :known_steps]
            (view,) = after_history(
                [policy], self.world(), self._users()[:2], *told, self._scenario(1), np.random.SeedSequence(0)
            )
            scores = np.asarray(policy.scores(view))
            assert scores.shape == view.available.shape, "scores after a history are (B, N)"
            assert not np.isnan(scores[view.available]).any(), "a score after a history is NaN"

    def test_a_session_is_the_same_whoever_else_is_in_the_batch(self) -> None:
        """What a user is shown depends on this user alone."""
        policy, users = self._made(), self._users()
        for slate_size in self.slate_sizes:
            together = self._played(policy, users, slate_size)
            for some in (users[2:3], users[[4, 0, 2]]):
                alone = self._played(policy, some, slate_size)
                _equal(alone, together[np.searchsorted(users, some)], "the same slates in another batch")

    def test_the_seed_decides(self) -> None:
        """Equal seeds give equal slates; other seeds give others where the policy says that it draws, only there."""
        policy, again, users = self._made(), self._made(), self._users()
        differ = False
        for slate_size in self.slate_sizes:
            first = self._played(policy, users, slate_size)
            _equal(self._played(again, users, slate_size), first, "the same slates for the same seed")
            others = (self._played(policy, users, slate_size, seed) for seed in range(1, 6))
            differ = differ or any(not np.array_equal(other, first) for other in others)
        assert differ or not policy.draws, "`draws` is set, but five other seeds change nothing"
        assert policy.draws or not differ, "it draws, but `draws` is not set"

    def test_earlier_sessions_are_forgotten(self) -> None:
        """`begin` starts anew."""
        users = self._users()
        for slate_size in self.slate_sizes:
            policy = self._made()
            self._played(policy, users[3:], slate_size)
            found, fresh = (
                self._played(policy, users[:3], slate_size),
                self._played(self._made(), users[:3], slate_size),
            )
            _equal(found, fresh, "the same slates after other sessions")

    def test_a_copy_has_sessions_of_its_own(self) -> None:
        """What a copy (`copy.copy`) begins and observes is nothing to the original."""

        def shown(copied: bool) -> NDArray[np.int64]:
            policy, users = self._made(), self._users()
            session = self._begun(policy, users[:3], 2)
            slates = [_step(policy, *session)]
            if copied:
                other = copy.copy(policy)
                others = self._begun(other, users[3:], 2)
                for _ in range(3):
                    _step(other, *others)
            return np.stack([*slates, *(_step(policy, *session) for _ in range(3))])

        _equal(shown(copied=True), shown(copied=False), "the same slates, whatever a copy of it does")

    def test_it_does_not_go_by_the_tastes_of_those_it_plays(self) -> None:
        """Other users who give the same answers get the same scores, unless the policy is told the taste."""
        if self._made().note.kind == "told":
            return
        world, users = self.world(), self._users()
        vectors = world.user_vectors.copy()
        vectors[users] = np.random.default_rng(1).normal(0, 2, vectors[users].shape)
        found: list[list[Scores]] = []
        for played in (world, replace(world, user_vectors=vectors)):
            policy, scores = self.make(known(played)), []
            sessions, view = self._begun(policy, users, 2, played)
            for step in range(3):
                scores.append(np.array(policy.scores(view)))
                slates = np.tile([2 * step, 2 * step + 1], (len(users), 1))
                ratings = np.full(slates.shape, 1.5 + step, np.float32)
                sessions.record(slates, ratings)
                policy.observe(slates, ratings)
            found.append(scores)
        for first, second in zip(*found, strict=True):
            _equal(second, first, "the same scores for the same answers")

    def _made(self) -> Policy:
        return self.make(known(self.world()))

    def _users(self) -> NDArray[np.int64]:
        return self.world().users_in("test")

    def _scenario(self, slate_size: int) -> ScenarioConfig:
        return ScenarioConfig(slate_size=slate_size, episode_length=self.length)

    def _begun(
        self, policy: Policy, users: NDArray[np.int64], slate_size: int, world: World | None = None
    ) -> tuple[Sessions, View]:
        sessions = Sessions(world or self.world(), users, scenario_of(policy, self._scenario(slate_size)))
        view = view_of(policy, sessions)
        policy.begin(view, np.random.default_rng(0))
        return sessions, view

    def _played(self, policy: Policy, users: NDArray[np.int64], slate_size: int, seed: int = 0) -> NDArray[np.int64]:
        """Slates `(B, T, K)`."""
        return play(policy, self.world(), users, self._scenario(slate_size), seed).slates


@cache
def _world() -> World:
    return informed(small_world())


def _step(policy: Policy, sessions: Sessions, view: View) -> NDArray[np.int64]:
    """Plays one and returns its slates, `(B, K)`."""
    slates = top_slates(policy.scores(view), sessions.available, sessions.scenario.slate_size)
    policy.observe(slates, sessions.play(slates).ratings)
    return slates


def _equal(
    found: Scores | NDArray[np.int64] | Floats, expected: Scores | NDArray[np.int64] | Floats, what: str
) -> None:
    np.testing.assert_array_equal(found, expected, err_msg=f"it should give {what}")
