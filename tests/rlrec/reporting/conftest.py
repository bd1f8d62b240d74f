"""A data folder as the other stages leave it, small but made by their own code where that is quick."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pytest
from grids import BASE, GRID, WORLD, Pretender, fill_grid
from worlds import informed, known, small_world, tables_of

from rlrec.agents.results import CurvePoint, TrainingSummary
from rlrec.data.checking.results import Check, Summary, TableChecks
from rlrec.data.dataset.provenance import ArchiveRecord, Attempt, FileRecord, Provenance, ViolenceRecord
from rlrec.evaluation.compare import comparison_table, measure_all, regret_table
from rlrec.evaluation.evaluate import evaluate
from rlrec.evaluation.examples import example_sessions
from rlrec.evaluation.interactive import compare_interactive
from rlrec.evaluation.offline import compare_offline
from rlrec.evaluation.results import COMPARISON, INTERACTIVE, OFFLINE, REGRET, Policies, PolicyNote
from rlrec.experiments import table as matrix_tables
from rlrec.experiments.results import MATRIX, MATRIX_REGRET, FilledGrid
from rlrec.policies.baselines import BASELINES
from rlrec.policies.policy import Note, Policy
from rlrec.reporting.cast import Cast
from rlrec.reporting.inputs import Inputs, Matrix, load_inputs, load_matrix
from rlrec.settings.config import Config
from rlrec.storage.csv_files import to_csv
from rlrec.storage.json_files import to_json
from rlrec.worlds.fidelity import (
    Accuracy,
    CalibrationBin,
    Candidate,
    Distribution,
    Distributions,
    Fidelity,
    HeldOut,
    Spread,
)
from rlrec.worlds.world import World

GENRES = ["Action", "Comedy", "Drama", "Sci-Fi", "Western"]
SETTINGS = {
    "scenario": {"episode_length": 20},
    "learners": {"mine": {"algorithm": "a3c", "rollout": 10}},
    "evaluate": {"slate_sizes": [1, 3], "bootstrap_samples": 1000, "reference": "mine"},
    "report": {"example_sessions": 2},
}


@pytest.fixture(scope="session")
def report_config() -> Config:
    return Config.model_validate(SETTINGS)


def learner(world: World, name: str, label: str, stand_in: str = "bayesian_bandit") -> Policy:
    """A stand-in for what was trained: what it is does not matter to the page."""
    policy = BASELINES[stand_in](known(world))
    policy.name, policy.note = name, Note(label, f"What {label} knows.", "learner")
    policy.algorithm = "x"  # type: ignore[attr-defined]
    return policy


def write_stages(data: Path, config: Config, learners: Mapping[str, str], n_users: int = 220) -> None:
    """What the stages leave.

    Args:
        data: an existing folder.
        config: settings of the stages.
        learners: labels by name, the reference first.
        n_users: of the world; 15 % are test users.
    """
    world, reference = informed(small_world(3, n_users=n_users)), next(iter(learners))
    trained = {
        name: learner(world, name, label, stand_in)
        for (name, label), stand_in in zip(learners.items(), ("bayesian_bandit", "linucb"), strict=False)
    }
    online = trained | policies(world, ("random", "best_average", "oracle"))
    offline = trained | policies(world, ("random", "best_average", "ease"))
    cold = trained | policies(world, ("random", "popularity"))
    tables = tables_of(world)
    measured = measure_all(online, world, config)
    files = {
        "reports/validation/summary.json": to_json(validation()),
        "world/fidelity.json": to_json(fidelity()),
        "reports/evaluate/evaluation.json": to_json(evaluate(trained, world, config, genre_names=GENRES)),
        "reports/evaluate/sessions.json": to_json(
            example_sessions(trained[reference], world, config, genre_names=GENRES)
        ),
        "reports/compare/policies.json": to_json(Policies.of(online | offline | cold, reference)),
        "reports/compare/comparison.csv": to_csv(comparison_table(measured, config, reference), COMPARISON),
        "reports/compare/regret.csv": to_csv(regret_table(measured, world, config, "oracle"), REGRET),
        "reports/compare/offline.csv": to_csv(compare_offline(offline, world, tables, config, reference), OFFLINE),
        "reports/compare/interactive.csv": to_csv(
            compare_interactive(cold, world, tables, config, reference), INTERACTIVE
        ),
    }
    for name, label in learners.items():
        files[f"reports/train/{name}/training.json"] = to_json(training(name, label))
        files[f"reports/train/{name}/curve.csv"] = curve().to_csv(index=False).encode()
    for name, content in files.items():
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_bytes(content)
    (data / "raw").mkdir()
    provenance().save(data / "raw")


@pytest.fixture(scope="session")
def finished_stages(tmp_path_factory: pytest.TempPathFactory, report_config: Config) -> Path:
    """The folder; copy it before changing anything."""
    data = tmp_path_factory.mktemp("stages") / "data"
    write_stages(data, report_config, {"mine": "A3C"})
    return data


def policies(world: World, names: tuple[str, ...]) -> dict[str, Policy]:
    return {name: BASELINES[name](known(world)) for name in names}


@pytest.fixture(scope="session")
def filled_matrix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `make matrix` leaves."""
    folder = tmp_path_factory.mktemp("matrix")
    results = fill_grid(folder / "runs", Pretender())
    n_users = len(WORLD.users_in("test"))
    resamples = matrix_tables.draw_resamples(GRID, BASE, [n_users])
    table = matrix_tables.matrix_table(results, GRID, resamples, 0.9, "oracle")
    regret = matrix_tables.regret_table(results, resamples, "oracle", 0.9)
    grid = FilledGrid(
        **GRID.model_dump(),
        confidence=0.9,
        n_users=dict.fromkeys(GRID.scenarios, n_users),
        skipped={"non_violent": "this world knows no violence"},
        policies={
            "a3c": PolicyNote("A3C", "Much.", "learner", algorithm="a3c"),
            "a2c": PolicyNote("A2C", "As much.", "learner", algorithm="a2c"),
        },
    )
    (folder / "matrix.csv").write_bytes(to_csv(table, MATRIX))
    (folder / "regret.csv").write_bytes(to_csv(regret, MATRIX_REGRET))
    (folder / "matrix.json").write_bytes(to_json(grid))
    return folder


