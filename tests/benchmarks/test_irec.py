import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ratings import made_up

from benchmarks import irec
from benchmarks.cold import LEARNER, RIVALS, TEST, cold_config, known_world
from benchmarks.irec import PUBLISHED, measure, split
from rlrec.data.dataset.tables import Tables, save_tables
from rlrec.errors import DataError

LENGTH = 100  # iRec's


@pytest.fixture(scope="module")
def tables() -> Tables:
    return made_up(users=60, movies=120)


def test_the_split_by_hand() -> None:
    """Five users, of whom the one who came last is hidden; what the others rated later than that is left out."""
    small = made_up(users=5, movies=60)
    ratings = pd.DataFrame(
        {
            "user": [0, 0, 1, 2, 3, 3, 4, 4],
            "movie": [0, 1, 0, 1, 2, 3, 0, 1],
            "timestamp": [1, 9, 2, 6, 6, 7, 5, 8],  # first: 1, 2, 6, 6, 5; users 2 and 3 come last, and alike
        }
    )
    ratings = ratings.assign(rating=4.0, original_user=ratings["user"] + 1, original_movie=ratings["movie"] + 1)
    kept, hidden = split(dataclasses.replace(small, ratings=ratings))
    assert hidden.tolist() == [False, False, True, False, False]
    left = kept.ratings.loc[~hidden[kept.ratings["user"]], ["user", "timestamp"]]
    assert left.to_numpy().tolist() == [[0, 1], [1, 2], [3, 6], [4, 5]]


def test_hidden_users_came_last_and_are_a_fifth(tables: Tables) -> None:
    kept, hidden = split(tables)
    first = tables.ratings.groupby("user")["timestamp"].min()
    assert hidden.sum() == 12
    assert first[hidden].min() >= first[~hidden].max()
    theirs = hidden[kept.ratings["user"]]
    assert kept.ratings.loc[~theirs, "timestamp"].max() <= first[hidden].min()
    assert theirs.sum() == hidden[tables.ratings["user"]].sum()  # all that they rated is there to answer


def test_nothing_that_is_known_was_fitted_to_hidden_users(tables: Tables) -> None:
    config = cold_config(7, LENGTH, 6400, 1)
    kept, hidden = split(tables)
    pools = np.where(hidden, TEST, 0).astype(np.int8)
    ratings = kept.ratings.copy()
    theirs = hidden[ratings["user"]]
    ratings.loc[theirs, "rating"] = 6 - ratings.loc[theirs, "rating"]
    one = known_world(kept, pools, config)
    other = known_world(dataclasses.replace(kept, ratings=ratings), pools, config)
    for field in dataclasses.fields(one):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name), err_msg=field.name)


def test_all_play_and_are_counted_with_intervals(tables: Tables) -> None:
    figures = measure(*split(tables), cold_config(7, LENGTH, 6400, 1))
    assert list(figures) == [LEARNER, *RIVALS]
    _, hidden = split(tables)
    liked = tables.ratings[(tables.ratings["rating"] > 3.99) & hidden[tables.ratings["user"]]].groupby("user").size()
    for own in figures.values():
        assert own["liked@100"]["mean"] <= liked.sum() / hidden.sum()
        assert own["liked@10"]["ci_low"] <= own["liked@10"]["mean"] <= own["liked@10"]["ci_high"]


def test_the_command_prints_where_published_figures_come_from(
    tables: Tables, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    save_tables(tables, tmp_path)
    kept, hidden = split(tables)
    monkeypatch.setattr(irec, "COUNTS", irec._counts(kept, hidden))
    figure = {"liked@10": {"mean": 4.6, "ci_low": 4.3, "ci_high": 5.0}}
    figure["liked@100"] = {"mean": 26.5, "ci_low": 24.0, "ci_high": 29.0}
    monkeypatch.setattr(irec, "measure", lambda *_: dict.fromkeys(("popularity", "answer_linucb"), figure))
    output = tmp_path / "irec.json"
    irec.main(steps=6400, tables=tmp_path, output=output)
    printed = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "26.50 (24.00, 29.00)" in printed
    assert "16.70" in printed
    assert "no interval" in printed
    [record] = json.loads(output.read_text())
    assert record["figures"]["popularity"]["liked@100"]["mean"] == 26.5
    assert [row["method"] for row in record["published"]] == [row.method for row in PUBLISHED]


def test_other_ratings_than_ml_100ks_are_refused(tables: Tables, tmp_path: Path) -> None:
    save_tables(tables, tmp_path)
    with pytest.raises(DataError, match="not ml-100k"):
        irec.main(tables=tmp_path, output=tmp_path / "irec.json")
