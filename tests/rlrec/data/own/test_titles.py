import pytest
from hypothesis import given
from hypothesis import strategies as st
from policies import TITLES

from rlrec.data.dataset.titles import names_of, plain
from rlrec.data.own.titles import SHOWN, Titles
from rlrec.errors import TitleError

KNOWN = Titles(TITLES)


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("Toy Story (1995)", "Toy Story (1995)"),
        ("toy story", "Toy Story (1995)"),
        ("TOY  STORY 1995", "Toy Story (1995)"),
        ("Toy Stroy", "Toy Story (1995)"),
        ("the usual suspects", "Usual Suspects, The (1995)"),
        ("usual suspects", "Usual Suspects, The (1995)"),
        ("Usual Suspects, The", "Usual Suspects, The (1995)"),
        ("the usual suspect", "Usual Suspects, The (1995)"),
        ("il postino", "Postman, The (Postino, Il) (1994)"),
        ("The Postman", "Postman, The (Postino, Il) (1994)"),
        ("les miserables", "Misérables, Les (1995)"),
        ("MISÉRABLES", "Misérables, Les (1995)"),
        ("sabrina 1954", "Sabrina (1954)"),
        ("Sabrina (1995)", "Sabrina (1995)"),
        ("star trek 1994", "Star Trek: Generations (1994)"),
        ("first contact", "Star Trek: First Contact (1996)"),
        ("2001", "2001: A Space Odyssey (1968)"),
        ("2001: a space odyssey", "2001: A Space Odyssey (1968)"),
    ],
)
def test_a_movie_is_found_by_what_people_type(query: str, title: str) -> None:
    assert TITLES[KNOWN.find(query)] == title


@pytest.mark.parametrize(
    ("query", "candidates"),
    [
        ("sabrina", {"Sabrina (1995)", "Sabrina (1954)"}),
        ("star trek", {"Star Trek: First Contact (1996)", "Star Trek: Generations (1994)"}),
    ],
)
def test_of_several_none_is_taken_and_all_are_named(query: str, candidates: set[str]) -> None:
    with pytest.raises(TitleError, match=f'"{query}" could be .* or .*: say which') as caught:
        KNOWN.find(query)
    assert set(caught.value.candidates) == candidates
    assert all(title in str(caught.value) for title in candidates)


@pytest.mark.parametrize("query", ["Toy Story 2", "Fargo 1995", "Toy Storm and Thunder"])
def test_what_is_not_there_is_not_taken_for_something_else_but_the_nearest_are_named(query: str) -> None:
    with pytest.raises(TitleError, match=f'there is no movie "{query}"; the nearest are ') as caught:
        KNOWN.find(query)
    assert caught.value.candidates


@pytest.mark.parametrize("query", ["Toy Story 2", "Toy Stor"])
def test_the_nearest_comes_first(query: str) -> None:
    assert TITLES[KNOWN.nearest(query)[0]] == "Toy Story (1995)"


@pytest.mark.parametrize("query", ["", "   ", "?!"])
def test_nothing_is_like_nothing(query: str) -> None:
    with pytest.raises(TitleError, match=r'there is no movie "[ ?!]*"$'):
        KNOWN.find(query)


def test_an_article_is_part_of_a_name_where_it_is_none() -> None:
    assert TITLES[KNOWN.find("die hard")] == "Die Hard (1988)"
    assert "hard" not in names_of("Die Hard")


def test_of_equal_titles_the_popular_one_is_meant() -> None:
    twice = ["Chasing Amy (1997)", "Fargo (1996)", "Chasing Amy (1997)"]
    assert Titles(twice).find("chasing amy") == 0
    assert Titles(twice, [3, 9, 5]).find("chasing amy") == 2
    assert Titles(twice, [3, 9, 5]).find("Chasing Amy (1997)") == 2


