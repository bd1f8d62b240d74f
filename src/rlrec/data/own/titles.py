"""Finds movies by what people type: "the usual suspects" is "Usual Suspects, The (1995)"."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from rlrec.data.dataset.titles import names_of, read_title, split_bare_year, year_of
from rlrec.errors import TitleError

SURE = 85.0
"""Least likeness, of 100, at which a name is taken for the one typed."""
MARGIN = 5.0
"""How much less like it all other names must be."""
SHOWN = 8
"""Candidates that the text of an error names at most."""

_START, _INSIDE = 94.0, 88.0
"""Likeness of a name that begins with all words typed, or holds them in a row, and has more."""
_SLIP = 90.0
"""Likeness of a name of the same year that is one slip of the finger away, however short it is."""
_SHORTEST = 4
"""Letters of a name in which a slip is still one."""


class Titles:
    """The titles of a catalogue.

    A movie is known by every name in its title, with the article in front or left out and numbers in either form:
    "Postman, The (Postino, Il) (1994)" is "the postman", "postman", "il postino" and "postino". Case, accents and
    punctuation do not matter. See `rlrec.data.dataset.titles`.
    """

    def __init__(self, titles: Sequence[str], popularity: Sequence[int] | NDArray[np.int64] | None = None) -> None:
        """Prepares the names.

        Args:
            titles: of the movies, in their order.
            popularity: `(N,)`. Where two movies have the very same title (in ml-100k 18 movies are there twice), the
                more popular one is meant; of equal ones the first.
        """
        self.titles = tuple(str(title) for title in titles)
        counts = np.zeros(len(self.titles)) if popularity is None else np.asarray(popularity)
        self._exact: dict[str, int] = {}
        for movie in np.argsort(-counts, kind="stable").tolist():
            self._exact.setdefault(self.titles[movie], movie)
        self._years: dict[int, int | None] = {}
        named: defaultdict[str, list[int]] = defaultdict(list)
        for title, movie in self._exact.items():
            names, self._years[movie] = read_title(title)
            for name in names:
                named[name].append(movie)
        self._named, self._names = dict(named), list(named)
        self._numbers = [_numbers(name) for name in self._names]

    def find(self, query: str) -> int:
        """The movie that is meant: by its exact title, by one of its names, or by the one name that is much alike.

        A year at the end, "Sabrina 1995" or "Sabrina (1995)", leaves the movies of that year only: who names a movie of
        another year is told so, and never given one that is called alike. A name with other numbers in it is never
        taken for the one typed: "Toy Story 2" is not "Toy Story".

        Returns:
            Its place in `titles`.

        Raises:
            TitleError: no movie is called that, or several are; the error names the likeliest.

        >>> titles = Titles(["Usual Suspects, The (1995)", "Sabrina (1954)", "Sabrina (1995)", "Toy Story (1995)"])
        >>> [titles.find(query) for query in ("the usual suspects", "usual suspect", "sabrina 1954", "Toy Stroy")]
        [0, 0, 1, 3]
        >>> titles.find("sabrina")
        Traceback (most recent call last):
        rlrec.errors.TitleError: "sabrina" could be "Sabrina (1954)" or "Sabrina (1995)": say which
        """
        if query in self._exact:
            return self._exact[query]
        found = self._meant(query)
        if len(found) == 1:
            return found[0]
        if found:
            candidates = tuple(self.titles[movie] for movie in found)
            raise TitleError(f'"{query}" could be {_listed(candidates)}: say which', candidates)
        candidates = tuple(self.titles[movie] for movie in self.nearest(query))
        hint = f"; the nearest are {_listed(candidates)}" if candidates else ""
        raise TitleError(f'there is no movie "{query}"{hint}', candidates)

    def nearest(self, query: str, limit: int = 5) -> list[int]:
        """Movies whose names share the most with what was typed, the likeliest first."""
        wanted = names_of(split_bare_year(query)[0])
        if not wanted:
            return []
        ranked = process.extract(wanted[-1], self._names, scorer=fuzz.WRatio, limit=4 * limit)
        movies = dict.fromkeys(movie for name, _, _ in ranked for movie in self._named[name])
        return list(movies)[:limit]

    def _meant(self, query: str) -> list[int]:
        """Movies that it may be: one, several, or none."""
        wanted, year = names_of(query), year_of(query)
        if year is not None:
            return self._of(wanted, year)
        text, year = split_bare_year(query)
        if called := self._called(wanted, None):  # "2001", "Blade Runner 2049": the year is part of the name
            return called
        return (year and self._of(names_of(text), year)) or self._alike(wanted, None)

    def _of(self, wanted: Sequence[str], year: int) -> list[int]:
        """Those of a year. Where a movie of another year has the very name, an alike one is none of them."""
        return self._called(wanted, year) or ([] if self._called(wanted, None) else self._alike(wanted, year))

    def _called(self, wanted: Sequence[str], year: int | None) -> list[int]:
        """Movies with the first of the names that any has."""
        return next(filter(None, (self._in_year(self._named.get(name, []), year) for name in wanted)), [])

    def _alike(self, wanted: Sequence[str], year: int | None) -> list[int]:
        """Movies with the most alike name and with those within the margin, if that is alike enough."""
        likeness: defaultdict[int, float] = defaultdict(float)
        for query in wanted:
            for place, value in self._likeness(query, slips=year is not None).items():
                for movie in self._in_year(self._named[self._names[place]], year):
                    likeness[movie] = max(likeness[movie], value)
        ranked = sorted(likeness, key=lambda movie: -likeness[movie])
        best = likeness[ranked[0]] if ranked else 0.0
        return [movie for movie in ranked if likeness[movie] > best - MARGIN] if best >= SURE else []

    def _likeness(self, query: str, *, slips: bool) -> dict[int, float]:
        """How alike names are, by their places; those that are hardly alike, or have other numbers, are left out."""
        alike = process.cdist([query], self._names, scorer=fuzz.ratio, score_cutoff=SURE - MARGIN)[0]
        values = {place: float(alike[place]) for place in np.flatnonzero(alike).tolist()}
        if slips and len(query) >= _SHORTEST:
            near = process.cdist([query], self._names, scorer=OSA.distance, score_cutoff=1)[0]
            values |= {place: max(_SLIP, values.get(place, 0.0)) for place in np.flatnonzero(near <= 1).tolist()}
        numbers = _numbers(query)
        values = {place: value for place, value in values.items() if self._numbers[place] == numbers}
        for place, name in enumerate(self._names):
            if query in name and (held := _held(query, name)):
                values[place] = max(values.get(place, 0.0), held)
        return values

    def _in_year(self, movies: Sequence[int], year: int | None) -> list[int]:
        return [movie for movie in movies if year in (None, self._years[movie])]


def _held(query: str, name: str) -> float:
    """Likeness of a name that holds these words; 0 where it does not, or where a number follows: that is a sequel.

    A genitive may be left out at its start, as in "schindler".
    """
    before, found, after = f" {name} ".partition(f" {query} ")
    if not found and name.startswith(f"{query}s "):
        before, found, after = "", query, name[len(query) + 2 :]
    if found and not _numbers(after.partition(" ")[0]):
        return _INSIDE if before else _START
    return 0.0


def _numbers(name: str) -> list[str]:
    return [word for word in name.split() if any(c.isdigit() for c in word) or not word.strip("ivx")]


def _listed(titles: Sequence[str]) -> str:
    told = [f'"{title}"' for title in titles[:SHOWN]]
    if len(titles) > SHOWN:
        told.append(f"{len(titles) - SHOWN} more")
    return f"{', '.join(told[:-1])} or {told[-1]}" if len(told) > 1 else told[0]
