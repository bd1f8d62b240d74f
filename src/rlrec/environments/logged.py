"""Real people: they answer as they really did, and where they did not rate a movie, that is an answer too."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rlrec.data.dataset.histories import History
from rlrec.environments.rows import Rows
from rlrec.errors import WorldError
from rlrec.worlds.dynamics import Floats
from rlrec.worlds.world import World

UNRATED = 0.0
"""The answer to a movie that somebody was shown and had not rated."""
EARLIEST, LATEST = 0.4, 0.95
"""Shares of a log between which a session that continues begins."""
NEXT = 0.25
"""Share of a log that comes next: what is answered in a session that continues."""


class LoggedUsers(Rows):
    """B people: `Answers` by what they really rated.

    Two kinds of session begin with them. *Cold*: nothing is known, and every movie may be shown. *Continue*: of what
    they rated the first movies are their history, which may not be shown again; they answer by what came after it.

    What they rated elsewhere does not change by what they are shown: nothing is learned here of how people would have
    gone on had they been shown something else.
    """

    per_row = ("_stars", "_available")

    def __init__(self, histories: Sequence[History], n_movies: int, known: NDArray[np.int64] | None = None) -> None:
        """They are asked about nothing yet.

        Args:
            histories: what each of them rated, in order of time.
            n_movies: N.
            known: `(B,)`, how many of these are history: 0 where absent, which is the cold session.

        Raises:
            WorldError: somebody rated nothing after his history: there is nothing to be found.
        """
        size = len(histories)
        starts = np.zeros(size, np.int64) if known is None else np.asarray(known, np.int64)
        self._stars: Floats = np.full((size, n_movies), UNRATED, np.float32)
        self._available = np.ones((size, n_movies), bool)
        for row, (history, start) in enumerate(zip(histories, starts.tolist(), strict=True)):
            if not 0 <= start < len(history.movies):
                raise WorldError(
                    f"a person who rated {len(history.movies)} movies has no answers after {start} of them"
                )
            self._available[row, history.movies[:start]] = False
            self._stars[row, history.movies[start:]] = history.stars[start:]

    def available(self) -> NDArray[np.bool_]:
        """All movies but those of the history; see `Answers`."""
        return self._available.copy()

    def rate(self, slates: NDArray[np.int64]) -> Floats:
        """Stars, and `UNRATED` for what they did not rate; see `Answers`."""
        return np.take_along_axis(self._stars, slates, axis=1)

    def rate_all(self) -> Floats:
        """See `Answers`."""
        return self._stars

    def after(self, slates: NDArray[np.int64], ratings: Floats) -> None:
        """Nothing changes: they have answered long ago."""


def logged_users(world: World, users: NDArray[np.int64]) -> LoggedUsers:
    """Users of a world in cold sessions, as its log has them.

    Raises:
        WorldError: one has rated nothing.
    """
    return LoggedUsers([world.history(user) for user in users.tolist()], world.n_movies)


def known_at(lengths: NDArray[np.int64], shares: NDArray[np.float64] | float) -> NDArray[np.int64]:
    """How many ratings are history where a session continues a log at this share of it: one at least, and not all.

    Args:
        lengths: `(B,)` ratings of the logs, two or more each.
        shares: `(B,)`, or one for all; drawn from between `EARLIEST` and `LATEST` for training.

    Returns:
        `(B,)`.
    """
    return np.clip((lengths * shares).astype(np.int64), 1, lengths - 1)


def continued_users(histories: Sequence[History], n_movies: int, known: NDArray[np.int64]) -> LoggedUsers:
    """People in sessions that continue: they answer by what came next, the share `NEXT` of their log.

    Args:
        histories: all that each of them rated, in order of time.
        n_movies: N.
        known: `(B,)`, how many of these are history.

    Raises:
        WorldError: see `LoggedUsers`.
    """
    ends = [start + max(int(NEXT * len(one.movies)), 1) for one, start in zip(histories, known.tolist(), strict=True)]
    until = [History(one.movies[:end], one.stars[:end]) for one, end in zip(histories, ends, strict=True)]
    return LoggedUsers(until, n_movies, known)


def check_slates(n_movies: int, known: int, slate_size: int) -> None:
    """Refuses slates that cannot be shown to somebody who knows so many of the movies.

    Raises:
        WorldError: fewer are left.
    """
    if n_movies - known < slate_size:
        raise WorldError(
            f"of this world's {n_movies} movies {n_movies - known} are left to somebody whose history has {known}: too "
            f"few for a slate of {slate_size} (the learner's slate_size)"
        )


def logged_in(world: World, pool: str, at_least: int = 1) -> NDArray[np.int64]:
    """The users of a pool of whom the log has so many ratings, ascending.

    Raises:
        WorldError: there is none.
    """
    users = world.users_in(pool)
    rated = np.diff(world.log_starts)[users] if world.log_starts.size else np.zeros(len(users), np.int64)
    found = users[rated >= at_least]
    if not found.size:
        raise WorldError(
            f"this world has no log of what {pool} users really rated: it was not fitted to real ratings, or by an "
            "earlier version. Fit it again (`make pipeline`)"
        )
    return found
