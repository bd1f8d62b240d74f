import numpy as np
import pytest
from policies import with_titles
from worlds import small_world

from rlrec.errors import RequestError, TitleError
from rlrec.recommending.catalogue import Catalogue

WORLD = with_titles(small_world(1))
CATALOGUE = Catalogue(WORLD)


def test_a_movie_is_found_by_title_or_id() -> None:
    movie = WORLD.titles.tolist().index("Fargo (1996)")
    assert CATALOGUE.find("fargo") == CATALOGUE.find(int(WORLD.movie_ids[movie])) == movie
    with pytest.raises(RequestError, match="there is no movie with the id 9999"):
        CATALOGUE.find(9999)
    with pytest.raises(TitleError, match="say which"):
        CATALOGUE.find("sabrina")


def test_of_a_long_list_what_is_not_found_is_told_apart() -> None:
    fargo = CATALOGUE.ids[CATALOGUE.find("fargo")]
    found, missing = CATALOGUE.look_up(["fargo", "sabrina", 9999, "No Such Film", fargo])
    assert found == [fargo, fargo]
    assert missing == ["sabrina", "9999", "No Such Film"]


def test_movies_to_choose_from_have_one_of_the_genres_and_are_among_those_named() -> None:
    one, other = CATALOGUE.genres[1], CATALOGUE.genres[3]
    has = WORLD.genres[:, [1, 3]]
    np.testing.assert_array_equal(CATALOGUE.allowed([one.upper()]), has[:, 0])
    np.testing.assert_array_equal(CATALOGUE.allowed([one, other]), has.any(axis=1))
    among = WORLD.movie_ids[:10].tolist()
    np.testing.assert_array_equal(CATALOGUE.allowed([one], among), has[:, 0] & (np.arange(WORLD.n_movies) < 10))
    assert CATALOGUE.allowed().all()
    assert not CATALOGUE.allowed(among=[]).any()
    with pytest.raises(RequestError, match=f'there is no genre "Polka"; there are {CATALOGUE.genres[0]}, '):
        CATALOGUE.allowed(["Polka"])
