"""The whole pipeline, training at full length, on data sets of every kind: each run takes minutes."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from layouts import files_of, in_half_stars, without_people
from projects import LOGGED, ROOT, environment, make_clone, run

from benchmarks.ml1m_like import ml1m_archive
from rlrec.data.dataset.tables import Tables, kinds_in, load_tables
from rlrec.data.reading.parse import parse
from rlrec.storage.archives import unpack
from rlrec.worlds.world import World

pytestmark = [pytest.mark.long, pytest.mark.slow, pytest.mark.realdata]

STEPS = 300_000
REAL = ROOT.parent / "shared" / "data"


@dataclass(frozen=True)
class DataSet:
    """One to run on.

    Attributes:
        name: as `data.name`.
        make: writes its files into a folder; returns the tables that they are, text ids aside, and what to name.
        user: one of its users, as the data call them.
        clusters: whether movies have no genres.
    """

    name: str
    make: Callable[[Path], tuple[Tables, Path]]
    user: str = "1"
    clusters: bool = False


def archive(name: str) -> Callable[[Path], tuple[Tables, Path]]:
    """The real archive as it comes."""
    return lambda folder: (_real(name, folder), REAL / f"{name}.zip")


def rewritten(name: str, layout: str, **how: Any) -> Callable[[Path], tuple[Tables, Path]]:
    """The real archive's tables as files of another layout."""
    return lambda folder: _written(_real(name, folder), layout, folder, **how)


def drawn(layout: str, unrated: int = 0, **sizes: int) -> Callable[[Path], tuple[Tables, Path]]:
    """Ratings that nobody gave, in half stars; of the movies that nobody rated so many are kept."""

    def make(folder: Path) -> tuple[Tables, Path]:
        unpack(ml1m_archive(folder / "ml-1m.zip", **sizes), folder / "ml-1m")
        tables = without_people(in_half_stars(parse(folder / "ml-1m", "ml-1m")))
        rated = tables.movies["movie"].isin(tables.ratings["movie"])
        films = tables.movies[rated | ((~rated).cumsum() <= unrated)]
        return _written(Tables(tables.ratings, tables.users, films), layout, folder)

    return make


def _real(name: str, folder: Path) -> Tables:
    path = REAL / f"{name}.zip"
    if not path.is_file():
        pytest.skip(f"real MovieLens data is not at {path}")
    unpack(path, folder / "unpacked")
    return parse(folder / "unpacked", name)


def _written(tables: Tables, layout: str, folder: Path, **how: Any) -> tuple[Tables, Path]:
    mine = folder / "mine"
    mine.mkdir()
    for name, content in files_of(tables, layout, **how).items():
        (mine / name).write_bytes(content)
    return tables, mine


DATA_SETS = {
    "ml-100k": DataSet("ml-100k", archive("ml-100k")),
    "ml-latest-small": DataSet("ml-latest-small", archive("ml-latest-small")),
    "ml-100k-recbole": DataSet("recbole", rewritten("ml-100k", "atomic")),
    "ml-latest-small-recbole": DataSet("recbole", rewritten("ml-latest-small", "atomic")),
    "ml-100k-own": DataSet("table", rewritten("ml-100k", "table", text_ids=True, kinds=False), "u-1", True),
    "ml-latest-small-own": DataSet(
        "table", rewritten("ml-latest-small", "table", text_ids=True, kinds=False), "u-1", True
    ),
    "ml-10m": DataSet("ml-10m", drawn("ml-10m", users=699, movies=1_068, ratings=100_000)),
    "ml-25m": DataSet("ml-25m", drawn("ml-latest", unrated=150, users=1_625, movies=3_883, ratings=250_000)),
    "hetrec-2011": DataSet("hetrec-2011", drawn("hetrec", users=500, movies=2_000, ratings=60_000)),
}


def settings(data_set: DataSet, place: Path) -> dict[str, Any]:
    """The checkout's, but for the budget; those who learn from real people learn for a moment."""
    whole = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    kept = {name: whole[name] for name in ("world", "scenario", "evaluate", "report")}
    return {
        **kept,
        "data": {"name": data_set.name, "source": "local", "local": str(place), "tag_genome": "none"},
        "learners": {"a3c": whole["learners"]["a3c"], **LOGGED["learners"]},
        "training": {**whole["training"], "steps": STEPS},
    }


@pytest.mark.parametrize("what", DATA_SETS)
def test_a_whole_pipeline_learns_from_it(tmp_path: Path, server: str, what: str) -> None:
    data_set = DATA_SETS[what]
    expected, place = data_set.make(tmp_path)
    folder = make_clone(tmp_path / "rlrec", settings(data_set, place))
    env = environment(folder, PREFECT_API_URL=server)
    checked = run(folder, "rlrec", "check", str(place), "--name", data_set.name, env=env)
    assert "nothing fails." in checked.stdout, checked.stdout
    ended = run(folder, sys.executable, "-m", "flows.pipeline", env=env, seconds=7200)
    assert ended.returncode == 0, ended.stdout
    data, reports = folder / "data", folder / "data" / "reports"

    tables = load_tables(data / "tables")
    assert {name: len(tables[name]) for name in ("ratings", "users", "movies")} == {
        name: len(expected[name]) for name in ("ratings", "users", "movies")
    }
    assert sorted(tables.ratings["rating"]) == sorted(expected.ratings["rating"])
    # Where the year stands in a column of its own, two blanks before it become one.
    assert sorted(map(str.split, tables.movies["title"])) == sorted(map(str.split, expected.movies["title"]))
    names = World.load(data / "world" / "world.npz").genre_names
    assert (
        all(name.startswith("cluster ") for name in names) if data_set.clusters else names == kinds_in(expected.movies)
    )

    page = (reports / "index.html").read_text(encoding="utf-8")
    assert f"{len(tables.ratings):,}" in page
    assert data_set.name in page
    training = json.loads((reports / "train" / "a3c" / "training.json").read_text())
    assert training["steps"] >= STEPS
    compared = pd.read_csv(reports / "compare" / "comparison.csv")
    returns = compared[(compared["metric"] == "return") & (compared["slate_size"] == 1)].set_index("policy")
    assert np.isfinite(returns[["mean", "ci_low", "ci_high"]].to_numpy()).all()
    assert returns.loc["random", "ci_high"] < returns.loc["a3c", "ci_low"]
    assert returns["mean"].idxmax() == "oracle"
    offline = pd.read_csv(reports / "compare" / "offline.csv")
    assert {"a3c_logged", "item_knn", "ease", "popularity"} <= set(offline["policy"])

    answer = run(folder, "rlrec", "recommend", "--user", data_set.user, "-k", "3", env=env)
    assert answer.returncode == 0, answer.stdout
    if output := os.environ.get("RLREC_TOLD"):
        _tell(Path(output), what, tables, training, returns, ended.stdout)


def _tell(path: Path, what: str, tables: Tables, training: dict[str, Any], returns: pd.DataFrame, told: str) -> None:
    """Adds what came out to a file, for those who want to read it."""
    sizes = ", ".join(f"{len(tables[name]):,} {name}" for name in ("ratings", "users", "movies"))
    means = ", ".join(f"{name} {returns.loc[name, 'mean']:.2f}" for name in ("random", "a3c", "oracle"))
    with path.open("a", encoding="utf-8") as file:
        file.write(f"== {what}: {sizes}; {training['steps']:,} steps; return {means}\n{told}\n")