@pytest.fixture(scope="session")
def matrix(filled_matrix: Path, inputs: Inputs) -> Matrix:
    found = load_matrix(filled_matrix, inputs.cast)
    assert found is not None
    return found


@pytest.fixture(scope="session")
def inputs(finished_stages: Path) -> Inputs:
    return load_inputs(finished_stages)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that read the text only: figures are not turned into files, which takes most of a page's time."""
    for module in ("page", "sections"):
        monkeypatch.setattr(f"rlrec.reporting.{module}.data_uri", lambda figure: "data:,")


@pytest.fixture(scope="session")
def two_learners(tmp_path_factory: pytest.TempPathFactory, report_config: Config) -> Inputs:
    """The reference is labelled A2C, and has another learner beside it."""
    data = tmp_path_factory.mktemp("two") / "data"
    write_stages(data, report_config, {"together": "A2C", "other": "Another"})
    return load_inputs(data)


@pytest.fixture
def single_user(tmp_path: Path, report_config: Config) -> Inputs:
    """There is but one test user."""
    data = tmp_path / "data"
    write_stages(data, report_config, {"mine": "A3C"}, n_users=7)
    return load_inputs(data)


@pytest.fixture(scope="session")
def cast() -> Cast:
    """The reference is `mine`, called A3C; the baselines are as they say of themselves."""
    notes = {name: PolicyNote(**vars(kind.note), draws=kind.draws) for name, kind in BASELINES.items()}  # type: ignore[attr-defined]
    notes["mine"] = PolicyNote("A3C", "Much.", "learner", algorithm="x")
    notes["other"] = PolicyNote("A2C", "As much.", "learner", algorithm="y")
    return Cast("mine", notes)


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


