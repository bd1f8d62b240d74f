"""ml-1m goes through the same chain: on an archive of its layout and full size, every stage a process of its own."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from projects import environment, make_folder, run

from benchmarks.ml1m_like import MOVIES, NOISE, RATINGS, USERS, ml1m_archive
from flows.running.stage import RECORD
from rlrec.data.dataset.split import future_rows
from rlrec.data.dataset.tables import Tables, load_tables
from rlrec.worlds.world import World

pytestmark = [pytest.mark.slow, pytest.mark.ci]

STAGES = ["download", "validate", "world", "beliefs", "train@a3c", "train@a3c_logged", "evaluate", "compare"]
LARGEST_BYTES = 4 * 2**30
SETTINGS = {
    "world": {"latent_factors": 16, "regularisation": [16.0], "iterations": 5},
    "scenario": {"episode_length": 20},
    "learners": {
        "a3c": {"users": 64, "rollout": 20, "hidden": 64},
        "a3c_logged": {"users": 64, "slates": 4, "hidden": 64, "steps": 51_200},
    },
    "training": {"steps": 256_000, "checkpoint_every": 40},
    "evaluate": {"slate_sizes": [1], "bootstrap_samples": 100, "recommender": "a3c_logged"},
}


@dataclass(frozen=True)
class Chain:
    """A folder in which the stages were run, and what each said of itself."""

    folder: Path
    records: dict[str, dict[str, float]]

    def read(self, name: str) -> dict:
        return json.loads((self.folder / "data" / name).read_text())


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory, server: str) -> Chain:
    top = tmp_path_factory.mktemp("ml-1m")
    archive = ml1m_archive(top / "ml-1m.zip")
    source = {"data": {"name": "ml-1m", "source": "local", "local": str(archive), "tag_genome": "none"}}
    folder = make_folder(top / "project", SETTINGS, source)
    env = environment(folder, PREFECT_API_URL=server, **{RECORD: str(top / "stages.jsonl")})
    for stage in STAGES:
        module, *learner = stage.split("@")
        # Linux counts a process's memory from what the one that started it had used: hence a shell in between.
        shell = ("sh", "-c", '"$@"; exit $?', "sh")
        ended = run(folder, *shell, sys.executable, "-m", f"flows.{module}", *learner, env=env)
        assert ended.returncode == 0, f"{stage}: {ended.stdout}"
    lines = [json.loads(line) for line in (top / "stages.jsonl").read_text().splitlines()]
    return Chain(folder, {line["stage"]: line for line in lines})


@pytest.fixture(scope="module")
def tables(chain: Chain) -> Tables:
    return load_tables(chain.folder / "data" / "tables")


@pytest.fixture(scope="module")
def world(chain: Chain) -> World:
    return World.load(chain.folder / "data" / "world" / "world.npz")


@pytest.mark.parametrize("stage", STAGES)
def test_no_stage_takes_more_than_four_gibibytes(chain: Chain, stage: str) -> None:
    assert 2**26 < chain.records[stage]["peak_bytes"] <= LARGEST_BYTES


def test_all_of_the_archive_is_read(tables: Tables) -> None:
    assert (len(tables.ratings), len(tables.users), len(tables.movies)) == (RATINGS, USERS, MOVIES)
    assert tables.movies["title"].str.contains("Amélie").any()  # latin-1
    assert tables.users["zip"].str.len().max() == 10


def test_it_meets_the_expectations_of_ml_1m(chain: Chain) -> None:
    summary = chain.read("reports/validation/summary.json")
    assert summary["dataset"] == "ml-1m"
    assert summary["success"]


def test_the_world_says_more_of_a_rating_than_biases_do(chain: Chain, world: World, tables: Tables) -> None:
    assert (world.n_users, world.n_movies) == (USERS, MOVIES)
    report = chain.read("world/fidelity.json")
    error = {name: found["rmse"] for name, found in report["held_out"].items()}
    assert NOISE < error["model"] + 0.05 < error["user_item_bias"] < error["global_mean"]
    future = future_rows(tables.ratings, world.users_in("test"), 0.8)
    assert report["future_ratings"] == future.sum() == RATINGS - report["ratings"]


def test_training_learns_and_is_judged_on_test_users_beside_all_baselines(chain: Chain, world: World) -> None:
    training, evaluation = chain.read("reports/train/a3c/training.json"), chain.read("reports/evaluate/evaluation.json")
    assert training["steps"] == 256_000
    assert evaluation["n_users"] == len(world.users_in("test"))
    table = pd.read_csv(chain.folder / "data" / "reports" / "compare" / "comparison.csv")
    returns = table[table["metric"] == "return"].set_index("policy")
    earned = evaluation["learners"]["a3c"]["1"]["metrics"]["return"]["mean"]
    assert np.isclose(returns.loc["a3c", "mean"], earned)
    assert returns.loc["random", "ci_high"] < returns.loc["a3c", "ci_low"]
    assert returns["mean"].max() == returns.loc["oracle", "mean"]
