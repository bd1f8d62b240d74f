"""The movies as an agent knows them, and what it expects of a user whom it has not met.

A simulated user rates by the vectors that the world is made of, whatever the agent knows. `scenario.features` says what
the agent's knowledge is made of:

| kind       | a movie's vector                                                | tastes behind the prior             |
|------------|-----------------------------------------------------------------|-------------------------------------|
| `world`    | the one that the world is made of                               | those of training users             |
| `training` | that of a factorisation of training users' real ratings only    | those of training users in it       |
| `genres`   | 1, popularity, genre flags; popularity is the standardised      | training users' real ratings,       |
|            | logarithm of (1 + training users' ratings)                      | regressed on these                  |
| `watched`  | who of the training users rated it, genres, year, popularity:   | training users' real ratings,       |
|            | `rlrec.worlds.watched`                                          | regressed on these                  |
| `both`     | those of `training` and of `watched`, side by side              | half of both: of a rating, the mean |
|            |                                                                 | of what the two make of it          |

What `training` costs against `world` is what it is worth to an agent that its features are the world's own; `genres`
is what anybody has who reads the catalogue and counts; `watched` knows what is watched together. How a movie is liked
two kinds foresee better than one, since they err in different ways: `both`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from rlrec.data.dataset.pools import POOLS
from rlrec.errors import WorldError
from rlrec.metrics.stars import HIGHEST_RATING
from rlrec.settings.sections import Reward
from rlrec.worlds.answering import BESIDE, AnswerPrior
from rlrec.worlds.dynamics import Floats, worth
from rlrec.worlds.world import World

if TYPE_CHECKING:  # SciPy takes longer to import than most commands need to answer
    from scipy import sparse


@dataclass(frozen=True)
class Prior:
    """Gaussian over the tastes that training users start with, and the map from tastes to features.

    Attributes:
        mean: `(D,)` float32.
        covariance: `(D, D)` float32.
        columns: `(F,)` int, the columns of a movie vector that are features.
        scale: `(F,)` float32, their standard deviations over all movies: `features · (scale * taste[columns])` is
            the taste's rating of a movie up to a constant.
    """

    mean: Floats
    covariance: Floats
    columns: NDArray[np.int64]
    scale: Floats

    @classmethod
    def estimate(cls, tastes: Floats, vectors: Floats, *, as_they_are: bool = False) -> Prior:
        """The prior of `(n, D)` tastes, for movies with `(N, D)` vectors; `as_they_are`: see `standardise`."""
        exact = tastes.astype(np.float64)
        covariance = np.cov(exact, rowvar=False, bias=True).reshape(exact.shape[1], exact.shape[1])
        scale = vectors.std(axis=0)
        columns = np.flatnonzero(scale > 1e-6)
        if as_they_are:
            scale = np.ones_like(scale)
        return cls(exact.mean(axis=0).astype(np.float32), covariance.astype(np.float32), columns, scale[columns])


@dataclass(frozen=True, eq=False)
class Representation:
    """The movies in the coordinates of one kind of features, and what is known of users in the same coordinates.

    Attributes:
        vectors: `(N, D)` float32, D depending on the kind: a rating is taken to be the dot product of a movie's vector
            and a user's taste.
        features: `(N, F)` float32, the same standardised and without constant columns; those of `watched` and `both`
            are only centred: of their dimensions some are meant to count for more.
        tastes: `(n, D)` float32, those that the n training users start with, ascending by user.
        prior: Of tastes.
    """

    vectors: Floats
    features: Floats
    tastes: Floats
    prior: Prior

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the features, as hexadecimal digits: by it a policy tells the movies that it was trained on."""
        return hashlib.sha256(np.ascontiguousarray(self.features).tobytes()).hexdigest()

    @cached_property
    def exact(self) -> NDArray[np.float64]:
        """`(N, D)` float64, the vectors, for what is worked out in double precision."""
        return self.vectors.astype(np.float64)

    @cached_property
    def squares(self) -> Floats:
        """`(D, N)` float32, the squares of the vectors' entries."""
        return np.asarray(self.vectors.T**2)

    @cached_property
    def directions(self) -> Floats:
        """`(N, F)` float32, the features of each movie scaled to length 1; of one whose features are all 0, zeros."""
        lengths = np.linalg.norm(self.features, axis=1, keepdims=True)
        return np.asarray(self.features / np.maximum(lengths, 1e-12))


