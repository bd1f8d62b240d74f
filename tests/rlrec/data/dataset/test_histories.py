from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from worlds import small_world, tables_of

from rlrec.data.dataset.histories import read_histories
from rlrec.data.dataset.tables import Tables, save_tables
from rlrec.errors import DataError, WorldError

WORLD = small_world(n_users=9, n_movies=20)
USERS, MOVIES = np.arange(9) + 1, WORLD.movie_ids  # as `tables_of` numbers them


@pytest.fixture
def ratings(tmp_path: Path) -> Path:
    save_tables(tables_of(WORLD), tmp_path)
    return tmp_path / "ratings.parquet"


def test_every_user_has_his_ratings_in_order_of_time(ratings: Path) -> None:
    found, table = read_histories(ratings, USERS, MOVIES), tables_of(WORLD).ratings

    assert len(found) == 9
    for user, history in enumerate(found):
        own = table[table["user"] == user].sort_values("timestamp")
        assert history.movies.tolist() == own["movie"].tolist()
        assert history.stars.tolist() == own["rating"].tolist()
        assert (history.movies.dtype, history.stars.dtype) == (np.int64, np.float32)


def test_a_user_without_ratings_has_an_empty_history_and_rows_may_stand_in_any_order(tmp_path: Path) -> None:
    tables = tables_of(WORLD)
    kept, found = tables.ratings[tables.ratings["user"] != 4].assign(timestamp=7), []
    for rows in (kept, kept[::-1]):
        save_tables(Tables(rows.reset_index(drop=True), tables.users, tables.movies), tmp_path)
        found.append(read_histories(tmp_path / "ratings.parquet", USERS, MOVIES))

    assert found[0][4].movies.size == 0
    assert [history.movies.tolist() for history in found[0]] == [history.movies.tolist() for history in found[1]]
    assert sorted(found[0][8].movies.tolist()) == kept[kept["user"] == 8]["movie"].tolist()


@pytest.mark.parametrize(
    ("users", "movies", "message"),
    [(USERS + 1, MOVIES, "other users"), (USERS[:5], MOVIES, "other users"), (USERS, MOVIES[::-1], "other movies")],
)
def test_ratings_of_another_data_set_are_refused(
    ratings: Path, users: np.ndarray, movies: np.ndarray, message: str
) -> None:
    with pytest.raises(WorldError, match=message):
        read_histories(ratings, users, movies)


def test_what_is_no_table_of_ratings_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ratings.parquet"
    with pytest.raises(DataError, match=r"ratings\.parquet"):
        read_histories(path, USERS, MOVIES)
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match=r"ratings\.parquet is not a readable table"):
        read_histories(path, USERS, MOVIES)
    pd.DataFrame({"user": [1]}).to_parquet(path)
    with pytest.raises(DataError, match="movie"):
        read_histories(path, USERS, MOVIES)
