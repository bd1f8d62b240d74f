"""Kinds of movies, or of whatever there is: words in one of many ways to write several of them in a field."""

import re
from collections import Counter
from collections.abc import Sequence

from rlrec.data.dataset.genres import GENRES, UNKNOWN
from rlrec.data.dataset.tables import GENRE_SEPARATOR

MOST_KINDS = 64
"""Kinds that are kept; each is a dimension of every vector."""

# ml-latest's words for genres that the older data sets have, or that are none.
_GENRE_WORDS = {"Children": "Children's", "(no genres listed)": UNKNOWN, "": UNKNOWN, "IMAX": None}


def genres_of(words: Sequence[str]) -> str:
    """Words of `GENRES` in its order; after them any other word, for the validation to name."""
    mapped = [_GENRE_WORDS.get(word, word) for word in words]
    kept = {word for word in mapped if word is not None} or {UNKNOWN}
    return GENRE_SEPARATOR.join([*(genre for genre in GENRES if genre in kept), *sorted(kept - set(GENRES))])


def kinds_of(fields: Sequence[str], separator: str | None = None) -> tuple[list[str], str]:
    """The kinds of each item, written as the tables have them, and what there is to say about it.

    Where all words are MovieLens's they are its genres. Where there are more than `MOST_KINDS` the most frequent are
    kept. What has none is of the kind `unknown`.

    Args:
        fields: one an item, with several words.
        separator: between words, beside a bar; a comma or else a semicolon where None, if any field has one.

    >>> kinds_of(["['Poetry', 'Crime']", "Crime", ""])
    (['Crime|Poetry', 'Crime', 'unknown'], '3 kinds: Crime, Poetry, unknown')
    >>> kinds_of(["Children|IMAX", "Drama|Comedy"])[0]
    ["Children's", 'Comedy|Drama']
    """
    whole = "\n".join(fields)
    if separator is None and GENRE_SEPARATOR not in whole:
        separator = next((one for one in ",;" if one in whole), None)
    found = [_words(field, separator) for field in fields]
    genres = [genres_of(words) for words in found]
    if set(GENRE_SEPARATOR.join(genres).split(GENRE_SEPARATOR)) <= set(GENRES):
        return genres, "kinds are MovieLens's genres"
    counts = Counter(word for words in found for word in set(words))
    ranked = sorted(counts, key=lambda word: (-counts[word], word))
    kept = set(ranked[:MOST_KINDS])
    written = [GENRE_SEPARATOR.join(sorted(set(words) & kept)) or UNKNOWN for words in found]
    if len(ranked) > MOST_KINDS:
        return written, f"of {len(ranked):,} kinds the {MOST_KINDS} that most items have are kept"
    named = sorted(kept | ({UNKNOWN} & set(written)))
    return written, f"{len(named)} kinds: {', '.join(named)}"


def _words(field: str, separator: str | None) -> list[str]:
    inner = field.strip()
    listed = inner.startswith("[") and inner.endswith("]")
    if listed:
        inner, separator = inner[1:-1], ","
    words = re.split(f"[|{re.escape(separator)}]" if separator else r"\|", inner)
    return [word for word in (_bare(word) if listed else word.strip() for word in words) if word]


def _bare(word: str) -> str:
    return word.strip().strip("'\"").strip()
