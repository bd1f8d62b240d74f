import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from worlds import small_world, tables_of

from rlrec.data.dataset.tables import save_tables
from rlrec.errors import ConfigError
from rlrec.settings.config import Config, EvaluateConfig, WorldConfig
from tasks import beliefs, world
from tasks.paths import FIDELITY, TABLES, WORLD, WORLD_METRICS

pytestmark = pytest.mark.filterwarnings("ignore:Logger .* attempted to send logs to the API")  # outside of a flow


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The title and rows of the last table that the UI was given."""
    given: dict[str, Any] = {}
    monkeypatch.setattr(world, "publish_table", lambda key, title, rows: given.update(title=title, rows=rows))
    monkeypatch.setattr(world, "load_provenance", lambda raw: SimpleNamespace(violence=None))
    return given


def test_every_error_of_the_world_is_shown_with_its_interval(folder: Path, shown: dict[str, Any]) -> None:
    save_tables(tables_of(small_world()), TABLES)
    settings = {"world": {"latent_factors": 2, "iterations": 3}, "evaluate": {"slate_sizes": [1]}}
    world.fit.fn(Config.model_validate(settings))
    report = json.loads(FIDELITY.read_text())
    assert shown["title"] == "Held-out ratings, predicted, with 95 % intervals over users"
    found = [*report["held_out"].values(), report["model_minus_bias"]]
    assert [row["predictor"] for row in shown["rows"]] == [*report["held_out"], "model minus user_item_bias"]
    for row, errors in zip(shown["rows"], found, strict=True):
        for name in ("rmse", "mae"):
            assert row[name.upper()] == "{:.3f} [{:.3f}, {:.3f}]".format(errors[name], *errors[f"{name}_ci"])
    metrics = json.loads(WORLD_METRICS.read_text())
    assert metrics == {name: report["held_out"]["model"][name] for name in ("rmse", "mae")}


def test_too_many_movies_for_the_memory_are_told_before_anything_is_fitted(
    folder: Path, shown: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    save_tables(tables_of(small_world()), TABLES)
    monkeypatch.setattr(world.psutil, "virtual_memory", lambda: SimpleNamespace(available=100_000))
    with pytest.raises(ConfigError, match=r"with 80 movies the matrices of item_knn, ease, .* 0\.0 GiB are free"):
        world.fit.fn(Config(evaluate=EvaluateConfig(slate_sizes=(1,))))
    assert not FIDELITY.exists()
    heavy = ("item_knn", "ease", "ease_recency", "ease_negatives", "rp3beta", "markov")
    world.fit.fn(
        Config(
            world=WorldConfig(latent_factors=2, iterations=3),
            evaluate=EvaluateConfig(slate_sizes=(1,), leave_out=heavy),
        )
    )
    assert FIDELITY.exists()


def test_too_few_movies_for_what_is_evaluated_are_told_before_anything_is_fitted(
    folder: Path, shown: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    save_tables(tables_of(small_world(n_movies=120)), TABLES)
    monkeypatch.setattr(world, "fit_world", lambda *_, **__: pytest.fail("it was fitted"))
    with pytest.raises(ConfigError, match=r"there are 120 movies.*\n  evaluate\.slate_sizes \(10\): 500"):
        world.fit.fn(Config())


def test_too_few_movies_for_what_is_evaluated_are_told_before_anything_is_trained(folder: Path) -> None:
    small_world(n_movies=120).save(WORLD)
    with pytest.raises(ConfigError, match=r"evaluate\.slate_sizes \(10\): 500"):
        beliefs.job_of(Config(), "a3c")
    with pytest.raises(ConfigError, match=r"evaluate\.slate_sizes \(10\): 500"):
        beliefs.estimate_beliefs.fn(Config())
