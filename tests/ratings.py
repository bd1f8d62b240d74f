"""Tables of ratings that nobody gave, for tests of what is fitted to ratings."""

from typing import Any

import numpy as np
import pandas as pd

from rlrec.data.dataset.genres import GENRES
from rlrec.data.dataset.tables import SCHEMAS, Tables


def made_up(users: int = 50, movies: int = 70, seed: int = 0) -> Tables:
    """Ratings of 20 to 45 movies by each user, who prefer and more often watch one half of the genres."""
    rng = np.random.default_rng(seed)
    genres = rng.random((movies, len(GENRES))) < 0.15
    tastes, rows = rng.normal(0, 0.6, (users, len(GENRES))), []
    for user in range(users):
        scores = 3.3 + genres @ tastes[user] + rng.normal(0, 0.5, movies)
        watched = np.argsort(-(scores + rng.gumbel(0, 1, movies)))[: rng.integers(20, 46)]
        rows += [(user, movie, np.clip(round(scores[movie]), 1, 5)) for movie in watched]
    ratings = pd.DataFrame(rows, columns=["user", "movie", "rating"]).astype(
        {"user": "int32", "movie": "int32", "rating": "float32"}
    )
    ratings["timestamp"] = 880_000_000 + rng.integers(0, len(rows) // 3, len(rows))  # some in the same second
    ratings = ratings.assign(original_user=ratings["user"] + 1, original_movie=ratings["movie"] + 1)
    ratings = ratings.sample(frac=1, random_state=seed).reset_index(drop=True)
    people = pd.DataFrame({"user": np.arange(users), "original_id": np.arange(users) + 1, "sex": "F", "zip": "55455"})
    people = people.assign(age=30, occupation=4).astype({"sex": "string", "zip": "string"})
    films = pd.DataFrame({"movie": np.arange(movies), "original_id": np.arange(movies) + 1, "violence": 0.0})
    films["title"] = pd.array([f"Movie {i}" for i in range(movies)], "string")
    films["year"] = pd.array(1950 + rng.integers(0, 50, movies), "Int16")
    films["genres"] = pd.array(["|".join(np.array(GENRES)[flags]) for flags in genres], "string")
    return Tables(ratings, people, films)


def changed_in(tables: Tables, table: str, row: int, **values: Any) -> Tables:
    """The tables with other values in a row of one of them."""
    frames = {name: tables[name].copy() for name in SCHEMAS}
    for column, value in values.items():
        frames[table].loc[row, column] = value
    return Tables(**frames)
