import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlrec.data.dataset.titles import names_of, plain, read_title, split_bare_year, year_of


@pytest.mark.parametrize(
    ("title", "year"),
    [
        ("Toy Story (1995)", 1995),
        ("Land Before Time III (1995) (V)", 1995),
        ("2001: A Space Odyssey (1968)", 1968),
        ("Fawlty Towers (1975-1979)", 1975),
        ("Death Note (2006\u20132007)", 2006),
        ("Babylon 5", None),
        ("unknown", None),
        ("(500) Days of Summer (2009)", 2009),
    ],
)
def test_year_of_a_title(title: str, year: int | None) -> None:
    assert year_of(title) == year


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Postman, The (Postino, Il) (1994)", "il postino"),
        ("Affaire de femmes, Une (1988)", "une affaire de femmes"),
        ("Lift, De (1983)", "de lift"),
        ("Léon: The Professional (a.k.a. The Professional) (Léon) (1994)", "professional"),
        ("Seven (aka Se7en) (1995)", "se7en"),
        ("Twelve Monkeys (1995)", "12 monkeys"),
        ("Rocky II (1979)", "rocky 2"),
        ("Godfather: Part II, The (1974)", "godfather part 2"),
        ("L.A. Confidential (1997)", "la confidential"),
        ("M*A*S*H (1970)", "mash"),
        ("Schindler’s List (1993)", "schindlers list"),
        ("V for Vendetta (2006)", "v for vendetta"),
    ],
)
def test_a_movie_is_known_by(title: str, name: str) -> None:
    assert name in names_of(title)


@pytest.mark.parametrize(
    "title", ["1984 (1984)", "Some Sequel (1995) (V)", "Death Note (2006–2007)", "Show (TV) (1990)"]
)
def test_a_year_or_a_medium_in_brackets_is_no_name(title: str) -> None:
    assert set(names_of(title)) <= {"1984", "some sequel", "death note", "show"}


def test_i_is_a_word_not_a_number() -> None:
    assert names_of("I, Robot (2004)") == ("i robot",)
    assert names_of("King and I, The (1956)") == ("the king and i", "king and i")


def test_a_year_without_brackets_is_a_year_after_a_name_only() -> None:
    assert split_bare_year("Blade Runner 2049") == ("Blade Runner", 2049)
    assert split_bare_year("1984") == ("1984", None)
    assert split_bare_year("2001: A Space Odyssey") == ("2001: A Space Odyssey", None)


@given(st.text(max_size=40))
def test_what_is_plain_stays_as_it_is(text: str) -> None:
    assert plain(plain(text)) == plain(text)


@given(st.text("abc XVI,.'’()&é1", max_size=30))
def test_any_text_has_names_without_brackets_or_capitals(text: str) -> None:
    for name in read_title(text).names:
        assert name == plain(name)
