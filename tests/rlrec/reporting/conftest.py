"""A data folder as the other stages leave it, small but made by their own code where that is quick."""

import json
from pathlib import Path

import pandas as pd
import pytest
from grids import BASE, GRID, WORLD, Pretender, fill_grid
from worlds import known, small_world, tables_of

from rlrec.data.dataset.provenance import ArchiveRecord, Attempt, FileRecord, Provenance, ViolenceRecord
from rlrec.evaluation.compare import comparison_table, measure_all, regret_table
from rlrec.evaluation.evaluate import evaluate
from rlrec.evaluation.examples import example_sessions
from rlrec.evaluation.offline import compare_offline
from rlrec.experiments import table as matrix_tables
from rlrec.policies.baselines import BASELINES
from rlrec.policies.policy import Policy
from rlrec.reporting.inputs import CURVE_COLUMNS, Inputs, Matrix, load_inputs, load_matrix
from rlrec.settings.config import Config
from rlrec.worlds.fidelity import Accuracy, CalibrationBin, Candidate, Distribution, Fidelity, Spread
from rlrec.worlds.world import World

GENRES = ["Action", "Comedy", "Drama", "Sci-Fi", "Western"]
SETTINGS = {
    "scenario": {"episode_length": 20},
    "train": {"rollout": 10},
    "evaluate": {"slate_sizes": [1, 3], "bootstrap_samples": 1000},
    "report": {"example_sessions": 2},
}


@pytest.fixture(scope="session")
def report_config() -> Config:
    return Config.model_validate(SETTINGS)


@pytest.fixture(scope="session")
def finished_stages(tmp_path_factory: pytest.TempPathFactory, report_config: Config) -> Path:
    """The folder; copy it before changing anything."""
    data = tmp_path_factory.mktemp("stages") / "data"
    reports = data / "reports"
    for folder in (data / "raw", data / "world", reports / "validation"):
        folder.mkdir(parents=True)
    provenance().save(data / "raw")
    dump(reports / "validation" / "summary.json", validation())
    dump(data / "world" / "fidelity.json", fidelity().to_dict())
    dump(reports / "training.json", training())
    pd.DataFrame(curve(), columns=list(CURVE_COLUMNS)).to_csv(reports / "training.csv", index=False)
    world = small_world(3)
    # A stand-in for a trained agent: what it is does not matter to the page.
    agent = BASELINES["bayesian_bandit"](known(world))
    dump(reports / "evaluation.json", evaluate(agent, world, report_config, genre_names=GENRES))
    dump(reports / "sessions.json", example_sessions(agent, world, report_config, genre_names=GENRES))
    online, offline = ("random", "best_average", "oracle"), ("random", "best_average", "ease")
    measured = measure_all({"a3c": agent, **policies(world, online)}, world, report_config)
    comparison_table(measured, report_config).to_csv(reports / "comparison.csv", index=False)
    regret_table(measured, world, report_config).to_csv(reports / "regret.csv", index=False)
    compare_offline({"a3c": agent, **policies(world, offline)}, world, tables_of(world), report_config).to_csv(
        reports / "offline.csv", index=False
    )
    return data


def policies(world: World, names: tuple[str, ...]) -> dict[str, Policy]:
    return {name: BASELINES[name](known(world)) for name in names}


