import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ratings import changed_in
from support import slice_archive

from rlrec.data.checking.expectations import validate
from rlrec.data.checking.results import Summary, TableChecks
from rlrec.data.checking.wording import Called, message
from rlrec.data.dataset.tables import SCHEMAS, Tables
from rlrec.data.judging import judge
from rlrec.data.prepare import prepare
from rlrec.errors import DataError, ValidationError
from rlrec.evaluation.offline import compare_offline
from rlrec.policies.baselines import OFFLINE_BASELINES, Known
from rlrec.settings.config import Config
from rlrec.settings.dataset import DataConfig
from rlrec.storage.json_files import read_json
from rlrec.worlds.fit import fit_world


def _failure(tables: Tables, tmp_path: Path, name: str = "ml-100k", called: Called | None = None) -> str:
    """What is said of tables that are refused, which is what `judge` finds, in a hundredth of the time."""
    with pytest.raises(ValidationError) as error:
        validate(tables, name, tmp_path / "docs", check_counts=False, called=called)
    text, _, pages = str(error.value).rpartition("\n")
    assert pages == f"All of them: {tmp_path / 'docs' / 'index.html'}"
    judged = judge(tables, name, called=called)
    assert message(judged) == text
    summary = read_json(tmp_path / "docs" / "summary.json", Summary)
    assert {table: _outcomes(one) for table, one in judged.tables.items()} == {
        table: _outcomes(one) for table, one in summary.tables.items()
    }
    return text


def _outcomes(found: TableChecks) -> list[tuple[str, bool, int | None, list[str]]]:
    return [(row.description, row.success, row.failing_rows, row.examples) for row in found.results]


def test_flawless_tables_pass_with_a_summary(tables: Tables, tmp_path: Path) -> None:
    summary = validate(tables, "ml-100k", tmp_path / "docs", check_counts=False)
    assert summary.success
    assert summary.dataset == "ml-100k"
    assert {name: one.rows for name, one in summary.tables.items()} == {name: len(tables[name]) for name in SCHEMAS}
    for one in summary.tables.values():
        assert one.expectations == len(one.results) >= 14
        assert all(row.success and row.description for row in one.results)
    assert read_json(tmp_path / "docs" / "summary.json", Summary) == summary
    judged = judge(tables, "ml-100k")
    assert judged.success
    for name, one in judged.tables.items():
        assert [row.description for row in one.results] == [row.description for row in summary.tables[name].results]


def test_a_pair_that_stands_there_twice_is_shown_in_both_rows(tables: Tables, tmp_path: Path) -> None:
    again = pd.concat([tables.ratings, tables.ratings.iloc[[5]].assign(rating=np.float32(1))], ignore_index=True)
    told = _failure(Tables(again, tables.users, tables.movies), tmp_path)
    assert "a user rates a movie once (see data.repeated) (expect_compound_columns_to_be_unique)" in told
    row = tables.ratings.iloc[5]
    assert told.count(f"user {row.original_user:.0f}, movie {row.original_movie:.0f}, rating") == 2


def test_great_expectations_finds_the_same_where_all_is_wrong_at_once(tables: Tables, tmp_path: Path) -> None:
    """What can be wrong with ratings; of users and movies, see below."""
    ratings = tables.ratings.copy()
    for row, values in enumerate(
        [{"rating": 6}, {"rating": 3.7}, {"rating": np.nan}, {"user": -1}, {"movie": 30}, {"timestamp": 700_000_000}]
    ):
        for column, value in values.items():
            ratings.loc[row, column] = value
    ratings = pd.concat([ratings[ratings["user"] != 2], ratings.iloc[[10]]], ignore_index=True)
    movies = changed_in(tables, "movies", 3, movie=1).movies
    changed = Tables(ratings, tables.users, movies)
    assert "fails 8 of its expectations" in _failure(changed, tmp_path)
    assert "a rating is above 0 and at most" in _failure(changed_in(tables, "ratings", 3, rating=0), tmp_path, "table")


def test_the_newest_time_can_be_given(tables: Tables, tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="rated from 1995-01-01 to 1997-"):
        validate(tables, "ml-100k", tmp_path / "docs", check_counts=False, newest=870_000_000)


def test_every_bad_value_of_a_user_fails_its_own_expectation(tables: Tables, tmp_path: Path) -> None:
    changes: list[dict[str, Any]] = [{"sex": "X"}, {"sex": pd.NA}, {"age": 0}, {"occupation": 21}, {"original_id": 4}]
    assert _failed(tables, "users", changes, tmp_path) == {
        ("sex", "sex is F or M"),
        ("sex", "sex is never missing"),
        ("age", "age is from 1 to 120"),
        ("occupation", "the occupation's code is from 0 to 20"),
        ("original_id", "an original id stands there once"),
    }


