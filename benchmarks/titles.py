"""How often a title is found that is not typed as the data set has it, and how often another movie is given for it."""

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.table import Table

from benchmarks.records import RESULTS, ROOT, append_record, console, errors, run_command
from rlrec.data.dataset.titles import read_title, year_of
from rlrec.data.own.titles import Titles
from rlrec.errors import TitleError

Spell = Callable[[str, random.Random], str]
_ARTICLE = re.compile(r"^(.*), (The|An?)\b(.*)$")


def main(
    tables: Annotated[Path, typer.Option(help="Tables of a data set, with movies.parquet.")] = ROOT / "data/tables",
    most: Annotated[int, typer.Option(help="Titles that are looked up, drawn where there are more.", min=1)] = 2000,
    draws: Annotated[int, typer.Option(help="Slips of each kind for each title.", min=1)] = 2,
    seed: Annotated[int, typer.Option(help="Of the slips.")] = 7,
    output: Annotated[Path, typer.Option(help="Where the record is added.")] = RESULTS / "titles.json",
) -> None:
    """Looks every title up with slips of the finger, other spellings and other years.

    Titles that another movie has too, but for the year, count where the year is typed. A title with another year names
    no movie: to be given one is an error that nobody notices, as it is to be given another movie than the one meant.
    """
    titles = sorted(set(pd.read_parquet(tables / "movies.parquet")["title"].astype(str)))
    known, rng = Titles(titles), random.Random(seed)
    drawn = sorted(rng.sample(titles, min(most, len(titles))))
    table = Table("typed", "look-ups", "found", "refused", "another movie")
    figures: dict[str, dict[str, int]] = {}
    for what, asked in (("a slip, and the year", _slips(drawn, draws, rng)), *_spellings(drawn, titles)):
        with errors.status(what):
            figures[what] = counts = _counted(known, asked)
        table.add_row(what, *(f"{counts[name]:,}" for name in ("asked", "found", "refused", "wrong")))
    with errors.status("another year"):
        figures["another year"] = counts = _counted(
            known, ((None, query) for query in _other_years(drawn, titles, rng))
        )
    table.add_row("another year", *(f"{counts[name]:,}" for name in ("asked", "found", "refused", "wrong")))
    sought = [counts for what, counts in figures.items() if what != "another year"]
    asked_for, found = sum(c["asked"] for c in sought), sum(c["found"] for c in sought)
    every, wrong = sum(c["asked"] for c in figures.values()), sum(c["wrong"] for c in figures.values())
    console.print(table)
    console.print(f"found {found / asked_for:.2%} of {asked_for:,}; another movie {wrong / every:.3%} of {every:,}")
    append_record(
        output, settings={"draws": draws, "seed": seed, "titles": len(drawn), "of": len(titles)}, figures=figures
    )


def _counted(known: Titles, asked: Iterator[tuple[str | None, str]]) -> dict[str, int]:
    counts = {"asked": 0, "found": 0, "refused": 0, "wrong": 0}
    for title, query in asked:
        counts["asked"] += 1
        try:
            given: str | None = known.titles[known.find(query)]
        except TitleError:
            given = None
        counts["refused" if given is None else "found" if given == title else "wrong"] += 1
    return counts


def _slips(titles: list[str], draws: int, rng: random.Random) -> Iterator[tuple[str, str]]:
    """Titles with their years, each with one slip of every kind."""
    for title in titles:
        if year_of(title) is not None and sum(c.isalpha() for c in title) >= 4:
            for spell in (_swapped, _dropped, _doubled, _replaced):
                for _ in range(draws):
                    yield title, spell(title, rng)


def _spellings(drawn: list[str], titles: list[str]) -> Iterator[tuple[str, Iterator[tuple[str, str]]]]:
    moved = ((title, f"{match[2]} {match[1]}{match[3]}") for title in drawn if (match := _ARTICLE.match(title)))
    yield "the article in front", moved
    yield "small letters, no punctuation", ((t, _bare(t)) for t in drawn if year_of(t) is not None and _bare(t))
    shared = Counter(name for title in titles for name in set(read_title(title).names))
    named = ((title, read_title(title).names) for title in drawn)
    yield "without the year", ((title, names[0]) for title, names in named if names and shared[names[0]] == 1)


def _bare(title: str) -> str:
    return f"{read_title(title).names[0] if read_title(title).names else ''} {year_of(title)}"


def _other_years(drawn: list[str], titles: list[str], rng: random.Random) -> Iterator[str]:
    """Titles with a year that no movie of the name has."""
    known = {(name, read_title(title).year) for title in titles for name in read_title(title).names}
    for title in drawn:
        names, year = read_title(title)
        if year is None:
            continue
        other = year + rng.choice([-30, -12, -7, -2, 2, 7, 12, 30])
        if not any((name, other) in known for name in names):
            yield title.replace(f"({year})", f"({other})")


def _letters(title: str, rng: random.Random, last: int = 0) -> int:
    """The place of a letter, of which there are so many more to its right."""
    places = [n for n in range(len(title) - last) if all(c.isalpha() for c in title[n : n + last + 1])]
    return rng.choice(places or [0])


def _swapped(title: str, rng: random.Random) -> str:
    n = _letters(title, rng, 1)
    return title[:n] + title[n + 1] + title[n] + title[n + 2 :]


def _dropped(title: str, rng: random.Random) -> str:
    n = _letters(title, rng)
    return title[:n] + title[n + 1 :]


def _doubled(title: str, rng: random.Random) -> str:
    n = _letters(title, rng)
    return title[:n] + title[n] + title[n:]


def _replaced(title: str, rng: random.Random) -> str:
    n = _letters(title, rng)
    return title[:n] + rng.choice("abcdefghijklmnopqrstuvwxyz") + title[n + 1 :]


if __name__ == "__main__":
    run_command(main)
