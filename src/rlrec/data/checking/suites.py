"""What is expected of the three tables.

What holds for one data set and not for another stands in its `Facts`; here is what holds for all tables.

A table is judged together with what the other tables say about it: `users` and `movies` are given a column of how many
ratings each row has, so that references are checked in both directions. `rlrec.data.checking.expectations` has Great
Expectations judge it, `rlrec.data.judging` does so itself.
"""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rlrec.data.dataset.genres import GENRES
from rlrec.data.dataset.pools import FEWEST_USERS, WHY_THREE
from rlrec.data.dataset.tables import LARGEST_RATING, SCHEMAS, Columns, Tables
from rlrec.data.registry import Facts

N_RATINGS = "n_ratings"

_C = Columns


@dataclass(frozen=True)
class Expectation:
    """One of them.

    Attributes:
        kind: what Great Expectations calls its class.
        arguments: what that takes; `description` says it in words.
    """

    kind: str
    arguments: dict[str, Any]

    @property
    def key(self) -> tuple[str, str | None, str]:
        """Name, column and words, which no other of its suite has."""
        name = re.sub(r"(?<!^)([A-Z])", r"_\1", self.kind).lower()
        return name, self.arguments.get("column"), self.arguments["description"]


def _expect(kind: str, **arguments: Any) -> Expectation:
    return Expectation(kind, arguments)


def judged_frame(tables: Tables, name: str) -> pd.DataFrame:
    """The table as its suite sees it: `users` and `movies` with `n_ratings`, the number of ratings of each row."""
    frame = tables[name]
    if name == "ratings":
        return frame
    key = _C.USER if name == "users" else _C.MOVIE
    counts = tables.ratings[key].value_counts()
    return frame.assign(**{N_RATINGS: frame[key].map(counts).fillna(0).astype(np.int64)})


def suite_of(tables: Tables, name: str, facts: Facts, newest: int, check_counts: bool) -> list[Expectation]:
    """The expectations of one table.

    Args:
        tables: all three.
        name: `ratings`, `users` or `movies`.
        facts: of the data set.
        newest: no rating may be younger, seconds since 1970, UTC.
        check_counts: whether the tables are the complete data set, so that their numbers of rows are known.
    """
    columns = list(SCHEMAS[name]) + ([] if name == "ratings" else [N_RATINGS])
    suite: list[Expectation] = [
        _expect(
            "ExpectTableColumnsToMatchOrderedList", column_list=columns, description=f"columns: {', '.join(columns)}"
        ),
        _expect("ExpectTableRowCountToBeBetween", min_value=1, description="the table is not empty"),
    ]
    if check_counts and facts.counts is not None:
        rows = facts.counts[name]
        suite.append(
            _expect("ExpectTableRowCountToEqual", value=rows, description=f"the complete table has {rows:,} rows")
        )
    for column, kind in SCHEMAS[name].items():
        kind_name = _type_name(kind)
        suite.append(
            _expect("ExpectColumnValuesToBeOfType", column=column, type_=kind_name, description=f"type {kind}")
        )
    if name == "ratings":
        suite += _of_ratings(tables, facts, newest)
    else:
        if name == "users":
            enough = f"three users are needed: {WHY_THREE}"
            suite.append(_expect("ExpectTableRowCountToBeBetween", min_value=FEWEST_USERS, description=enough))
        suite += _of_users(facts) if name == "users" else _of_movies(facts)
        key = _C.USER if name == "users" else _C.MOVIE
        suite += _numbered(key, len(tables[name]))
    return suite


