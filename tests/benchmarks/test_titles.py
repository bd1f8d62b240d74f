import json
import random
from pathlib import Path

import pandas as pd
import pytest
from policies import TITLES

from benchmarks import titles
from rlrec.data.own.titles import Titles


def test_found_and_refused_and_wrong_are_told_apart() -> None:
    known = Titles(["Fargo (1996)", "Congo (1995)"])
    asked = [("Fargo (1996)", "fargo"), ("Congo (1995)", "Fargo (1996)"), (None, "Fargo (1980)"), (None, "fargo")]
    assert titles._counted(known, iter(asked)) == {"asked": 4, "found": 1, "refused": 1, "wrong": 2}


@pytest.mark.parametrize("spell", [titles._swapped, titles._dropped, titles._doubled, titles._replaced])
def test_a_slip_changes_a_letter_or_two_and_leaves_the_year(spell: titles.Spell) -> None:
    for seed in range(20):
        slipped = spell("Toy Story (1995)", random.Random(seed))
        assert slipped.endswith("(1995)")
        assert abs(len(slipped) - len("Toy Story (1995)")) <= 1


def test_another_year_is_one_that_no_movie_of_the_name_has() -> None:
    for query in titles._other_years(list(TITLES), list(TITLES), random.Random(1)):
        assert query not in TITLES


def test_the_record_has_every_kind(tmp_path: Path) -> None:
    pd.DataFrame({"title": TITLES}).to_parquet(tmp_path / "movies.parquet")
    titles.main(tmp_path, 2000, 1, 7, tmp_path / "record.json")
    figures = json.loads((tmp_path / "record.json").read_text())[-1]["figures"]
    assert set(figures) > {"a slip, and the year", "another year", "the article in front"}
    assert sum(kind["wrong"] for kind in figures.values()) == 0
    assert figures["another year"]["found"] == 0
