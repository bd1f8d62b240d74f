"""A world: the hidden tastes of its users, the vectors of its movies, and what is known of both."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlrec.data.dataset.genres import GENRES
from rlrec.data.dataset.histories import History
from rlrec.data.dataset.pools import POOLS, draw_pools
from rlrec.errors import DataError, WorldError
from rlrec.metrics.stars import HIGHEST_RATING
from rlrec.storage.files import atomic_file
from rlrec.storage.untrusted import read_arrays

_DEFAULT_SHARES = (0.7, 0.15)
LARGEST_WORLD = 2**31
"""Bytes of a world in memory, about ten times what that of ml-latest needs (330,000 users, 86,000 movies)."""


@dataclass(frozen=True, eq=False)
class World:
    """Everything a simulated session needs.

    Attributes:
        user_vectors: `(U, D)` float32, taste of every user at the start of a session; the last G are genre affinities.
        movie_vectors: `(N, D)` float32; the last G are the movie's 0/1 genre flags. A rating is the dot product of the
            two, clipped to [1, 5].
        genres: `(N, G)` bool, the genre flags.
        violence: `(N,)` float32 in [0, 1].
        demographics: `(U, 4)` float32 in [0, 1]: sex (F=0, M=1), age, occupation, zip.
        pools: `(U,)` int8, 0 = train, 1 = validation, 2 = test. Drawn with seed 0 in shares of 70/15/15 where absent.
        titles: `(N,)` str, for people to read.
        user_ids: `(U,)` int64, the users' ids in the original data set.
        movie_ids: `(N,)` int64, the movies'.
        mean_ratings: `(N,)` float32, of the training users' real ratings; of all movies where one has none.
        rating_counts: `(N,)` int64, how many training users rated a movie.
        training_movie_vectors: `(N, D')` float32, a factorisation of the training users' real ratings alone.
        training_tastes: `(users in train, D')` float32, its tastes; a row a training user, ascending.
        genre_tastes: `(users in train, 2 + G)` float32, their real ratings regressed on 1, popularity and genres. Both
            are what an agent may know that is not to know the world's vectors, see `rlrec.worlds.knowledge`.
        watched_movie_vectors: `(N, W)` float32, of who rated what among the training users, see `rlrec.worlds.watched`.
        watched_tastes: `(users in train, W)` float32, their real ratings regressed on these.
        log_starts: `(U + 1,)` int64: what user u really rated is in rows `log_starts[u]` to `log_starts[u + 1]` of the
            log, in order of time. Of test users it has nothing.
        log_movies: `(n,)` int32.
        log_stars: `(n,)` float32.
        kinds: `(G,)` str, names of the genres; none where they are MovieLens's, or numbered.
        has_violence: whether `violence` was measured; where it was not it is 0 for all movies.
        rating_noise: stars, the deviation of a scatter before clipping with which simulated ratings spread as real ones
            do; NaN where the world was not fitted to real ratings.
    """

    user_vectors: NDArray[np.float32]
    movie_vectors: NDArray[np.float32]
    genres: NDArray[np.bool_]
    violence: NDArray[np.float32]
    demographics: NDArray[np.float32]
    pools: NDArray[np.int8] = field(default_factory=lambda: np.empty(0, np.int8))
    titles: NDArray[np.str_] = field(default_factory=lambda: np.empty(0, np.str_))
    user_ids: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    movie_ids: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    mean_ratings: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    rating_counts: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    training_movie_vectors: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32))
    training_tastes: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32))
    genre_tastes: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32))
    watched_movie_vectors: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32))
    watched_tastes: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32))
    log_starts: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    log_movies: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    log_stars: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    kinds: NDArray[np.str_] = field(default_factory=lambda: np.empty(0, np.str_))
    has_violence: bool = True
    rating_noise: float = float("nan")

    def __post_init__(self) -> None:
        for name, kind in _DTYPES.items():
            try:
                value = np.ascontiguousarray(getattr(self, name), dtype=kind)
            except (TypeError, ValueError, OverflowError) as error:
                raise WorldError(f"{name} must be an array of {kind.__name__}: {error}") from error
            object.__setattr__(self, name, value)
        if np.ndim(self.has_violence):
            raise WorldError("has_violence must be one truth value")
        object.__setattr__(self, "has_violence", bool(self.has_violence))
        if np.ndim(self.rating_noise) or not isinstance(self.rating_noise, float | int | np.number):
            raise WorldError("rating_noise must be one number")
        object.__setattr__(self, "rating_noise", float(self.rating_noise))
        if self.pools.size == 0 and self.user_vectors.ndim == 2:
            object.__setattr__(
                self, "pools", draw_pools(len(self.user_vectors), *_DEFAULT_SHARES, np.random.default_rng(0))
            )
        self._check()

    @property
    def n_users(self) -> int:
        """U."""
        return len(self.user_vectors)

    @property
    def n_movies(self) -> int:
        """N."""
        return len(self.movie_vectors)

    @property
    def n_genres(self) -> int:
        """G."""
        return int(self.genres.shape[1])

    @property
    def genre_names(self) -> tuple[str, ...]:
        """Names of the G genres: `kinds`, or MovieLens's where there are as many, else `genre_00` and so on."""
        if self.kinds.size:
            return tuple(map(str, self.kinds))
        known = self.n_genres == len(GENRES)
        return GENRES if known else tuple(f"genre_{number:02d}" for number in range(self.n_genres))

    @cached_property
    def catalogue(self) -> NDArray[np.float32]:
        """`(D, N)` float32, the movies' vectors as columns: so laid out, tastes meet all of them faster."""
        return np.ascontiguousarray(self.movie_vectors.T)

    def title(self, movie: int) -> str:
        """A movie's title, or its number where the world has none."""
        return str(self.titles[movie]) if self.titles.size else f"movie {movie}"

    def users_in(self, pool: str) -> NDArray[np.int64]:
        """Users of a pool, ascending.

        Raises:
            WorldError: the pool is unknown or empty.
        """
        if pool == "all":
            return np.arange(self.n_users)
        if pool not in POOLS:
            raise WorldError(f"unknown pool {pool!r}: it is one of {', '.join((*POOLS, 'all'))}")
        users = np.flatnonzero(self.pools == POOLS.index(pool))
        if users.size == 0:
            raise WorldError(f"this world has no {pool} users")
        return users

    def history(self, user: int) -> History:
        """What a user really rated, in order of time; nothing where that is not known.

        Raises:
            WorldError: the user is unknown.
        """
        if not 0 <= user < self.n_users:
            raise WorldError(f"unknown user {user}: this world has users 0 to {self.n_users - 1}")
        rows = slice(*self.log_starts[user : user + 2].tolist()) if self.log_starts.size else slice(0)
        return History(self.log_movies[rows].astype(np.int64), self.log_stars[rows])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the world to one `.npz` file, atomically; equal worlds give equal bytes.

        Raises:
            WriteError: the file cannot be written.
        """
        arrays: dict[str, Any] = {f.name: np.asarray(getattr(self, f.name)) for f in fields(self)}
        if not self.kinds.size:  # a world of MovieLens is what it was before there were others
            del arrays["kinds"]
        with atomic_file(Path(path)) as part, part.open("wb") as file:
            np.savez_compressed(file, **arrays)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> World:
        """Reads a world; never unpickles.

        Raises:
            WorldError: the file is missing, truncated, not a world, or larger than `LARGEST_WORLD`.
        """
        try:
            found = read_arrays(Path(path), LARGEST_WORLD)
        except FileNotFoundError as error:
            raise WorldError(f"there is no world at {path}") from error
        except DataError as error:
            raise WorldError(f"{path} is not a world: {error}") from error
        arrays: dict[str, Any] = {f.name: found[f.name] for f in fields(cls) if f.name in found}
        missing = [name for name in _REQUIRED if name not in arrays]
        if missing:
            raise WorldError(
                f"{path} is not a world, or one of an earlier version: it lacks {', '.join(missing)}. Fit it again "
                "(`make pipeline`)"
            )
        try:
            return cls(**{name: value.item() if value.ndim == 0 else value for name, value in arrays.items()})
        except WorldError as error:
            raise WorldError(f"{path} is not a world: {error}") from error

    def _check(self) -> None:
        users, movies = self.user_vectors, self.movie_vectors
        if (
            users.ndim != 2
            or movies.ndim != 2
            or users.shape[1] != movies.shape[1]
            or not len(users)
            or not len(movies)
        ):
            raise WorldError(f"user vectors {users.shape} and movie vectors {movies.shape} must be (U, D) and (N, D)")
        n_users, n_movies = len(users), len(movies)
        if self.genres.ndim != 2 or len(self.genres) != n_movies or self.genres.shape[1] > movies.shape[1]:
            raise WorldError(f"genres must be ({n_movies}, G) with G <= {movies.shape[1]}, but are {self.genres.shape}")
        if not np.array_equal(movies[:, movies.shape[1] - self.n_genres :], self.genres):
            raise WorldError("the last G entries of a movie vector must be the movie's genre flags")
        for name, shape in (("violence", (n_movies,)), ("demographics", (n_users, 4)), ("pools", (n_users,))):
            if getattr(self, name).shape != shape:
                raise WorldError(f"{name} must have the shape {shape}, but has {getattr(self, name).shape}")
        optional = {"titles": n_movies, "movie_ids": n_movies, "mean_ratings": n_movies, "rating_counts": n_movies}
        for name, length in {**optional, "user_ids": n_users}.items():
            if getattr(self, name).shape not in ((0,), (length,)):
                raise WorldError(f"{name} must have the shape ({length},), but has {getattr(self, name).shape}")
        if self.kinds.shape not in ((0,), (self.n_genres,)):
            raise WorldError(f"kinds must have the shape ({self.n_genres},), but has {self.kinds.shape}")
        n_training = int(np.count_nonzero(self.pools == POOLS.index("train")))
        width = self.training_movie_vectors.shape[-1]
        for name, matrix in {
            "training_movie_vectors": (n_movies, width),
            "training_tastes": (n_training, width),
            "genre_tastes": (n_training, 2 + self.n_genres),
            "watched_movie_vectors": (n_movies, self.watched_movie_vectors.shape[-1]),
            "watched_tastes": (n_training, self.watched_movie_vectors.shape[-1]),
        }.items():
            if getattr(self, name).shape not in ((0, 0), matrix):
                raise WorldError(f"{name} must have the shape {matrix}, but has {getattr(self, name).shape}")
        for name in _FINITE:
            if not np.isfinite(getattr(self, name)).all():
                raise WorldError(f"{name} must be finite")
        if self.rating_noise < 0 or np.isinf(self.rating_noise):
            raise WorldError(f"rating_noise must be at least 0 and finite, but is {self.rating_noise:g}")
        self._check_log()
        for name, highest in (("violence", 1), ("demographics", 1), ("pools", len(POOLS) - 1)):
            values = getattr(self, name)
            wrong = values[(values < 0) | (values > highest)]
            if wrong.size:
                raise WorldError(f"{name} must be within 0 and {highest}, but has {wrong[0]:g}")

    def _check_log(self) -> None:
        starts, movies, stars = self.log_starts, self.log_movies, self.log_stars
        if movies.shape != stars.shape or movies.ndim != 1:
            raise WorldError(f"log_movies {movies.shape} and log_stars {stars.shape} must be equally many")
        if starts.shape == (0,) and not movies.size:
            return
        if starts.shape != (self.n_users + 1,) or starts[0] or starts[-1] != len(movies) or (np.diff(starts) < 0).any():
            raise WorldError(
                f"log_starts must rise from 0 to {len(movies)} in {self.n_users + 1} steps, one a user and the end"
            )
        unknown = movies[(movies < 0) | (movies >= self.n_movies)]
        if unknown.size:
            raise WorldError(f"log_movies has the unknown movie {unknown[0]}")
        wrong = stars[~((stars > 0) & (stars <= HIGHEST_RATING))]
        if wrong.size:
            raise WorldError(f"log_stars must be above 0 and at most {HIGHEST_RATING:g}, but has {wrong[0]:g}")


_FINITE = (
    "user_vectors",
    "movie_vectors",
    "violence",
    "demographics",
    "mean_ratings",
    "training_movie_vectors",
    "training_tastes",
    "genre_tastes",
    "watched_movie_vectors",
    "watched_tastes",
)
_REQUIRED = ("user_vectors", "movie_vectors", "genres", "violence", "demographics")
_DTYPES: dict[str, type[np.generic]] = {
    "user_vectors": np.float32,
    "movie_vectors": np.float32,
    "genres": np.bool_,
    "violence": np.float32,
    "demographics": np.float32,
    "pools": np.int8,
    "titles": np.str_,
    "user_ids": np.int64,
    "movie_ids": np.int64,
    "mean_ratings": np.float32,
    "rating_counts": np.int64,
    "training_movie_vectors": np.float32,
    "training_tastes": np.float32,
    "genre_tastes": np.float32,
    "watched_movie_vectors": np.float32,
    "watched_tastes": np.float32,
    "log_starts": np.int64,
    "log_movies": np.int32,
    "log_stars": np.float32,
    "kinds": np.str_,
}