def _of_ratings(tables: Tables, facts: Facts, newest: int) -> list[Expectation]:
    if facts.stars is None:
        scaled = f"a rating is above 0 and at most {LARGEST_RATING:g} stars"
        of_scale = _expect(
            "ExpectColumnValuesToBeBetween",
            column=_C.RATING,
            min_value=0,
            strict_min=True,
            max_value=LARGEST_RATING,
            description=scaled,
        )
    else:
        stars = ", ".join(f"{star:g}" for star in facts.stars)
        of_scale = _expect(
            "ExpectColumnValuesToBeInSet",
            column=_C.RATING,
            value_set=list(facts.stars),
            description=f"a rating is one of {stars}",
        )
    years = f"{_date(facts.oldest)} to {_date(newest)}"
    return [
        *_present(_C.RATING),
        of_scale,
        _expect(
            "ExpectColumnValuesToBeBetween",
            column=_C.TIMESTAMP,
            min_value=facts.oldest,
            max_value=newest,
            description=f"rated from {years}",
        ),
        _between(_C.USER, 0, len(tables.users) - 1, "the user is in the users table"),
        _between(_C.MOVIE, 0, len(tables.movies) - 1, "the movie is in the movies table"),
        _expect(
            "ExpectCompoundColumnsToBeUnique",
            column_list=[_C.ORIGINAL_USER, _C.ORIGINAL_MOVIE],
            description="a user rates a movie once (see data.repeated)",
        ),
    ]


def _of_users(facts: Facts) -> list[Expectation]:
    suite: list[Expectation] = [
        _expect("ExpectColumnValuesToBeInSet", column=_C.SEX, value_set=["F", "M"], description="sex is F or M"),
        _between(_C.AGE, 1, 120, "age is from 1 to 120"),
        _between(_C.OCCUPATION, 0, 20, "the occupation's code is from 0 to 20"),
        _between(N_RATINGS, facts.fewest_ratings, None, f"a user has at least {_ratings(facts.fewest_ratings)}"),
    ]
    if facts.demographics:
        suite += [known for column in (_C.SEX, _C.AGE, _C.OCCUPATION, _C.ZIP) for known in _present(column)]
    return suite


def _of_movies(facts: Facts) -> list[Expectation]:
    suite: list[Expectation] = [
        *_present(_C.TITLE),
        _expect(
            "ExpectColumnValueLengthsToBeBetween", column=_C.TITLE, min_value=1, description="a title is not empty"
        ),
        *_present(_C.VIOLENCE),
        _between(_C.VIOLENCE, 0, 1, "violence is from 0 to 1"),
    ]
    return suite + ([] if facts.own else _of_movielens_movies(facts))


def _of_movielens_movies(facts: Facts) -> list[Expectation]:
    rated = "every movie" if facts.rated == 1 else f"at least {facts.rated:.0%} of movies"
    return [
        _between(_C.YEAR, 1870, int(_date(facts.newest)[:4]) + 1, "made between the first films and the data set"),
        *_present(_C.GENRES),
        _expect(
            "ExpectColumnValuesToBeBetween",
            column=N_RATINGS,
            min_value=1,
            mostly=facts.rated,
            description=f"{rated} has a rating",
        ),
    ] + ([_genres_of_movielens()] if facts.genres else [])


def _genres_of_movielens() -> Expectation:
    word = "|".join(GENRES)
    return _expect(
        "ExpectColumnValuesToMatchRegex",
        column=_C.GENRES,
        regex=rf"^(?:{word})(?:\|(?:{word}))*$",
        description=f"genres are of the {len(GENRES)}: {', '.join(GENRES)}",
    )


def _numbered(key: str, rows: int) -> list[Expectation]:
    """Strictly rising from 0 to rows - 1: without gaps and without repeats."""
    return [
        _between(key, 0, rows - 1, f"numbers are from 0 to {rows - 1}"),
        _expect(
            "ExpectColumnValuesToBeIncreasing",
            column=key,
            strictly=True,
            description="numbers rise from row to row, so none is left out",
        ),
        _expect("ExpectColumnValuesToBeUnique", column=_C.ORIGINAL_ID, description="an original id stands there once"),
    ]


def _present(column: str) -> list[Expectation]:
    return [_expect("ExpectColumnValuesToNotBeNull", column=column, description=f"{column} is never missing")]


def _between(column: str, low: float, high: float | None, description: str) -> Expectation:
    limits: dict[str, Any] = {"min_value": low, "max_value": high}
    return _expect("ExpectColumnValuesToBeBetween", column=column, **limits, description=description)


def _type_name(kind: str) -> str:
    # What the expectation compares with is the name of the scalar type.
    return {"Int16": "int16", "string": "str"}.get(kind, kind)


def _ratings(number: int) -> str:
    return "one rating" if number == 1 else f"{number} ratings"


def _date(seconds: int) -> str:
    return str(np.datetime64(seconds, "s").astype("datetime64[D]"))