def test_an_error_names_no_more_than_can_be_read() -> None:
    many = Titles(
        [f"Part {word} (1990)" for word in ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")]
    )
    with pytest.raises(TitleError, match="or 1 more: say which") as caught:
        many.find("part")
    assert len(caught.value.candidates) == SHOWN + 1


@given(st.lists(st.text(max_size=20), min_size=1, max_size=8, unique=True), st.data())
def test_any_exact_title_finds_itself(titles: list[str], data: st.DataObject) -> None:
    movie = data.draw(st.integers(0, len(titles) - 1))
    assert Titles(titles).find(titles[movie]) == movie


@given(st.lists(st.text("abcdef ", min_size=3), min_size=1, max_size=8, unique_by=plain), st.data())
def test_a_title_is_found_however_it_is_written(titles: list[str], data: st.DataObject) -> None:
    known = [title for title in titles if plain(title)]
    if known:
        movie = data.draw(st.integers(0, len(known) - 1))
        assert Titles([f"{title}, The (1990)" for title in known]).find(f"THE {known[movie].upper()} 1990") == movie


@given(st.lists(st.sampled_from(TITLES), max_size=5), st.text(max_size=30))
def test_whatever_is_typed_finds_a_movie_or_says_which_are_near(titles: list[str], query: str) -> None:
    try:
        named: tuple[str, ...] = (titles[Titles(titles).find(query)],)
    except TitleError as error:
        named = error.candidates
    assert set(named) <= set(titles)


@pytest.mark.parametrize(
    ("titles", "query", "found"),
    [
        (["1984 (1984)", "Ghostbusters (1984)"], "Ghost Busters (1984)", "Ghostbusters (1984)"),
        (["Thing, The (1982)", "Thing, The (2011)"], "The Thing (1982)", "Thing, The (1982)"),
        (["Land Before Time III (1995) (V)", "Toy Story (1995)"], "Toy Stroy (1995)", "Toy Story (1995)"),
        (["Heat (1995)", "Head (1968)"], "Heta (1995)", "Heat (1995)"),
        (["E.T. the Extra-Terrestrial (1982)", "Fargo (1996)"], "ET", "E.T. the Extra-Terrestrial (1982)"),
        (["Professional, The (a.k.a. Léon) (1994)"], "leon", "Professional, The (a.k.a. Léon) (1994)"),
        (["Schindler's List (1993)"], "Schindler’s List", "Schindler's List (1993)"),
        (["Schindler's List (1993)", "Fargo (1996)"], "schindler", "Schindler's List (1993)"),
        (["Rocky (1976)", "Rocky II (1979)"], "rocky 2", "Rocky II (1979)"),
        (
            ["Godfather, The (1972)", "Godfather: Part II, The (1974)"],
            "godfather part 2",
            "Godfather: Part II, The (1974)",
        ),
        (["Godfather: Part II, The (1974)"], "the godfather part two", "Godfather: Part II, The (1974)"),
        (["Twelve Monkeys (1995)"], "12 monkeys", "Twelve Monkeys (1995)"),
        (["Affaire de femmes, Une (1988)"], "une affaire de femmes", "Affaire de femmes, Une (1988)"),
        (["Blade Runner (1982)", "Blade Runner 2049 (2017)"], "blade runner 2049", "Blade Runner 2049 (2017)"),
    ],
)
def test_what_people_type_is_found_among(titles: list[str], query: str, found: str) -> None:
    assert titles[Titles(titles).find(query)] == found


@pytest.mark.parametrize(
    ("titles", "query"),
    [
        (["Some Sequel (1995) (V)", "Toy Story (1995)"], "No Such Film At All (1995)"),
        (["Heat (1995)"], "Heat (1986)"),
        (["Heat (1995)", "Head (1986)"], "Heat (1986)"),
        (["Alien (1979)", "Aliens (1986)"], "Alien (1986)"),
        (["Toy Story 2 (1999)"], "toy story"),
        (["Rocky III (1982)", "Rocky II (1979)"], "Rocky II (1982)"),
    ],
)
def test_a_movie_that_is_not_there_is_refused_with_the_nearest(titles: list[str], query: str) -> None:
    with pytest.raises(TitleError, match=r"there is no movie .*; the nearest are ") as caught:
        Titles(titles).find(query)
    assert titles[0] in caught.value.candidates
