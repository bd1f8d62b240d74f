"""Finds movies by what people type: "the usual suspects" is "Usual Suspects, The (1995)"."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process

from rlrec.errors import TitleError

SURE = 85.0
"""Least likeness, of 100, at which a name is taken for the one typed."""
MARGIN = 5.0
"""How much less like it all other names must be."""
SHOWN = 8
"""Candidates that the text of an error names at most."""

_PART = 90.0
"""Likeness of a name that holds all words typed, in a row, and more."""
_YEAR = re.compile(r"\s*\(?\b((?:18|19|20)\d\d)\)?\s*$")
_ALTERNATIVE = re.compile(r"\(([^()]*)\)")
_ARTICLE_LAST = re.compile(
    r"(.*), (the|an?|la|les?|l'|las|los|el|il|lo|der|die|das|det|den)", re.IGNORECASE | re.DOTALL
)
# Without "die": nobody means Die Hard by "hard".
_ARTICLE_FIRST = re.compile(r"(?:the|an?|la|les?|las|los|el|il|lo|der|das) (?=.)")
_NUMERAL = re.compile(r"\b(?:\d+|[ivx]+)\b")


class Titles:
    """The titles of a catalogue.

    A movie is known by every name in its title, with the article in front or left out: "Postman, The (Postino, Il)
    (1994)" is "the postman", "postman", "il postino" and "postino". Case, accents and punctuation do not matter.
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
        self._years: dict[int, str | None] = {}
        named: defaultdict[str, list[int]] = defaultdict(list)
        for title, movie in self._exact.items():
            text, self._years[movie] = split_year(title)
            for name in names(text):
                named[name].append(movie)
        self._named, self._names = dict(named), list(named)

    def find(self, query: str) -> int:
        """The movie that is meant: by its exact title, by one of its names, or by the one name that is much alike.

        A year at the end, "Sabrina 1995" or "Sabrina (1995)", leaves the movies of that year only. A name with other
        numbers in it is never taken for the one typed: "Toy Story 2" is not "Toy Story".

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
        text, year = split_year(query)
        # The year may belong to the name, as in "2001".
        found = self._called(names(query), None) or self._called(names(text), year) or self._alike(names(text), year)
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
        wanted = names(split_year(query)[0])
        if not wanted:
            return []
        ranked = process.extract(wanted[-1], self._names, scorer=fuzz.WRatio, limit=4 * limit)
        movies = dict.fromkeys(movie for name, _, _ in ranked for movie in self._named[name])
        return list(movies)[:limit]

    def _called(self, wanted: Sequence[str], year: str | None) -> list[int]:
        """Movies with the first of the names that any has."""
        return next(filter(None, (self._of_year(self._named.get(name, []), year) for name in wanted)), [])

    def _alike(self, wanted: Sequence[str], year: str | None) -> list[int]:
        """Movies with the most alike name and with those within the margin, if that is alike enough."""
        likeness: defaultdict[int, float] = defaultdict(float)
        for query in wanted:
            alike = process.cdist([query], self._names, scorer=fuzz.ratio)[0]
            numerals, inside = _NUMERAL.findall(query), f" {query} "
            values = {
                place: float(alike[place])
                for place in np.flatnonzero(alike > SURE - MARGIN).tolist()
                if _NUMERAL.findall(self._names[place]) == numerals
            }
            for place in (place for place, name in enumerate(self._names) if inside in f" {name} "):
                values[place] = max(values.get(place, 0.0), _PART)
            for place, value in values.items():
                for movie in self._of_year(self._named[self._names[place]], year):
                    likeness[movie] = max(likeness[movie], value)
        ranked = sorted(likeness, key=lambda movie: -likeness[movie])
        best = likeness[ranked[0]] if ranked else 0.0
        return [movie for movie in ranked if likeness[movie] > best - MARGIN] if best >= SURE else []

    def _of_year(self, movies: Sequence[int], year: str | None) -> list[int]:
        return [movie for movie in movies if year in (None, self._years[movie])]


def split_year(title: str) -> tuple[str, str | None]:
    """A title without the year at its end, and the year.

    >>> split_year("Fargo (1996)"), split_year("Fargo 1996"), split_year("1984"), split_year("Fargo")
    (('Fargo', '1996'), ('Fargo', '1996'), ('1984', None), ('Fargo', None))
    """
    year = _YEAR.search(title)
    return (title[: year.start()], year[1]) if year and year.start() else (title, None)


def names(text: str) -> list[str]:
    """The names in a title without its year, in small letters; those with their articles first.

    >>> names("Postman, The (Postino, Il)")
    ['the postman', 'il postino', 'postman', 'postino']
    """
    full, bare = [], []
    for part in (_ALTERNATIVE.sub(" ", text), *_ALTERNATIVE.findall(text)):
        article = _ARTICLE_LAST.fullmatch(part.strip())
        name = plain(f"{article[2]} {article[1]}" if article else part)
        full.append(name)
        bare.append(plain(article[1]) if article else _ARTICLE_FIRST.sub("", name, count=1))
    return [name for name in dict.fromkeys(full + bare) if name]


def plain(text: str) -> str:
    """Small letters and digits without accents, apart by single spaces.

    >>> plain("Misérables, Les"), plain("Schindler's  List"), plain("Dumb & Dumber")
    ('miserables les', 'schindlers list', 'dumb and dumber')
    """
    letters = unicodedata.normalize("NFKD", text.casefold().replace("&", " and ").replace("'", ""))
    return " ".join(re.sub(r"[^\w\s]|_", " ", "".join(c for c in letters if not unicodedata.combining(c))).split())


def _listed(titles: Sequence[str]) -> str:
    told = [f'"{title}"' for title in titles[:SHOWN]]
    if len(titles) > SHOWN:
        told.append(f"{len(titles) - SHOWN} more")
    return f"{', '.join(told[:-1])} or {told[-1]}" if len(told) > 1 else told[0]
