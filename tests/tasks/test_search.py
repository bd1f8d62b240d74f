"""Trials as Prefect task runs, and what a search leaves."""

import os
import re
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml
from prefect.artifacts import Artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from worlds import small_world, tables_of

from rlrec.data.dataset.tables import save_tables
from rlrec.errors import ConfigError
from rlrec.experiments.search.results import read_result
from rlrec.settings.config import PARAMS_FILE, load_config
from tasks.paths import SEARCH, SEARCH_SETTINGS, TABLES, WORLD, SearchPaths
from tasks.search import busy_since, search_settings, take_winner_over

SPACE = {
    **{"trials": 5, "steps": 400, "finalists": 1, "seeds": 1, "points": 2, "startup": 2, "parallel": 2},
    "judging_users": 20,
    # Of these, 3 does not divide a session of 10.
    "spaces": {"a3c": {"rollout": [5, 3], "hidden": [8, 4], "gamma": {"low": 0.0, "high": 0.9}}},
}
PATHS = SearchPaths("a3c")


@pytest.fixture
def project(folder: Path) -> Path:
    """A folder with a small world and what is searched there."""
    WORLD.parent.mkdir(parents=True)
    world = small_world()
    world.save(WORLD)
    save_tables(tables_of(world), TABLES)
    SEARCH_SETTINGS.parent.mkdir()
    SEARCH_SETTINGS.write_text(yaml.safe_dump(SPACE))
    return folder


def states_of(flow_run_id: object) -> dict[str, str]:
    """Name of the state by the name of a flow run's task runs."""
    with get_client(sync_client=True) as client:
        chosen = FlowRunFilter(id=FlowRunFilterId(any_=[flow_run_id]))
        return {run.name: run.state_name for run in client.read_task_runs(flow_run_filter=chosen)}


@pytest.mark.slow
@pytest.mark.ci
def test_each_trial_is_a_task_run_and_the_second_search_trains_nothing(engine: None, project: Path) -> None:
    from flows.search import flow_of

    state = flow_of("a3c")(return_state=True)
    assert state.is_completed(), state.message
    states = states_of(state.state_details.flow_run_id)
    trials = pd.read_csv(PATHS.folder / "trials.csv")
    assert len(trials) == 5
    assert {f"trial {row.trial}": row.state.capitalize() for row in trials.itertuples()}.items() <= states.items()
    assert set(trials[trials["rollout"] == 3]["state"]) == {"failed"}
    assert trials["reason"].dropna().str.contains("must divide").all()
    assert states["default, seed 8"] == "Completed"

    result = read_result(PATHS.result)
    assert result.trials == trials["state"].value_counts().to_dict()
    assert Artifact.get("search-a3c-trials").data.count("| failed |") == result.trials.get("failed", 0)
    number = trials[trials["state"] == "completed"]["trial"].iloc[0]
    assert "value" in Artifact.get(f"curve-{number}").data
    assert "The winner is" in PATHS.page.read_text()
    assert (PATHS.folder / "finalists.png").read_bytes().startswith(b"\x89PNG")

    before = {path: path.read_bytes() for path in (PATHS.result, PATHS.page, PATHS.folder / "trials.csv")}
    kept = sorted(path.name for path in (SEARCH / "runs").iterdir())
    again = flow_of("a3c")(return_state=True)
    assert again.is_completed(), again.message
    names = states_of(again.state_details.flow_run_id)
    assert not [name for name in names if re.fullmatch(r"trial \d+", name)]
    assert {path: path.read_bytes() for path in before} == before
    assert sorted(path.name for path in (SEARCH / "runs").iterdir()) == kept

    take_winner_over("a3c")
    learner = load_config(PARAMS_FILE).learners["a3c"]
    assert {name: getattr(learner, name) for name in result.settings} == result.settings


def test_a_wrong_setting_is_told_before_anything_is_made(project: Path) -> None:
    SEARCH_SETTINGS.write_text(yaml.safe_dump(SPACE | {"trials": 0}))
    with pytest.raises(ConfigError, match=r"matrix/search\.yaml:\n  trials: "):
        search_settings(load_config(), "a3c")
    SEARCH_SETTINGS.write_text(yaml.safe_dump(SPACE))
    with pytest.raises(ConfigError, match="there is no learner 'a4c': learners has a3c"):
        search_settings(load_config(), "a4c")
    assert not SEARCH.exists()


def test_without_a_search_there_is_nothing_to_take_over(project: Path) -> None:
    before = PARAMS_FILE.read_bytes()
    with pytest.raises(ConfigError, match=r"cannot read data/reports/search/a3c\.yaml"):
        take_winner_over("a3c")
    assert PARAMS_FILE.read_bytes() == before


def test_time_that_was_spent_is_a_share_of_all_cores() -> None:
    idle = os.times()
    time.sleep(0.3)
    assert busy_since(idle) < 0.2
    busy = os.times()
    while os.times().user - busy.user < 0.3:
        sum(range(10_000))
    assert 0 < busy_since(busy) <= 1 / (os.cpu_count() or 1) + 0.05