class Answered(NamedTuple):
    """What the n training users really rated.

    Attributes:
        rows: `(m,)` int64, which of them, from 0 to n - 1.
        movies: `(m,)` int64.
        stars: `(m,)` float32.
        n_users: n.
    """

    rows: NDArray[np.int64]
    movies: NDArray[np.int64]
    stars: Floats
    n_users: int

    @classmethod
    def of(cls, world: World, users: NDArray[np.int64]) -> Answered:
        """Of these users of a world."""
        found = [world.history(user) for user in users.tolist()] if world.log_starts.size else []
        if not found:
            nothing = np.empty(0, np.int64)
            return cls(nothing, nothing, np.empty(0, np.float32), len(users))
        rows = np.repeat(np.arange(len(users)), [len(one.movies) for one in found])
        movies, stars = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return cls(rows, movies, stars, len(users))

    def matrix(self, kind: Reward, n_movies: int) -> sparse.csr_array:
        """`(n, N)` float32: answers of a kind, from 0 to 1."""
        from scipy import sparse

        values = worth(self.stars, kind) / HIGHEST_RATING
        return sparse.csr_array((values, (self.rows, self.movies)), shape=(self.n_users, n_movies))


@dataclass(frozen=True, eq=False)
class Knowledge:
    """What an agent may know of a world: everything but who the played users are and what they think.

    `Knowledge.of(world)` makes it, once a world. Nothing leads from it to the tastes of validation and test users.

    Attributes:
        n_movies: N.
        n_genres: G.
        n_training_users: n.
        genres: `(N, G)` bool, the genre flags.
        violence: `(N,)` float32 in [0, 1].
        rating_counts: `(N,)` int64, how many training users really rated a movie; empty where unknown.
        mean_ratings: `(N,)` float32, of the training users' real ratings; empty where unknown.
        demographics: `(n, 4)` float32, of the training users.
        answered: what they really rated, empty where that is not known.
        sources: by kind of features, the vectors `(N, D)` and training users' tastes `(n, D)` that `representation` is
            made of, both empty where the world lacks them.
    """

    n_movies: int
    n_genres: int
    n_training_users: int
    genres: NDArray[np.bool_]
    violence: Floats
    rating_counts: NDArray[np.int64]
    mean_ratings: Floats
    demographics: Floats
    answered: Answered
    sources: Mapping[str, tuple[Floats, Floats]]
    _representations: dict[str, Representation] = field(default_factory=dict, repr=False)
    _answers: dict[str, AnswerPrior] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, world: World) -> Knowledge:
        """What may be known of this world."""
        if world not in _KNOWLEDGE:
            users = np.flatnonzero(world.pools == POOLS.index("train"))
            counted = genre_vectors(world.genres, world.rating_counts) if world.rating_counts.size else _NOTHING
            _KNOWLEDGE[world] = cls(
                world.n_movies,
                world.n_genres,
                len(users),
                world.genres,
                world.violence,
                world.rating_counts,
                world.mean_ratings,
                world.demographics[users],
                Answered.of(world, users),
                {
                    "world": (world.movie_vectors, world.user_vectors[users]),
                    "training": (world.training_movie_vectors, world.training_tastes),
                    "genres": (counted, world.genre_tastes),
                    "watched": (world.watched_movie_vectors, world.watched_tastes),
                },
            )
        return _KNOWLEDGE[world]

    def representation(self, kind: str = "world") -> Representation:
        """The movies as an agent knows them in a scenario whose `features` are of this kind; worked out once.

        Raises:
            WorldError: see `check`; or the world has no training users, or all its movies are alike.
        """
        if kind not in self._representations:
            self.check(kind)
            parts = [self.sources[one] for one in _PARTS.get(kind, (kind,))]
            vectors, tastes = parts[0] if len(parts) == 1 else _beside(parts)
            if not len(tastes):
                raise WorldError("this world has no train users")
            own = kind in ("watched", "both")
            self._representations[kind] = Representation(
                vectors,
                standardise(vectors, as_they_are=own),
                tastes,
                Prior.estimate(tastes, vectors, as_they_are=own),
            )
        return self._representations[kind]

    def answers(self, kind: Reward) -> AnswerPrior:
        """What is known of people's answers before one is met; worked out once.

        Args:
            kind: what counts as an answer, see `rlrec.worlds.dynamics.worth`.

        Raises:
            WorldError: it is not known what training users really rated.
        """
        if kind not in self._answers:
            if not self.answered.movies.size:
                raise WorldError(f"this world lacks the log of what people really rated{_AGAIN}")
            answers, beside = (self.answered.matrix(which, self.n_movies) for which in (kind, BESIDE[kind]))
            self._answers[kind] = AnswerPrior.estimate(answers, beside, self.demographics)
        return self._answers[kind]

    def check(self, kind: str) -> None:
        """Refuses a kind of features that this world cannot give.

        Raises:
            WorldError: the world was not fitted to ratings that this kind is made of.
        """
        parts = _PARTS.get(kind, (kind,))
        named = [pair for one in parts for pair in zip(_NAMES.get(one, ()), self.sources[one], strict=False)]
        lacking = [name for name, array in named if not array.size]
        if lacking:
            raise WorldError(f"scenario.features is {kind!r}, but this world lacks {' and '.join(lacking)}{_AGAIN}")


