"""A batch of sessions played in step: the books of what was shown, whoever answers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from rlrec.data.dataset.histories import History as Rated
from rlrec.environments.answers import Answers
from rlrec.environments.fitted import FittedUsers, noise_of
from rlrec.environments.lately import AnswerHistory, RecentHistory
from rlrec.environments.logged import UNRATED
from rlrec.environments.observations import OBSERVATIONS, History
from rlrec.environments.rated_taste import RatedTaste
from rlrec.environments.rows import Chosen, Rows
from rlrec.errors import WorldError
from rlrec.metrics.gains import ndcg
from rlrec.metrics.stars import CLICK_THRESHOLD, HIGHEST_RATING
from rlrec.settings.config import ScenarioConfig
from rlrec.settings.sections import Reward
from rlrec.worlds.dynamics import Floats, reward
from rlrec.worlds.knowledge import Knowledge
from rlrec.worlds.world import World


class Outcome(NamedTuple):
    """What one step gave.

    Attributes:
        ratings: `(B, K)` float32 in [1, 5]; of real people 0 for what they did not rate.
        rewards: `(B,)` float32 in [0, 1].
        ctr: `(B,)` float64, clicks over movies shown in this session so far.
        ndcg: `(B,)` float64; the ideal slate is the best K movies that could have been shown to this user now; NaN
            where none of them was rated.
        ndcg_max: `(B,)` float64; the ideal slate is K fives.
        done: whether the sessions have ended.
    """

    ratings: Floats
    rewards: Floats
    ctr: NDArray[np.float64]
    ndcg: NDArray[np.float64]
    ndcg_max: NDArray[np.float64]
    done: bool


class Sessions(Rows):
    """B users, each in a session of T steps, all at the same step unless some were put in from elsewhere (`put`).

    A policy is not given these but a view of them, see `rlrec.environments.views`.

    Attributes:
        world: who is played, and with which movies.
        knowledge: what may be known of it.
        scenario: how.
        users: `(B,)` int64.
        demographics: `(B, 4)` float32, theirs.
        steps: `(B,)` int64, t of each: how many slates were shown, and how often none was.
        available: `(B, N)` bool, the movies that may be shown now.
    """

    per_row = ("users", "demographics", "available", "steps", "_clicks", "_shown", "_observer", "_answers")

    def __init__(
        self,
        world: World,
        users: NDArray[np.int64],
        scenario: ScenarioConfig,
        answers: Answers | None = None,
        seed: int | NDArray[np.int64] = 0,
        paid: Reward | None = None,
    ) -> None:
        """Starts the sessions.

        Args:
            world: its movies are shown.
            users: `(B,)`, of the world.
            scenario: how they are played.
            answers: who answers for these users; their simulated selves where absent.
            seed: of the scatter of simulated users' ratings (`scenario.noise`), one for all or `(B,)`.
            paid: what rewards are made of, where that is not what is observed (`scenario.reward`).

        Raises:
            WorldError: a user is unknown, there are too few movies for the session, or non-violence is to be
                rewarded in a world whose violence is unknown.
        """
        check_scenario(world, scenario)
        users = np.atleast_1d(np.asarray(users, np.int64))
        unknown = users[(users < 0) | (users >= world.n_users)]
        if unknown.size:
            raise WorldError(f"unknown user {unknown[0]}: this world has users 0 to {world.n_users - 1}")
        self.world, self.knowledge, self.scenario, self.users = world, Knowledge.of(world), scenario, users
        self.demographics = world.demographics[users]
        self._answers = FittedUsers(world, users, scenario, seed) if answers is None else answers
        self.available = self._answers.available()
        self._paid = paid or scenario.reward
        self.steps = np.zeros(len(users), np.int64)
        self._clicks, self._shown = np.zeros(len(users), np.int64), np.zeros(len(users), np.int64)
        self._observer = OBSERVATIONS[scenario.observation](self.knowledge, self.demographics, scenario)
        self._unseen: list[tuple[NDArray[np.int64], Floats, int]] = []

    @property
    def step(self) -> int:
        """t, how many slates were shown; of the session that is farthest, where they are not at the same step."""
        return int(np.maximum.reduce(self.steps))

    @property
    def over(self) -> Chosen:
        """`(B,)`, which sessions have ended."""
        return self.steps >= self.scenario.episode_length

    @property
    def ctr(self) -> NDArray[np.float64]:
        """`(B,)`, clicks over movies shown in this session so far; 0 where none was."""
        return self._clicks / np.maximum(self._shown, 1)

    @property
    def simulated(self) -> bool:
        """Whether the users are, so that they have a taste that is known."""
        return isinstance(self._answers, FittedUsers)

    @property
    def taste(self) -> Floats:
        """`(B, D)` float32, the simulated users' hidden tastes now.

        Raises:
            WorldError: they are not simulated.
        """
        if not isinstance(self._answers, FittedUsers):
            raise WorldError("nobody knows the taste of users who are not simulated")
        return self._answers.taste

    def observe(self) -> Floats:
        """`(B, S)` float32, see `rlrec.environments.observations`.

        It is worked out when it is asked for: most policies never look.
        """
        self._catch_up()
        return self._observer.observe()

    def _catch_up(self) -> None:
        for slates, ratings, steps in self._unseen:
            (self._observer.add if steps == 1 else self._observer.add_steps)(slates, ratings)
        self._unseen.clear()

    def expect(self) -> Floats:
        """`(B, N)` float32, the ratings that are expected by what is believed of the users (`scenario.belief`).

        Where the observation is `answers`, what their answers are expected to be worth.

        Raises:
            WorldError: the observation has no belief.
        """
        if not isinstance(self._observer, History | AnswerHistory):
            raise WorldError(
                f"the observation {self.scenario.observation!r} has no belief; history and answers have one"
            )
        self._catch_up()
        return self._observer.belief.expect()

    def play(self, slates: NDArray[np.integer], ratings: Floats | None = None) -> Outcome:
        """Shows each user a slate.

        Args:
            slates: `(B, K)` distinct movies, all of them available.
            ratings: `(B, K)` in [1, 5], answers to take in place of the users': simulated tastes move as if these were
                their own.

        Raises:
            WorldError: the session is over, or a slate has the wrong shape or a movie that is unknown, twice in it, or
                was shown before though repeats are not allowed.
        """
        slates = self._checked(slates)
        ratings = self._answers.rate(slates) if ratings is None else np.asarray(ratings, np.float32)
        ndcg, ndcg_max = self._ndcg(slates, ratings)
        violence = self.knowledge.violence.take(slates)
        rewards = reward(ratings, violence, self.scenario.lambda_non_violent, self._paid)
        self._answers.after(slates, ratings)
        self._take_in(slates, ratings)
        done = np.minimum.reduce(self.steps) >= self.scenario.episode_length
        return Outcome(ratings, rewards, self._clicks / self._shown, ndcg, ndcg_max, bool(done))

    def wait(self) -> None:
        """A step passes in which nothing is shown.

        Raises:
            WorldError: a session is over.
        """
        self._check_time(1)
        self._catch_up()
        nothing = np.empty((len(self.users), 0), np.int64)
        self._answers.after(nothing, np.empty(nothing.shape, np.float32))
        self._observer.wait()
        self.steps = self.steps + 1

    def take(self, chosen: Chosen) -> Self:
        """See `Rows`."""
        self._catch_up()
        taken = super().take(chosen)
        taken._unseen = []
        return taken

    def put(self, chosen: Chosen, others: Self) -> None:
        """See `Rows`."""
        self._catch_up()
        others._catch_up()
        super().put(chosen, others)

    def record(self, slates: NDArray[np.integer], ratings: Floats) -> None:
        """Takes in slates that were shown elsewhere and how they were rated there, as a step of the sessions.

        The users are neither asked nor changed: this is how a session becomes the history of a real person.

        Args:
            slates: `(B, K)`, as for `play`.
            ratings: `(B, K)`.

        Raises:
            WorldError: see `play`.
        """
        self._take_in(self._checked(slates), np.asarray(ratings, np.float32))

    def record_steps(self, movies: NDArray[np.integer], ratings: Floats) -> None:
        """Takes in n steps of one movie each: what `record` does with one after the other, but faster.

        Args:
            movies: `(B, n)`, n >= 1, those of a user distinct.
            ratings: `(B, n)`.

        Raises:
            WorldError: see `play`; `scenario.slate_size` must be 1.
        """
        steps = np.shape(movies)[-1]
        self._take_in(self._checked(movies, steps), np.asarray(ratings, np.float32), steps)

    def recall(self, histories: Sequence[Rated]) -> None:
        """Tells the observer what the B users rated before these sessions, which is no step of them.

        Histories may differ in length: shorter ones are filled up with movies that were not rated, of which `recent`
        and `stars` take no notice. Which movies may still be shown the users say (`Answers.available`).

        Raises:
            WorldError: the observation is another, which would take them for answers.
        """
        if not isinstance(self._observer, RecentHistory | RatedTaste):
            raise WorldError(
                f"the observation {self.scenario.observation!r} cannot be told what was rated before a session; "
                "recent or stars can"
            )
        longest = max(1, *(len(one.movies) for one in histories))
        movies = np.zeros((len(histories), longest), np.int64)
        ratings = np.full(movies.shape, UNRATED, np.float32)
        for row, one in enumerate(histories):
            movies[row, : len(one.movies)], ratings[row, : len(one.movies)] = one
        self._unseen.append((movies, ratings, 1))

    def _take_in(self, slates: NDArray[np.int64], ratings: Floats, steps: int = 1) -> None:
        if not self.scenario.allow_repeats:
            self.available[_rows(slates), slates] = False
        self._unseen.append((slates, ratings.copy(), steps))  # whoever is given the ratings may write to them
        clicked = ratings > CLICK_THRESHOLD
        self._clicks += clicked[:, 0] if clicked.shape[1] == 1 else clicked.sum(axis=1)
        self._shown += slates.shape[1]
        self.steps = self.steps + steps

    def _ndcg(self, slates: NDArray[np.int64], ratings: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        k, rows = ratings.shape[1], _rows(slates)
        if k == 1 and not self.scenario.noise and isinstance(self._answers, FittedUsers):
            found = ratings[:, 0].astype(np.float64)
            return found / self._answers.best(self.available, slates[:, 0], ratings[:, 0]), found / HIGHEST_RATING
        possible = np.where(self.available, self._answers.rate_all(), np.float32(0))
        if self.scenario.noise:  # luck makes no slate better than the ideal one
            ratings = possible[rows, slates]
        # Ratings of a slate and of all movies may differ in the last bit, which would let a slate beat the ideal one.
        possible[rows, slates] = ratings
        if k == 1:  # what `ndcg` comes to where nothing is discounted
            found, best = ratings[:, 0].astype(np.float64), possible.max(axis=1)
            share = np.divide(found, best, out=np.full(len(found), np.nan), where=best > 0)
            return share, found / HIGHEST_RATING
        ideal = np.sort(np.partition(possible, -k, axis=1)[:, -k:], axis=1)[:, ::-1]
        return ndcg(ratings, ideal), ndcg(ratings, np.full(k, HIGHEST_RATING, np.float32))

    def _check_time(self, steps: int) -> None:
        if self.step + steps > self.scenario.episode_length:
            raise WorldError(f"the session is over after {self.scenario.episode_length} steps: reset it")

    def _checked(self, given: NDArray[np.integer], steps: int = 1) -> NDArray[np.int64]:
        given = np.asarray(given)
        shape = (len(self.users), steps * self.scenario.slate_size)
        self._check_time(steps)
        if given.shape != shape or given.dtype.kind not in "iu":
            raise WorldError(f"slates must be integers of the shape {shape}, but are {given.dtype} of {given.shape}")
        slates = given.astype(np.int64)
        # What is below 0 is far above every movie when it is read without a sign, so that one look does for both.
        if slates.size and np.maximum.reduce(slates.view(np.uint64), axis=None) >= self.world.n_movies:
            unknown = given[(given < 0) | (given >= self.world.n_movies)]
            raise WorldError(f"unknown movie {unknown[0]}: this world has movies 0 to {self.world.n_movies - 1}")
        if shape[1] > 1:
            in_order = np.sort(slates, axis=1)
            twice = in_order[:, 1:][in_order[:, 1:] == in_order[:, :-1]]
            if twice.size:
                raise WorldError(f"movie {twice[0]} is twice in one slate")
        allowed = self.available[_rows(slates), slates]
        if np.count_nonzero(allowed) < allowed.size:
            seen = slates[~allowed]
            raise WorldError(
                f"movie {seen[0]} was shown before in this session, or rated before it, and allow_repeats is false"
            )
        return slates


def _rows(slates: NDArray[np.int64]) -> NDArray[np.intp]:
    """`(B, 1)`, to index `(B, N)` by `(B, K)` slates: what numpy's `take_along_axis` does, a few times faster."""
    return _numbers(len(slates))


@lru_cache(maxsize=64)
def _numbers(count: int) -> NDArray[np.intp]:
    numbers = np.arange(count)[:, None]
    numbers.flags.writeable = False
    return numbers


def check_scenario(world: World, scenario: ScenarioConfig) -> None:
    """Refuses a scenario that this world cannot play.

    Raises:
        WorldError: see `Sessions`, and `rlrec.worlds.knowledge.Knowledge.check`.
    """
    needed = scenario.slate_size * (1 if scenario.allow_repeats else scenario.episode_length)
    if needed > world.n_movies:
        raise WorldError(
            f"a session of {scenario.episode_length} slates of {scenario.slate_size} needs {needed} movies "
            f"(allow_repeats is {str(scenario.allow_repeats).lower()}), but the world has {world.n_movies}"
        )
    Knowledge.of(world).check(scenario.features)
    noise_of(world, scenario)
    if scenario.lambda_non_violent > 0 and not world.has_violence:
        raise WorldError(
            f"scenario.lambda_non_violent is {scenario.lambda_non_violent:g}, but this world knows no violence: "
            "the tag genome could not be had (see data/raw/provenance.json)"
        )
