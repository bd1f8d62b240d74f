from pathlib import Path

import numpy as np
import pytest

from benchmarks.ml1m import MOVIES, summarise, table, verdict
from benchmarks.ml1m_like import ml1m_archive
from benchmarks.ml1m_worker import measure
from benchmarks.worlds import FITTED_MOVIES
from rlrec.data.dataset.tables import Tables
from rlrec.data.reading.parse import parse
from rlrec.settings.config import Config, WorldConfig
from rlrec.storage.archives import unpack
from rlrec.worlds.world import World


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ml-1m")
    unpack(ml1m_archive(folder / "ml-1m.zip", users=300, movies=400, ratings=12_000), folder / "files")
    return folder / "files"


@pytest.fixture(scope="module")
def tables(files: Path) -> Tables:
    return parse(files, "ml-1m")


def test_generated_ratings_have_the_sizes_that_were_asked_for(tables: Tables) -> None:
    assert [len(tables[name]) for name in ("ratings", "users", "movies")] == [12_000, 300, 400]
    assert not tables.ratings.duplicated(["user", "movie"]).any()
    assert tables.ratings["rating"].isin([1, 2, 3, 4, 5]).all()
    assert tables.ratings["user"].value_counts().min() >= 20
    assert tables.ratings["user"].nunique() == 300


def test_generated_ratings_are_few_movies_and_few_users_for_the_most_part(tables: Tables) -> None:
    for column in ("user", "movie"):
        counts = np.sort(tables.ratings[column].value_counts().to_numpy())[::-1]
        fifth = counts[: len(np.unique(tables.ratings[column])) // 5].sum() / counts.sum()
        assert 0.35 < fifth < 0.85, column


def test_equal_seeds_give_equal_archives(tmp_path: Path) -> None:
    made = [
        ml1m_archive(tmp_path / f"{number}.zip", seed, users=30, movies=100, ratings=900).read_bytes()
        for number, seed in enumerate((1, 1, 2))
    ]
    assert made[0] == made[1] != made[2]


def test_the_worker_fits_and_saves_a_world(files: Path, tmp_path: Path) -> None:
    config = Config(world=WorldConfig(latent_factors=2, regularisation=(16.0,), iterations=4)).model_dump(mode="json")

    figures = measure({"files": str(files), "world": str(tmp_path / "world.npz"), "config": config})

    assert World.load(tmp_path / "world.npz").n_movies == 400
    assert figures["ratings"] == 12_000
    assert figures["rmse"]["model"] < figures["rmse"]["global_mean"]
    assert figures["fit_seconds"] > 0
    assert figures["peak_memory_mib"] > 50


def test_the_share_is_the_median_of_rounds_measured_in_turns() -> None:
    def run(speed: float) -> dict[str, object]:
        return {"world": "fitted", "steps_per_second": speed, "compile_seconds": 3.0, "peak_memory_mib": speed}

    # The machine was half as fast in the second round.
    figures = summarise({FITTED_MOVIES: [run(100), run(50), run(90)], MOVIES: [run(60), run(30), run(45)]})

    assert figures["shares"] == [0.6, 0.6, 0.5]
    assert figures["share"] == 0.6
    assert figures["training"][str(MOVIES)] == {
        "world": "fitted",
        "steps_per_second": 45,
        "compile_seconds": 3.0,
        "peak_memory_mib": 60,
    }
    rmse = {"model": 0.85, "user_item_bias": 0.9, "global_mean": 1.1}
    fit = {"parse_seconds": 1.0, "fit_seconds": 30.0, "peak_memory_mib": 5000.0, "ratings": 9, "rmse": rmse}
    figures |= {"fit": fit, "ratings": "generated"}
    assert table(figures).row_count == 2
    said = verdict(figures)
    assert "60%" in said
    assert "[green]met" in said
    assert "5,000 MiB: [red]missed" in said