@pytest.fixture(scope="session")
def filled_matrix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `make matrix` leaves."""
    folder = tmp_path_factory.mktemp("matrix")
    results = fill_grid(folder / "runs", Pretender())
    n_users = len(WORLD.users_in("test"))
    resamples = matrix_tables.draw_resamples(GRID, BASE, n_users)
    matrix_tables.matrix_table(results, GRID, resamples, 0.9).to_csv(folder / "matrix.csv", index=False)
    matrix_tables.regret_table(results, resamples, 0.9).to_csv(folder / "regret.csv", index=False)
    skipped = {"non_violent": "this world knows no violence"}
    settings = {**GRID.model_dump(mode="json"), "confidence": 0.9, "n_users": n_users, "skipped": skipped}
    dump(folder / "matrix.json", settings)
    return folder


@pytest.fixture(scope="session")
def matrix(filled_matrix: Path) -> Matrix:
    found = load_matrix(filled_matrix)
    assert found is not None
    return found


@pytest.fixture(scope="session")
def inputs(finished_stages: Path) -> Inputs:
    return load_inputs(finished_stages)


def dump(path: Path, value: object) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")


def provenance() -> Provenance:
    return Provenance(
        dataset="ml-100k",
        requested="auto",
        source="pypi",
        location="recbole==1.2.1",
        known=True,
        archive=ArchiveRecord(name="recbole.whl", bytes=2_100_000, md5="0" * 32, sha256="a" * 64, checksum="pinned"),
        files={"ml-100k/u.data": FileRecord(bytes=1_979_173, sha256="b" * 64)},
        tried=(Attempt(source="grouplens", why="the server's name cannot be resolved", unreachable=True),),
        violence=ViolenceRecord(available=False, requested="auto", why="the tag genome cannot be had"),
    )


def validation() -> dict[str, object]:
    check = {"expectation": "e", "column": "rating", "description": "a rating is one of 1, 2, 3, 4, 5", "success": True}
    table = {"rows": 100_000, "expectations": 1, "failed": 0}
    results = [{**check, "observed": None, "failing_rows": 0, "examples": []}]
    return {"dataset": "ml-100k", "success": True, "tables": {"ratings": {**table, "results": results}}}


def fidelity(has_violence: bool = False) -> Fidelity:
    even = Distribution((0.1, 0.1, 0.3, 0.3, 0.2), 3.5, 1.12)
    smooth = Distribution((0.0, 0.1, 0.4, 0.4, 0.1), 3.5, 0.81)
    return Fidelity(
        ratings=100_000,
        future_ratings=3_000,
        users=943,
        movies=1_682,
        genres=19,
        held_out_ratings=10_000,
        latent_factors=16,
        iterations=15,
        penalty=12.0,
        confidence=0.95,
        held_out={
            "model": Accuracy(0.909, (0.891, 0.927), 0.712, (0.698, 0.726)),
            "user_item_bias": Accuracy(0.941, (0.921, 0.961), 0.743, (0.729, 0.757)),
            "global_mean": Accuracy(1.123, (1.102, 1.144), 0.942, (0.921, 0.963)),
        },
        model_minus_bias=Accuracy(-0.032, (-0.038, -0.026), -0.031, (-0.036, -0.027)),
        candidates=(
            Candidate(0.994, (0.976, 1.012), 0.769, (0.753, 0.785), penalty=3.0),
            Candidate(0.909, (0.891, 0.927), 0.712, (0.698, 0.726), penalty=12.0),
        ),
        calibration=(
            CalibrationBin(2.0, 2.25, 2.1, 2.0, None, 10),
            CalibrationBin(4.0, 4.25, 4.1, 4.2, (4.05, 4.35), 90),
        ),
        distribution={"real": even, "simulated": smooth, "random_pairs": smooth},
        genre_affinity=Spread(0.0, 0.1, -1.0, 1.0),
        has_violence=has_violence,
    )


def curve() -> list[tuple[float, ...]]:
    nothing = float("nan")
    return [
        (0, 0, 0.0, nothing, nothing, nothing, nothing, nothing, nothing, 30.0, 29.0, 31.0),
        (5, 16_000, 0.6, 31.0, 0.5, 6.9, 0.01, 1.1, 0.6, 33.0, 32.1, 33.9),
        (10, 32_000, 1.2, 33.0, 0.6, 5.0, 0.02, 0.8, 1.0, 34.5, 33.7, 35.3),
        (15, 48_000, 1.8, 34.0, 0.7, 4.0, 0.02, 0.6, 1.0, 34.0, 33.2, 34.8),
    ]


def training() -> dict[str, object]:
    return {
        "executor": "threads",
        "synchronous": False,
        "agents": 2,
        "steps": 48_000,
        "steps_by_agent": {"0": 25_600, "1": 22_400},
        "updates": 15,
        "restarts_by_agent": {"0": 0, "1": 0},
        "refused_by_agent": {},
        "refused": {},
        "failed_agents": {},
        "global_model_restarts": 0,
        "lost_updates": 0,
        "seconds": 1.8,
        "prepared_seconds": 4.0,
        "steps_per_second": 26_666.7,
        "updates_per_second": 8.3,
        "apply_seconds": 0.05,
        "lock_wait_seconds": 0.01,
        "wait_seconds": 0.07,
        "staleness": {"0": 5, "1": 10},
        "mean_staleness": 0.67,
        "confidence": 0.95,
        "best": dict(zip(CURVE_COLUMNS, curve()[2], strict=True)),
    }