def validation() -> Summary:
    check = Check("e", "rating", "a rating is one of 1, 2, 3, 4, 5", True, None, 0, [])
    return Summary("ml-100k", True, {"ratings": TableChecks(100_000, 1, 0, [check])})


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
        held_out_users=900,
        latent_factors=16,
        iterations=15,
        penalty=12.0,
        confidence=0.95,
        held_out=HeldOut(
            model=Accuracy(0.909, (0.891, 0.927), 0.712, (0.698, 0.726)),
            user_item_bias=Accuracy(0.941, (0.921, 0.961), 0.743, (0.729, 0.757)),
            global_mean=Accuracy(1.123, (1.102, 1.144), 0.942, (0.921, 0.963)),
        ),
        model_minus_bias=Accuracy(-0.032, (-0.038, -0.026), -0.031, (-0.036, -0.027)),
        candidates=(
            Candidate(0.994, (0.976, 1.012), 0.769, (0.753, 0.785), penalty=3.0),
            Candidate(0.909, (0.891, 0.927), 0.712, (0.698, 0.726), penalty=12.0),
        ),
        calibration=(
            CalibrationBin(2.0, 2.25, 2.1, 2.0, None, 10),
            CalibrationBin(4.0, 4.25, 4.1, 4.2, (4.05, 4.35), 90),
        ),
        rating_noise=1.1,
        distribution=Distributions(even, smooth, smooth, smooth, (1.0, 2.0, 3.0, 4.0, 5.0)),
        genre_affinity=Spread(0.0, 0.1, -1.0, 1.0),
        has_violence=has_violence,
    )


def points() -> list[CurvePoint]:
    names = ("mean_return", "ctr", "entropy", "policy_loss", "value_loss")
    told = {
        0: (0.0, [float("nan")] * 5, None, (30.0, 29.0, 31.0)),
        5: (0.6, [31.0, 0.5, 6.9, 0.01, 1.1], 0.6, (33.0, 32.1, 33.9)),
        10: (1.2, [33.0, 0.6, 5.0, 0.02, 0.8], 1.0, (34.5, 33.7, 35.3)),
        15: (1.8, [34.0, 0.7, 4.0, 0.02, 0.6], 1.0, (34.0, 33.2, 34.8)),
    }
    return [
        CurvePoint(
            version, 3200 * version, seconds, dict(zip(names, figures, strict=True)), staleness, *earned,
            judged_return=earned[0] + 0.1, gain=earned[0] - 30 + 0.1, gain_error=0.04, judges=600,
        )
        for version, (seconds, figures, staleness, earned) in told.items()
    ]  # fmt: skip


def curve() -> pd.DataFrame:
    return pd.DataFrame([point.row() for point in points()])


def training(name: str = "mine", label: str = "A3C") -> TrainingSummary:
    return TrainingSummary(
        learner=name,
        algorithm="x",
        label=label,
        learns_from="simulated",
        executor="threads",
        synchronous=label == "A2C",
        agents=2,
        steps=48_000,
        steps_by_agent={"0": 25_600, "1": 22_400},
        restarts_by_agent={"0": 0, "1": 0},
        updates=15,
        refused_by_agent={},
        refused={},
        failed_agents={},
        discarded=0,
        global_model_restarts=0,
        lost_updates=0,
        resumed_from_version=None,
        seconds=1.8,
        prepared_seconds=4.0,
        steps_per_second=26_666.7,
        updates_per_second=8.3,
        staleness={"0": 5, "1": 10},
        mean_staleness=0.67,
        apply_seconds=0.05,
        lock_wait_seconds=0.01,
        wait_seconds=0.07,
        confidence=0.95,
        best=points()[2],
        final=points()[3],
    )