def test_every_bad_value_of_a_movie_fails_its_own_expectation(tables: Tables, tmp_path: Path) -> None:
    changes: list[dict[str, Any]] = [
        {"title": ""},
        {"title": pd.NA},
        {"year": 1700},
        {"genres": "Drama|Telenovela"},
        {"violence": 1.5},
        {"violence": np.nan},
    ]
    failed = _failed(tables, "movies", changes, tmp_path)
    assert {(column, text.partition(":")[0]) for column, text in failed} == {
        ("title", "a title is not empty"),
        ("title", "title is never missing"),
        ("year", "made between the first films and the data set"),
        ("genres", "genres are of the 19"),
        ("violence", "violence is from 0 to 1"),
        ("violence", "violence is never missing"),
    }


def _failed(tables: Tables, table: str, changes: list[dict[str, Any]], tmp_path: Path) -> set[tuple[str | None, str]]:
    for row, values in enumerate(changes):
        tables = changed_in(tables, table, row, **values)
    _failure(tables, tmp_path)
    summary = json.loads((tmp_path / "docs" / "summary.json").read_text())
    return {(one["column"], one["description"]) for one in summary["tables"][table]["results"] if not one["success"]}


def test_ml_latest_whose_users_rated_one_movie_passes_and_can_be_simulated(
    make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    """As GroupLens generates it: nobody is left out, and one movie in twenty has no rating."""
    rng = np.random.default_rng(0)
    counts = [1] * 12 + [2] * 6 + [40] * 12
    rows = [
        f"{user},{movie},{rng.integers(1, 11) / 2},{1_500_000_000 + movie}"
        for user, count in enumerate(counts, 1)
        for movie in rng.choice(95, count, replace=False) + 1
    ]
    movies = [f"{movie},Movie {movie} (2000),Drama" for movie in range(1, 101)]
    changes = {
        "ratings.csv": "\n".join(["userId,movieId,rating,timestamp", *rows]).encode(),
        "movies.csv": "\n".join(["movieId,title,genres", *movies]).encode(),
    }
    config = Config.model_validate(
        {
            "data": {
                "name": "ml-latest",
                "source": "local",
                "local": str(make_folder("ml-latest", changes)),
                "tag_genome": "none",
            },
            "world": {"latent_factors": 2, "iterations": 3},
            "evaluate": {"bootstrap_samples": 100},
        }
    )
    provenance, tables = prepare(config.data, tmp_path / "raw", tmp_path / "tables")
    assert validate(tables, "ml-latest", tmp_path / "docs", check_counts=provenance.known).success
    world, _ = fit_world(tables, config, has_violence=False)
    policies = {name: make(Known.of(world, tables, config.seed)) for name, make in OFFLINE_BASELINES.items()}
    del policies["oracle"]
    assert not compare_offline(policies, world, tables, config, "popularity").empty


def test_a_movie_without_ratings_fails_only_where_the_data_set_has_none(tables: Tables, tmp_path: Path) -> None:
    extra = tables.movies.iloc[[0]].assign(movie=np.int32(30), original_id=9999, title="Unseen (1990)")
    movies = pd.concat([tables.movies, extra], ignore_index=True)
    changed = Tables(tables.ratings, tables.users, movies.astype(SCHEMAS["movies"]))
    told = _failure(changed, tmp_path)
    assert "movies.n_ratings: every movie has a rating" in told
    assert "movie 9999, title Unseen (1990)" in told
    assert judge(changed, "ml-1m").success


@pytest.mark.parametrize("table", SCHEMAS)
def test_an_empty_table_is_named(tables: Tables, tmp_path: Path, table: str) -> None:
    frames = {name: tables[name] for name in SCHEMAS} | {table: tables[table].iloc[:0]}
    with pytest.raises(ValidationError, match=f"{table}: the table is not empty"):
        validate(Tables(**frames), "ml-100k", tmp_path / "docs", check_counts=False)
    assert f"{table}: the table is not empty" in message(judge(Tables(**frames), "ml-100k"))


def test_a_wrong_type_is_named(tables: Tables, tmp_path: Path) -> None:
    users = tables.users.astype({"original_id": "float64"})
    told = _failure(Tables(tables.ratings, users, tables.movies), tmp_path)
    assert "users.original_id: type int64 (expect_column_values_to_be_of_type); found float64" in told


def test_a_missing_column_is_named(tables: Tables, tmp_path: Path) -> None:
    without = Tables(tables.ratings, tables.users.drop(columns="zip"), tables.movies)
    with pytest.raises(ValidationError, match="users: columns: user, original_id, sex, age, occupation, zip"):
        validate(without, "ml-100k", tmp_path / "docs", check_counts=False)


def test_rows_of_a_complete_data_set_are_counted(tables: Tables, tmp_path: Path) -> None:
    with pytest.raises(ValidationError) as error:
        validate(tables, "ml-100k", tmp_path / "docs")
    assert "ratings: the complete table has 100,000 rows" in str(error.value)
    assert f"found {len(tables.ratings)}" in str(error.value)
    assert "users: the complete table has 943 rows" in str(error.value)


def test_many_failures_still_fit_on_one_screen(tables: Tables, tmp_path: Path) -> None:
    bad = tables.ratings.assign(rating=np.float32(9), timestamp=1, user=np.int32(-1), movie=np.int32(-1))
    told = _failure(Tables(bad, tables.users, tables.movies), tmp_path)
    assert len(told.splitlines()) <= 24
    assert "more" in told


def test_pages_are_written_before_the_error_and_need_no_network(tables: Tables, tmp_path: Path) -> None:
    called = {"movie": {40: "forty"}}
    assert "movie forty, title" in _failure(
        changed_in(tables, "movies", 3, genres="<b>Foo</b>"), tmp_path, called=called
    )
    docs = tmp_path / "docs"
    assert sorted(path.name for path in docs.iterdir()) == [
        "index.html",
        "movies.html",
        "ratings.html",
        "summary.json",
        "users.html",
    ]
    for page in docs.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        links = re.findall(r'(?:href|src)="([^"#]+)"', text)
        assert all(link == "data:," or (docs / link).is_file() for link in links)
        assert "<script" not in text
        assert "<b>Foo</b>" not in text
    index = (docs / "index.html").read_text(encoding="utf-8")
    assert "do not meet every expectation" in index
    assert "genres &lt;b&gt;Foo" in index
    assert "movie forty, title" in index
    assert not json.loads((docs / "summary.json").read_text())["success"]


def test_pages_replace_the_old_ones_and_are_equal_for_equal_tables(tables: Tables, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "stale.html").write_text("x")
    validate(tables, "ml-100k", docs, check_counts=False)
    first = {path.name: path.read_bytes() for path in docs.iterdir()}
    assert "stale.html" not in first
    validate(tables, "ml-100k", docs, check_counts=False)
    assert {path.name: path.read_bytes() for path in docs.iterdir()} == first


def test_an_unwritable_folder_is_named(tables: Tables, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(DataError, match=f"cannot write {tmp_path / 'file' / 'docs'}"):
        validate(tables, "ml-100k", tmp_path / "file" / "docs", check_counts=False)


def test_an_unknown_data_set_is_named(tables: Tables, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'ml-7m'; known are ml-100k, ml-1m"):
        validate(tables, "ml-7m", tmp_path / "docs")


def test_telemetry_is_off() -> None:
    code = "import os, rlrec.data.checking; print(os.environ['GX_ANALYTICS_ENABLED'])"
    environment = {name: value for name, value in os.environ.items() if name != "GX_ANALYTICS_ENABLED"}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "false"


@pytest.mark.realdata
def test_real_ml_100k_passes(ml100k_archive: Path, tmp_path: Path) -> None:
    config = DataConfig(source="local", local=str(ml100k_archive), tag_genome="none")
    _, tables = prepare(config, tmp_path / "raw", tmp_path / "tables")
    summary = validate(tables, "ml-100k", tmp_path / "docs")
    assert summary.success


@pytest.mark.realdata
def test_a_slice_of_real_data_passes_without_its_counts(ml100k_archive: Path, tmp_path: Path) -> None:
    config = DataConfig(source="local", local=str(slice_archive(ml100k_archive, tmp_path)), tag_genome="none")
    provenance, tables = prepare(config, tmp_path / "raw", tmp_path / "tables")
    assert not provenance.known
    assert validate(tables, "ml-100k", tmp_path / "docs", check_counts=provenance.known).success


@pytest.mark.parametrize(("layout", "name"), [("ml-1m", "ml-1m"), ("ml-latest", "ml-latest-small")])
def test_other_layouts_pass_too(make_archive: Callable[..., Path], tmp_path: Path, layout: str, name: str) -> None:
    config = DataConfig(name=name, source="local", local=str(make_archive(layout)), tag_genome="none")
    provenance, tables = prepare(config, tmp_path / "raw", tmp_path / "tables")
    assert validate(tables, name, tmp_path / "docs", check_counts=provenance.known).success