_AGAIN = ": it was not fitted to real ratings, or by an earlier version. Fit it again (`make pipeline`)"
_NOTHING: Floats = np.empty((0, 0), np.float32)
_KNOWLEDGE: WeakKeyDictionary[World, Knowledge] = WeakKeyDictionary()
_NAMES = {
    "training": ("training_movie_vectors", "training_tastes"),
    "genres": ("rating_counts", "genre_tastes"),
    "watched": ("watched_movie_vectors", "watched_tastes"),
}
"""What a world calls the vectors and the tastes of the kinds that it may lack."""
_PARTS = {"both": ("training", "watched")}
"""Kinds that are made of others."""


def _beside(sources: Sequence[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    """Vectors of several kinds side by side, and tastes by which a rating is the mean of what each makes of it."""
    vectors = np.concatenate([vectors for vectors, _ in sources], axis=1)
    tastes = np.concatenate([tastes for _, tastes in sources], axis=1)
    return vectors, (tastes / len(sources)).astype(np.float32)


def standardise(vectors: Floats, *, as_they_are: bool = False) -> Floats:
    """Movie vectors `(N, D)` as a network takes them: `(N, F)`, mean 0, deviation 1, constant columns dropped.

    Args:
        vectors: `(N, D)`.
        as_they_are: whether deviations stay what they are.

    Raises:
        WorldError: nothing is left.
    """
    scale = vectors.std(axis=0)
    varies = scale > 1e-6
    if not varies.any():
        raise WorldError("all movies of this world are alike: there is nothing to recommend")
    kept = vectors[:, varies]
    centred = kept - kept.mean(axis=0)
    return np.ascontiguousarray(centred if as_they_are else centred / scale[varies], dtype=np.float32)


def genre_vectors(genres: NDArray[np.bool_], rating_counts: NDArray[np.int64]) -> Floats:
    """`(N, 2 + G)` float32: 1, popularity, genre flags.

    Args:
        genres: `(N, G)`.
        rating_counts: `(N,)`, of training users.
    """
    logarithms = np.log1p(rating_counts.astype(np.float64))
    popularity = (logarithms - logarithms.mean()) / max(float(logarithms.std()), 1e-9)
    return np.column_stack([np.ones(len(genres)), popularity, genres]).astype(np.float32)
