"""A data set that is there as tables, written anew as files of any layout."""

import csv
import io
import re
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from movielens import TOPS, Files

from rlrec.data.dataset.genres import GENRES
from rlrec.data.dataset.tables import Tables
from rlrec.data.reading.occupations import OCCUPATIONS

PEOPLE = ("ml-100k", "recbole", "ml-1m", "atomic")
"""Layouts that say who users are; `atomic` are RecBole's files as of a data set that is not known."""


def files_of(tables: Tables, layout: str, *, text_ids: bool = False, kinds: bool = True) -> Files:
    """The files of the tables in one of the layouts of `movielens.TOPS`.

    Args:
        tables: with MovieLens's genres; those of layouts with people have all demographics.
        layout: `ml-100k` and so on.
        text_ids: whether a table of one's own calls users `u-1` and items `m-1`.
        kinds: whether it says which genres items have.
    """
    assert layout in TOPS
    ratings, movies = tables.ratings, tables.movies
    ids, titles = movies["original_id"].tolist(), movies["title"].tolist()
    genres = [words.split("|") for words in movies["genres"]]
    columns = [ratings[name].tolist() for name in ("original_user", "original_movie", "rating", "timestamp")]
    rows = list(zip(*columns[:2], [f"{stars:g}" for stars in columns[2]], columns[3], strict=True))
    if layout == "ml-100k":
        flags = [[int(genre in words) for genre in GENRES] for words in genres]
        return {
            "u.data": lines(rows, "\t", "latin-1"),
            "u.user": lines(_people(tables, words=True), "|", "latin-1"),
            "u.item": lines(
                [(i, t, "", "", "", *f) for i, t, f in zip(ids, titles, flags, strict=True)], "|", "latin-1"
            ),
            "u.genre": lines([(genre, number) for number, genre in enumerate(GENRES)], "|", "latin-1"),
            "u.occupation": lines([(word,) for word in OCCUPATIONS], "|", "latin-1"),
        }
    if layout in ("recbole", "atomic"):
        name = "ml-100k" if layout == "recbole" else "mine"
        people = [("user_id:token", "age:token", "gender:token", "occupation:token", "zip_code:token")]
        items = [("item_id:token", "movie_title:token_seq", "release_year:token", "class:token_seq")]
        items += [(i, *_cut(t), " ".join(w)) for i, t, w in zip(ids, titles, genres, strict=True)]
        header = [("user_id:token", "item_id:token", "rating:float", "timestamp:float")]
        with_people = tables.users["sex"].notna().all()
        return {
            f"{name}.inter": lines([*header, *rows], "\t", "utf-8"),
            f"{name}.item": lines(items, "\t", "utf-8"),
        } | ({f"{name}.user": lines([*people, *_people(tables, words=True)], "\t", "utf-8")} if with_people else {})
    barred = [(i, t, "|".join(w)) for i, t, w in zip(ids, titles, genres, strict=True)]
    if layout == "ml-1m":
        people = [(i, sex, age, code, code_of) for i, age, sex, code, code_of in _people(tables, words=False)]
        return {
            "ratings.dat": lines(rows, "::", "latin-1"),
            "users.dat": lines(people, "::", "latin-1"),
            "movies.dat": lines(barred, "::", "latin-1"),
        }
    if layout == "ml-10m":
        return {"ratings.dat": lines(rows, "::", "utf-8"), "movies.dat": lines(barred, "::", "utf-8")}
    if layout == "hetrec":
        made = [("movieID", "genre"), *((i, word) for i, w in zip(ids, genres, strict=True) for word in w)]
        timed = [(user, movie, stars, f"{seconds}000") for user, movie, stars, seconds in rows]
        films = [(i, re.sub(r" \(\d{4}\)$", "", t), "", _year(t)) for i, t in zip(ids, titles, strict=True)]
        return {
            "user_ratedmovies-timestamps.dat": lines(
                [("userID", "movieID", "rating", "timestamp"), *timed], "\t", "latin-1"
            ),
            "movies.dat": lines([("id", "title", "imdbID", "year"), *films], "\t", "latin-1"),
            "movie_genres.dat": lines(made, "\t", "latin-1"),
        }
    if layout == "table":
        user, item = ("u-", "m-") if text_ids else ("", "")
        own = [(f"{user}{u}", f"{item}{m}", *rest) for u, m, *rest in rows]
        named = [(f"{item}{i}", t, w) for i, t, w in barred]
        return {
            "mine.csv": _quoted(("user", "item", "rating", "timestamp"), own),
            "items.csv": _quoted(("item", "title", "genres"), named)
            if kinds
            else _quoted(("item", "title"), [one[:2] for one in named]),
        }
    modern = [
        (i, t, w.replace("Children's", "Children").replace("unknown", "(no genres listed)")) for i, t, w in barred
    ]
    return {
        "ratings.csv": _quoted(("userId", "movieId", "rating", "timestamp"), rows),
        "movies.csv": _quoted(("movieId", "title", "genres"), modern),
    }


def in_half_stars(tables: Tables) -> Tables:
    """The tables with half a star less for every other rating, as newer editions have them."""
    ratings = tables.ratings
    stars = ratings["rating"] - np.float32(0.5) * (np.arange(len(ratings)) % 2).astype(np.float32)
    return Tables(ratings.assign(rating=stars), tables.users, tables.movies)


def without_people(tables: Tables) -> Tables:
    """The tables with users of whom nothing is known."""
    unknown = {name: pd.array([pd.NA] * len(tables.users), tables.users[name].dtype) for name in ("sex", "age")}
    unknown |= {name: pd.array([pd.NA] * len(tables.users), tables.users[name].dtype) for name in ("occupation", "zip")}
    return Tables(tables.ratings, tables.users.assign(**unknown), tables.movies)


def lines(rows: Iterable[Sequence[object]], separator: str, encoding: str) -> bytes:
    """A row a line."""
    return "".join(separator.join(map(str, row)) + "\n" for row in rows).encode(encoding)


def _quoted(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue().encode()


def _people(tables: Tables, *, words: bool) -> list[tuple[object, ...]]:
    users = tables.users
    codes = users["occupation"].tolist()
    work = [OCCUPATIONS[code] for code in codes] if words else codes
    return list(
        zip(users["original_id"], users["age"], users["sex"], work, users["zip"], strict=True),
    )


def _cut(title: str) -> tuple[str, str]:
    """Title and year as RecBole has ml-100k's: the last brackets are cut off, also a video's; one title is misspelt."""
    found = re.fullmatch(r"(.*) \((\d{4}|V)\)", title)
    if found is None:
        return ("unkonwn", "unkonwn") if title == "unknown" else (title, "")
    return found[1], found[2]


def _year(title: str) -> str:
    found = re.search(r" \((\d{4})\)$", title)
    return found[1] if found else ""
