"""Small data sets in every layout, drawn from a seed."""

from functools import cache

import numpy as np

from rlrec.data.dataset.genres import GENRES
from rlrec.data.reading.parse import OCCUPATIONS

Files = dict[str, bytes]
LAYOUTS = ("ml-100k", "recbole", "ml-1m", "ml-10m", "ml-latest", "hetrec")
OWN_LAYOUTS = ("table", "atomic")
TOPS = {
    "ml-100k": "ml-100k",
    "recbole": "ml-100k",
    "ml-1m": "ml-1m",
    "ml-10m": "ml-10m",
    "ml-latest": "ml-latest-small",
    "hetrec": "hetrec-2011",
    "table": "table",
    "atomic": "recbole",
}


def draw_files(layout: str, seed: int = 0, users: int = 6, movies: int = 30) -> Files:
    """The files of a small data set, the same one in whichever layout; every user has 20 ratings."""
    return dict(_drawn(layout, seed, users, movies))


@cache
def _drawn(layout: str, seed: int, users: int, movies: int) -> Files:
    rng = np.random.default_rng(seed)
    genre_sets = [sorted(rng.choice(np.arange(1, 19), rng.integers(1, 4), replace=False)) for _ in range(movies)]
    titles = [f"Café {i}, The ({1950 + i})" for i in range(movies)]
    people = [
        (
            "FM"[rng.integers(2)],
            (1, 18, 25, 35, 45, 50, 56)[rng.integers(7)],
            rng.integers(21),
            f"{rng.integers(99999):05d}",
        )
        for _ in range(users)
    ]
    ratings = [
        (user + 1, 10 * (movie + 1), int(rng.integers(1, 6)), int(rng.integers(880_000_000, 890_000_000)))
        for user in range(users)
        for movie in (range(movies) if user == 0 else rng.permutation(movies)[:22])
    ]
    words = [[GENRES[g] for g in genres] for genres in genre_sets]
    ids = [10 * (i + 1) for i in range(movies)]

    def lines(rows: list[list[object]], separator: str, encoding: str, header: str = "") -> bytes:
        text = "".join(separator.join(map(str, row)) + "\n" for row in rows)
        return (header + text).encode(encoding)

    rows: list[list[object]] = [list(rating) for rating in ratings]
    if layout == "ml-100k":
        flags = [[int(g in genres) for g in range(19)] for genres in genre_sets]
        return {
            "u.data": lines(rows, "\t", "latin-1"),
            "u.user": lines(
                [[i + 1, a, s, OCCUPATIONS[o], z] for i, (s, a, o, z) in enumerate(people)], "|", "latin-1"
            ),
            "u.item": lines(
                [[i, t, "01-Jan-1995", "", "http://x", *f] for i, t, f in zip(ids, titles, flags, strict=True)],
                "|",
                "latin-1",
            ),
            "u.genre": lines([[g, i] for i, g in enumerate(GENRES)], "|", "latin-1") + b"\n",
            "u.occupation": lines([[o] for o in OCCUPATIONS], "|", "latin-1"),
        }
    if layout == "recbole":
        header = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
        return {
            "ml-100k.inter": lines(rows, "\t", "utf-8", header),
            "ml-100k.user": lines(
                [[i + 1, a, s, OCCUPATIONS[o], z] for i, (s, a, o, z) in enumerate(people)],
                "\t",
                "utf-8",
                "user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token\n",
            ),
            "ml-100k.item": lines(
                [[i, t[:-7], t[-5:-1], " ".join(w)] for i, t, w in zip(ids, titles, words, strict=True)],
                "\t",
                "utf-8",
                "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n",
            ),
        }
    if layout == "ml-1m":
        return {
            "ratings.dat": lines(rows, "::", "latin-1"),
            "users.dat": lines([[i + 1, s, a, o, z] for i, (s, a, o, z) in enumerate(people)], "::", "latin-1"),
            "movies.dat": lines(
                [[i, t, "|".join(w)] for i, t, w in zip(ids, titles, words, strict=True)], "::", "latin-1"
            ),
        }
    if layout == "ml-10m":
        return {
            "ratings.dat": lines(rows, "::", "utf-8"),
            "movies.dat": lines(
                [[i, t, "|".join(w)] for i, t, w in zip(ids, titles, words, strict=True)], "::", "utf-8"
            ),
            "tags.dat": b"1::10::dull::1139045764\n",
        }
    if layout == "hetrec":
        genre_rows: list[list[object]] = [[i, word] for i, w in zip(ids, words, strict=True) for word in w]
        films: list[list[object]] = [[i, t[:-7], "x", t[-5:-1]] for i, t in zip(ids, titles, strict=True)]
        return {
            "user_ratedmovies-timestamps.dat": lines(
                [[u, m, r, f"{t}000"] for u, m, r, t in ratings],
                "\t",
                "latin-1",
                "userID\tmovieID\trating\ttimestamp\n",
            ),
            "movies.dat": lines(films, "\t", "latin-1", "id\ttitle\timdbID\tyear\n"),
            "movie_genres.dat": lines(genre_rows, "\t", "latin-1", "movieID\tgenre\n"),
            "movie_actors.dat": b"movieID\tactorID\tactorName\tranking\n",
        }
    if layout == "table":
        own = [[f"reader {u}", f"b{m}", r, t] for u, m, r, t in ratings]
        books: list[list[object]] = [
            [f"b{i}", f'"{t}"', ";".join(w)] for i, t, w in zip(ids, titles, words, strict=True)
        ]
        return {
            "mine.csv": lines(own, ",", "utf-8", "user,item,rating,timestamp\n"),
            "books.csv": lines(books, ",", "utf-8", "item,title,genres\n"),
        }
    if layout == "atomic":
        return {
            name.replace("ml-100k", "mine"): text for name, text in draw_files("recbole", seed, users, movies).items()
        }
    modern = [[{"Children's": "Children"}.get(word, word) for word in w] + ["IMAX"] for w in words]
    return {
        "ratings.csv": lines(rows, ",", "utf-8", "userId,movieId,rating,timestamp\n"),
        "movies.csv": lines(
            [[i, f'"{t}"', "|".join(w)] for i, t, w in zip(ids, titles, modern, strict=True)],
            ",",
            "utf-8",
            "movieId,title,genres\n",
        ),
        "links.csv": b"movieId,imdbId,tmdbId\n",
    }
