from pathlib import Path

import pytest

from rlrec.data.own.ratings import read_own_ratings, titles_of
from rlrec.errors import RequestError

LETTERBOXD = "Date,Name,Year,Letterboxd URI,Rating\n2024-05-01,Fargo,1996,x,4.5\n2024-04-01,Heat,1995,x,3\n"
IMDB = (
    "Const,Your Rating,Date Rated,Title,Original Title,URL,Title Type,IMDb Rating,Year\n"
    'tt1,9,2024-05-01,Fargo,Fargo,x,Movie,8.1,1996\ntt2,6,2024-04-01,"Thing, The",The Thing,x,Movie,8.2,1982\n'
)


def table(folder: Path, text: str) -> Path:
    path = folder / "mine.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("title,stars\nFargo,4\nHeat (1995),2.5\n", [("Fargo", 4.0), ("Heat (1995)", 2.5)]),
        ("ID;Rating\n7;4,5\n8;1\n", [(7, 4.5), (8, 1.0)]),
        ("title\tstars\tdate\nlate\t4\t2024-02-01\nearly\t3\t2024-01-01\n", [("early", 3.0), ("late", 4.0)]),
        ("movieId,rating,timestamp\n7,4,900\n8,3,100\n", [(8, 3.0), (7, 4.0)]),
        (LETTERBOXD, [("Heat (1995)", 3.0), ("Fargo (1996)", 4.5)]),
        (IMDB, [("Thing, The (1982)", 3.0), ("Fargo (1996)", 4.5)]),
        ("\ufefftitle,stars\nFargo,4\n", [("Fargo", 4.0)]),
        ("title,stars\nseen and not rated,\nFargo,4\n", [("Fargo", 4.0)]),
        ("title,stars,year\nFargo (1996),4,1996\n", [("Fargo (1996)", 4.0)]),
    ],
)
def test_a_table_is_read_in_the_order_of_its_dates(
    tmp_path: Path, text: str, found: list[tuple[str | int, float]]
) -> None:
    assert read_own_ratings(table(tmp_path, text)) == found


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "line 1: no column is called title or name or movie or id"),
        ("film,stars\nFargo,4\n", "line 1: no column is called title .*; there are film, stars"),
        ("title,points\nFargo,4\n", "line 1: no column is called stars or rating or your rating"),
        ("title,stars\nFargo,4\nHeat,7\n", "line 3: a rating must be from 0.5 to 5, but is '7'"),
        ("title,stars\nFargo,good\n", "line 2: a rating must be from 0.5 to 5, but is 'good'"),
        (IMDB.replace(",9,", ",11,"), "line 2: a rating must be from 1 to 10, but is '11'"),
        ("id,stars\nFargo,4\n", "line 2: an id must be a whole number, but is 'Fargo'"),
        ("title,stars,date\nFargo,4,1st of May\n", "line 2: a date must be like 2024-03-31, .* but is '1st of May'"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(RequestError, match=rf"mine\.csv, {problem}"):
        read_own_ratings(table(tmp_path, text))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"mine\.csv cannot be read"):
        read_own_ratings(tmp_path / "mine.csv")
    (tmp_path / "mine.csv").write_bytes(b"title,stars\n\xff\xfe,4\n")
    with pytest.raises(RequestError, match=r"mine\.csv cannot be read"):
        read_own_ratings(tmp_path / "mine.csv")


def test_movies_are_named_a_line_each() -> None:
    assert titles_of(["Fargo", "", " 17 ", "Heat (1995)"]) == ["Fargo", 17, "Heat (1995)"]
