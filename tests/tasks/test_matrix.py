import json
import logging
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from grids import Pretender
from worlds import small_world, tables_of

from rlrec.data.dataset.tables import save_tables
from rlrec.errors import ConfigError
from rlrec.policies.baselines import BASELINES
from rlrec.settings.config import load_config
from tasks import matrix
from tasks.paths import MATRIX, MATRIX_SETTINGS, TABLES, WORLD

pytestmark = pytest.mark.filterwarnings("ignore:Logger .* attempted to send logs to the API")  # outside of a flow

GRID = {
    "seeds": 2,
    "bootstrap_samples": 200,
    "reference": "a3c",
    "learner": {"rollout": 5},
    "scenarios": {
        "calm": {"title": "calm users", "scenario": {"delta": 0.0}},
        "mild": {"title": "mild movies", "scenario": {"lambda_non_violent": 0.5}},
    },
    "learners": {"a3c": {}, "a2c": {"learner": {"algorithm": "a2c"}}},
}


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The rows of the last table that the UI was given."""
    rows: list[dict[str, Any]] = []
    monkeypatch.setattr(matrix, "publish_image", lambda key, title, png: None)
    monkeypatch.setattr(matrix, "publish_table", lambda key, title, table: rows.__setitem__(slice(None), table))
    return rows


@pytest.fixture
def trainer(monkeypatch: pytest.MonkeyPatch) -> Pretender:
    pretender = Pretender()
    monkeypatch.setattr(matrix, "trains_in", lambda workers: pretender)
    return pretender


@pytest.fixture
def project(folder: Path) -> Path:
    """A folder with a world, whose violence is not known, and a small grid."""
    WORLD.parent.mkdir(parents=True)
    world = small_world(violent=False)
    world.save(WORLD)
    save_tables(tables_of(world), TABLES)
    MATRIX_SETTINGS.parent.mkdir()
    MATRIX_SETTINGS.write_text(yaml.safe_dump(GRID, sort_keys=False))
    return folder


def fill(**options: Any) -> None:
    matrix.fill_matrix.fn(load_config(), **options)


def contents() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in MATRIX.iterdir() if path.is_file()}


def test_the_matrix_leaves_its_tables(project: Path, trainer: Pretender, shown: list[dict[str, Any]]) -> None:
    fill()
    table, regret, runs = (pd.read_csv(MATRIX / f"{name}.csv") for name in ("matrix", "regret", "runs"))
    policies = {"a3c", "a2c", *BASELINES}
    assert set(table["policy"]) == set(runs["policy"]) == policies
    assert set(regret["policy"]) == policies - {"oracle"}
    assert set(table["scenario"]) == {"calm"}
    assert contents()["matrix.png"].startswith(b"\x89PNG")
    assert len(list((MATRIX / "runs").glob("*.npz"))) == len(runs)
    assert [row["policy"] for row in shown] == ["a3c", "a2c", *BASELINES]
    assert shown[0]["scenario"] == "calm users"
    assert {"mean", "ci_low", "ci_high", "reference", "diff", "p_holm", "d_z", "share_gaining"} <= set(shown[0])


def test_what_was_skipped_is_told_with_the_reason(
    project: Path, trainer: Pretender, shown: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    fill()
    description = json.loads((MATRIX / "matrix.json").read_text())
    assert list(description["skipped"]) == ["mild"]
    assert "knows no violence" in description["skipped"]["mild"]
    assert list(description["scenarios"]) == ["calm", "mild"]
    assert (description["seeds"], description["reference"], description["n_users"]) == (2, "a3c", {"calm": 9})
    assert "mild movies is skipped" in caplog.text


def test_filled_again_it_trains_nothing_and_leaves_the_same(
    project: Path, trainer: Pretender, shown: list[dict[str, Any]]
) -> None:
    fill()
    first, trained = contents(), len(trainer.asked)
    fill()
    assert len(trainer.asked) == trained == 4
    assert contents() == first


def test_a_trial_keeps_its_runs_and_leaves_the_tables(
    project: Path, trainer: Pretender, shown: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        fill(only=["calm"], seeds=1)
    assert contents() == {}
    assert set(pd.read_csv(MATRIX / "trial" / "matrix.csv")["scenario"]) == {"calm"}
    assert "calm users, a3c: return" in caplog.text
    assert shown[0]["runs"] == 1
    fill()
    assert [config.seed for config in trainer.asked] == [7, 7, 8, 8]


def test_learners_that_are_named_are_trained_alone_and_leave_the_tables(
    project: Path, trainer: Pretender, shown: list[dict[str, Any]]
) -> None:
    fill(learners=["a2c"])
    assert {config.evaluate.reference for config in trainer.asked} == {"a2c"}
    assert {row["reference"] for row in shown} == {"a2c"}
    assert [row["policy"] for row in shown] == ["a2c", *BASELINES]
    assert contents() == {}
    with pytest.raises(ConfigError, match="unknown learner 'a4c': it is one of a3c, a2c"):
        fill(learners=["a4c"])


def test_a_wrong_grid_is_told_before_anything_is_made(project: Path, trainer: Pretender) -> None:
    MATRIX_SETTINGS.write_text(yaml.safe_dump({**GRID, "seeds": 0}, sort_keys=False))
    with pytest.raises(ConfigError, match=r"matrix/scenarios\.yaml:\n  seeds: "):
        fill()
    MATRIX_SETTINGS.write_text(yaml.safe_dump(GRID, sort_keys=False))
    with pytest.raises(ConfigError, match="unknown scenario 'wild'"):
        fill(only=["wild"])
    assert trainer.asked == []
    assert not MATRIX.exists()
