"""Ratings that somebody brings along: a table of one's own, or what IMDb and Letterboxd export, as it comes."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from rlrec.errors import RequestError
from rlrec.settings.explain import printable

_COLUMNS = {
    "title": ("title", "name", "movie"),
    "id": ("id", "movie_id", "movieid", "item_id"),
    "year": ("year",),
    "stars": ("stars", "rating", "your rating"),
    "date": ("date", "date rated", "timestamp"),
}
"""What columns may be called, in any case; others are left alone."""
_IMDB = ("const", "your rating")
"""Columns by which an export of IMDb is known: its ratings are from 1 to 10."""
_DELIMITERS = ",;\t"


class OwnRating(NamedTuple):
    """One line.

    Attributes:
        movie: its title, with the year in brackets where the table has one; or its id in the data set.
        stars: from 0.5 to 5.
    """

    movie: str | int
    stars: float


def read_own_ratings(path: Path) -> list[OwnRating]:
    """Reads a table with a header: `title` or `id`, `stars`, and `date` where there is one.

    Columns are told by their names, of which those of IMDb and Letterboxd are known too (`Your Rating` from 1 to 10 is
    halved). Lines without stars say nothing and are left out.

    Args:
        path: text in UTF-8, separated by commas, semicolons or tabs.

    Returns:
        The ratings in the order of their dates, of one date and where there are none in that of the file.

    Raises:
        RequestError: it cannot be read, lacks a column, or a value is none; with path, line and value.
    """
    return [rating for _, rating in read_dated_ratings(path)]


def read_dated_ratings(path: Path) -> list[tuple[float, OwnRating]]:
    """The same with the time of each, seconds since 1970, UTC; minus infinity where it has none.

    Raises:
        RequestError: see `read_own_ratings`.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"{path} cannot be read: {printable(str(error))}") from error
    first = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    rows = csv.reader(text.splitlines(), delimiter=delimiter)
    header = [name.strip().casefold() for name in next(rows, [])]
    columns = _columns(path, header)
    scale = 0.5 if all(name in header for name in _IMDB) else 1.0
    found = []
    for row in rows:
        values = {name: row[place].strip() for name, place in columns.items() if place < len(row)}
        if not values.get("stars"):
            continue
        where = f"{path}, line {rows.line_num}"
        found.append(
            (_moment(where, values.get("date", "")), OwnRating(_movie(where, values), _stars(where, values, scale)))
        )
    return sorted(found, key=lambda dated: dated[0])


def _columns(path: Path, header: list[str]) -> dict[str, int]:
    columns = {
        what: next((header.index(name) for name in names if name in header), -1) for what, names in _COLUMNS.items()
    }
    columns = {what: place for what, place in columns.items() if place >= 0}
    for needed in (("title", "id"), ("stars",)):
        if not any(what in columns for what in needed):
            words = " or ".join(name for what in needed for name in _COLUMNS[what])
            raise RequestError(f"{path}, line 1: no column is called {words}; there are {', '.join(header) or 'none'}")
    return columns


def _movie(where: str, values: Mapping[str, str]) -> str | int:
    if title := values.get("title"):
        year = values.get("year", "")
        return f"{title} ({year})" if year.isdecimal() and f"({year})" not in title else title
    number = values.get("id", "")
    if not number.isdecimal():
        raise RequestError(f"{where}: an id must be a whole number, but is {number!r}")
    return int(number)


def _stars(where: str, values: Mapping[str, str], scale: float) -> float:
    try:
        stars = scale * float(values["stars"].replace(",", "."))
    except ValueError:
        stars = 0.0
    if not 0.5 <= stars <= 5:
        allowed = "1 to 10" if scale < 1 else "0.5 to 5"
        raise RequestError(f"{where}: a rating must be from {allowed}, but is {values['stars']!r}")
    return stars


def _moment(where: str, date: str) -> float:
    """Seconds since 1970; what has no date comes first."""
    if not date:
        return float("-inf")
    try:
        return float(date) if date.replace(".", "", 1).isdecimal() else datetime.fromisoformat(date).timestamp()
    except ValueError:
        raise RequestError(f"{where}: a date must be like 2024-03-31, or seconds since 1970, but is {date!r}") from None


def titles_of(lines: Iterable[str]) -> list[str | int]:
    """Movies that a text names, a title or an id a line; empty lines are left out."""
    stripped = filter(None, (line.strip() for line in lines))
    return [int(line) if line.isdecimal() else line for line in stripped]
