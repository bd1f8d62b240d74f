"""Titles of movies as they are compared: names without case, accents, punctuation and place of the article, and a year.

`Postman, The (Postino, Il) (1994)` is "the postman", "postman", "il postino" and "postino" of 1994. What is in brackets
is another name, unless it is a year or, like `(V)` for video, says where a movie came out.
"""

import re
import unicodedata
from typing import NamedTuple

_BRACKETS = re.compile(r"\(([^()]*)\)")
_YEARS = re.compile(r"((?:18|19|20)\d\d)\s*(?:[-–—]\s*(?:\d{4})?)?")
_BARE_YEAR = re.compile(r"(?<=\S)\s+((?:18|19|20)\d\d)\s*$")
_MEDIUM = re.compile(r"V|TV|VG|TV Movie|mini|[IVX]+", re.IGNORECASE)
_ALSO = re.compile(r"\s*(?:a\.k\.a\.|aka)\s+", re.IGNORECASE)
_DOTTED = re.compile(r"\b(?:[a-z][.*])+[a-z]?\b\.?")
_APOSTROPHES = str.maketrans(dict.fromkeys("'’‘`´ʼ′"))
_ARTICLE_LAST = re.compile(
    r"(.*), (the|an?|la|les?|l'|las|los|el|il|lo|i|gli|une?|un[ao]|der|die|das|eine?|den|det|de|het|een|en|ett?|os?)",
    re.IGNORECASE | re.DOTALL,
)
# Without "die": nobody means Die Hard by "hard". Those of one or two letters are words too often: "I, Robot".
_ARTICLE_FIRST = re.compile(r"(?:the|an?|la|les?|las|los|el|il|lo|gli|une?|una|der|das|eine?|het) (?=.)")
_ROMAN = dict(zip("ii iii iv v vi vii viii ix x xi xii xiii xiv xv xvi".split(), map(str, range(2, 17)), strict=True))  # noqa: SIM905
_WORDS = dict(
    zip(
        "one two three four five six seven eight nine ten eleven twelve thirteen".split(),  # noqa: SIM905
        map(str, range(1, 14)),
        strict=True,
    )
)


class Title(NamedTuple):
    """A title as it is compared.

    Attributes:
        names: by which the movie is known, those with their articles first; the main ones before those in brackets.
        year: that is in brackets; None where there is none.
    """

    names: tuple[str, ...]
    year: int | None


def read_title(title: str) -> Title:
    """Names and year of a title.

    >>> read_title("Postman, The (Postino, Il) (1994)")
    Title(names=('the postman', 'il postino', 'postman', 'postino'), year=1994)
    >>> read_title("Land Before Time III (1995) (V)")
    Title(names=('land before time iii', 'land before time 3'), year=1995)
    """
    return Title(names_of(title), year_of(title))


def year_of(title: str) -> int | None:
    """The year in brackets in a title, of several years the first; of several brackets the last.

    >>> year_of("1984 (1984)"), year_of("Death Note (2006–2007)"), year_of("2001: A Space Odyssey"), year_of("X (12)")
    (1984, 2006, None, None)
    """
    years = [found[1] for text in _BRACKETS.findall(title) if (found := _YEARS.fullmatch(text.strip()))]
    return int(years[-1]) if years else None


def with_year(title: str, year: str) -> str:
    """A title with a year behind it that stands elsewhere; as it is where it has one, or there is none.

    >>> with_year("Fargo", "1996"), with_year("Fargo (1996)", "1997"), with_year("Fargo", "")
    ('Fargo (1996)', 'Fargo (1996)', 'Fargo')
    """
    year = year.partition(".")[0]
    known = len(year) == 4 and year.isascii() and year.isdecimal()
    return f"{title} ({year})" if title and known and year_of(title) is None else title


def split_bare_year(text: str) -> tuple[str, int | None]:
    """A text without the year that ends it without brackets, and the year.

    >>> split_bare_year("Fargo 1996"), split_bare_year("1984"), split_bare_year("Fargo (1996)")
    (('Fargo', 1996), ('1984', None), ('Fargo (1996)', None))
    """
    year = _BARE_YEAR.search(text)
    return (text[: year.start()], int(year[1])) if year else (text, None)


def names_of(title: str) -> tuple[str, ...]:
    """The names in a title; each also with its numbers as digits, so that "Rocky II" is "rocky 2".

    >>> names_of("Twelve Monkeys (a.k.a. 12 Monkeys) (1995)")
    ('twelve monkeys', '12 monkeys')
    """
    inside = [text for text in _BRACKETS.findall(title) if not _is_note(text.strip())]
    full, bare = [], []
    for part in (_BRACKETS.sub(" ", title), *(other for text in inside for other in _ALSO.split(text))):
        article = _ARTICLE_LAST.fullmatch(part.strip())
        name = plain(f"{article[2]} {article[1]}" if article else part)
        full.append(name)
        bare.append(plain(article[1]) if article else _ARTICLE_FIRST.sub("", name, count=1))
    written = [name for name in dict.fromkeys(full + bare) if name]
    return tuple(dict.fromkeys([*written, *map(_in_digits, written)]))


def plain(text: str) -> str:
    """Small letters and digits without accents, apart by single spaces; letters with dots are one word.

    >>> plain("Misérables, Les"), plain("Schindler’s  List"), plain("Dumb & Dumber"), plain("E.T. the Extra...")
    ('miserables les', 'schindlers list', 'dumb and dumber', 'et the extra')
    """
    folded = text.casefold().replace("&", " and ").translate(_APOSTROPHES)
    letters = unicodedata.normalize("NFKD", _DOTTED.sub(_joined, folded))
    return " ".join(re.sub(r"[^\w\s]|_", " ", "".join(c for c in letters if not unicodedata.combining(c))).split())


def _is_note(text: str) -> bool:
    return bool(_YEARS.fullmatch(text) or _MEDIUM.fullmatch(text))


def _joined(letters: re.Match[str]) -> str:
    joined = re.sub(r"[.*]", "", letters[0])
    return f"{joined} " if len(joined) > 1 else letters[0]


def _in_digits(name: str) -> str:
    """Roman numbers are numbers after another word only: "V for Vendetta"."""
    first, *others = name.split()
    return " ".join([_WORDS.get(first, first), *(_ROMAN.get(word, _WORDS.get(word, word)) for word in others)])
