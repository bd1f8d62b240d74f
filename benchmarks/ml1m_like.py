"""A data set of ml-1m's size, shape and layout, drawn from a seed.

Not MovieLens's ratings, which may not be passed on, but like them in what a fit and a simulator depend on: few movies
have most of the ratings, few users give most of them, people rate what they like, and ratings come from biases, genres
and a few latent factors, with noise.
"""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlrec.data.dataset.genres import GENRES

USERS, MOVIES, RATINGS = 6_040, 3_883, 1_000_209
LATENT = 6
NOISE = 0.85
"""Standard deviation of a rating before it is rounded, in stars."""

_LARGEST_ID = 3_952  # some ids are not used
_FEWEST = 20
_AGES = (1, 18, 25, 35, 45, 50, 56)
_FIRST, _LAST = 956_703_932, 1_040_000_000  # when a user begins, seconds since 1970
_WORDS = ("Amélie", "Night", "Señor", "River", "Paris", "Winter", "Naïve", "Road", "Über", "Garden", "Château", "Moon")
# How common the 18 genres are, "unknown" aside, in their order.
_GENRE_SHARES = (13, 7, 3, 6, 31, 5, 3, 41, 2, 1, 9, 3, 3, 12, 7, 13, 4, 2)


def ml1m_archive(path: Path, seed: int = 0, users: int = USERS, movies: int = MOVIES, ratings: int = RATINGS) -> Path:
    """Writes a zip archive as GroupLens's `ml-1m.zip`; equal arguments give equal bytes.

    Args:
        path: of the archive.
        seed: of every draw.
        users, movies: sizes, at least 1 and 100; no movie has an id above 3,952.
        ratings: at least 20 a user; there are exactly as many.
    """
    rng = np.random.default_rng(seed)
    genres = _draw_genres(movies, rng)
    liking, popularity = _draw_world(users, genres, rng)
    of_user, movie = _draw_pairs(liking, popularity, _activity(users, movies, ratings, rng), rng)
    exact = liking[of_user, movie] + rng.normal(0, NOISE, len(movie)).astype(np.float32)
    stars = np.clip(np.floor(exact + 0.5), 1, 5).astype(np.int64)
    ids = np.sort(rng.permutation(_LARGEST_ID)[:movies]) + 1
    times = _draw_times(of_user, rng)
    files = {
        "ratings.dat": _lines(of_user + 1, ids[movie], stars, times),
        "users.dat": _users(users, rng),
        "movies.dat": _movies(ids, genres, rng),
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(f"ml-1m/{name}"), content, zipfile.ZIP_DEFLATED)
    return path


def _draw_genres(movies: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """`(N, 18)`, at least one a movie."""
    shares = np.array(_GENRE_SHARES) / 100
    genres = rng.random((movies, len(shares))) < shares * 0.7
    genres[np.arange(movies), rng.choice(len(shares), movies, p=shares / shares.sum())] = True
    return genres


def _draw_world(
    users: int, genres: NDArray[np.bool_], rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """What every user thinks of every movie, `(U, N)` stars; and how well known a movie is, `(N,)`, log scale."""
    movies, n_genres = len(genres), genres.shape[1]
    quality = rng.normal(0, 0.55, movies)
    popularity = rng.normal(0, 1.4, movies) + 1.2 * quality  # good ones are better known
    tastes = np.column_stack(
        [
            rng.normal(3.3, 0.4, users),
            np.ones(users),
            rng.normal(0, 0.5, (users, LATENT)),
            rng.normal(0.02, 0.25, (users, n_genres)),
        ]
    )
    vectors = np.column_stack([np.ones(movies), quality, rng.normal(0, 0.4, (movies, LATENT)), genres])
    liking: NDArray[np.float32] = tastes.astype(np.float32) @ vectors.astype(np.float32).T
    return liking, popularity


def _activity(users: int, movies: int, ratings: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """`(U,)` ratings of each user: at least 20, log-normal beyond, `ratings` in all."""
    weights = rng.lognormal(0, 1.15, users)
    spare = ratings - _FEWEST * users
    counts: NDArray[np.int64] = _FEWEST + np.floor(spare * weights / weights.sum()).astype(np.int64)
    counts = np.minimum(counts, movies // 2)
    while missing := ratings - int(counts.sum()):  # what rounding and the cap left, to those who have room
        room = np.flatnonzero(counts < movies // 2)
        counts[rng.permutation(room)[:missing]] += 1
    return counts


def _draw_pairs(
    liking: NDArray[np.float32], popularity: NDArray[np.float64], counts: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Users and the movies they rate, without a pair twice: for each user the largest of perturbed preferences.

    (Gumbel noise makes that a draw without replacement in proportion to `exp(popularity + liking / 2)`.)
    """
    keys = rng.gumbel(size=liking.shape).astype(np.float32) + popularity.astype(np.float32) + liking / 2
    order = np.argsort(-keys, axis=1)
    chosen = np.arange(liking.shape[1]) < counts[:, None]
    return np.repeat(np.arange(len(counts)), counts), order[chosen]


def _draw_times(of_user: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Each user rates within hours of the first rating, often several movies in the same second."""
    _, first, counts = np.unique(of_user, return_index=True, return_counts=True)
    elapsed = np.cumsum(np.floor(rng.exponential(12, len(of_user))))
    begin = rng.integers(_FIRST, _LAST, len(first)) - elapsed[first]
    times: NDArray[np.int64] = (elapsed + np.repeat(begin, counts)).astype(np.int64)
    return times


def _users(users: int, rng: np.random.Generator) -> bytes:
    sexes: NDArray[np.str_] = np.where(rng.random(users) < 0.72, "M", "F")
    zips = [f"{code:05d}" + ("-1234" if code % 50 == 0 else "") for code in rng.integers(100_000, size=users)]
    return _lines(np.arange(users) + 1, sexes, rng.choice(_AGES, users), rng.integers(21, size=users), np.array(zips))


def _movies(ids: NDArray[np.int64], genres: NDArray[np.bool_], rng: np.random.Generator) -> bytes:
    words, years = rng.integers(len(_WORDS), size=(len(ids), 2)), rng.integers(1919, 2001, len(ids))
    titles = [
        f"{_WORDS[one]} {_WORDS[other]} {number}, The ({year})"
        for number, (one, other), year in zip(ids, words, years, strict=True)
    ]
    named = ["|".join(np.array(GENRES[1:])[row]) for row in genres]
    return _lines(ids, np.array(titles), np.array(named))


def _lines(*columns: NDArray[Any]) -> bytes:
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return "".join("::".join(map(str, row)) + "\n" for row in rows).encode("latin-1")
