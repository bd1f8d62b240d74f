"""Local agents as Prefect task runs."""

import json

import pandas as pd
import pytest
from prefect import flow
from prefect.artifacts import Artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from worlds import small_world

from rlrec.a3c import load_policy
from rlrec.errors import TrainingError

pytestmark = pytest.mark.slow


def task_runs_of(flow_run_id) -> dict[str, str]:
    """State by name of a flow run's task runs."""
    with get_client(sync_client=True) as client:
        chosen = FlowRunFilter(id=FlowRunFilterId(any_=[flow_run_id]))
        return {run.name: run.state.type.value for run in client.read_task_runs(flow_run_filter=chosen)}


def test_each_local_agent_is_a_task_run_with_its_progress(engine, folder):
    from flows.train import train
    from tasks.paths import CURVE, CURVE_FIGURE, MODEL, TENSORBOARD, TRAINING, WORLD

    WORLD.parent.mkdir(parents=True)
    small_world().save(WORLD)
    state = train(return_state=True)
    assert state.is_completed(), state.message
    assert task_runs_of(state.state_details.flow_run_id) == {"local agent 0": "COMPLETED", "local agent 1": "COMPLETED"}

    summary = json.loads(TRAINING.read_text())
    assert summary["agents"] == 2
    shares = [Artifact.get(f"local-agent-{number}").data for number in range(2)]
    played = [summary["steps_by_agent"].get(str(number), 0) for number in range(2)]
    assert shares == [pytest.approx(100 * steps / 800) for steps in played]
    assert sum(played) == summary["steps"] >= 800

    curve = pd.read_csv(CURVE)
    assert curve["steps"].is_monotonic_increasing
    assert {"mean_return", "ctr", "entropy", "policy_loss", "value_loss", "staleness"} <= set(curve.columns)
    assert CURVE_FIGURE.read_bytes().startswith(b"\x89PNG")
    assert any(TENSORBOARD.glob("events.out.tfevents*"))
    load_policy(MODEL)
    assert "data/models/a3c" in Artifact.get("train-versions").data
    assert "steps_per_second" in Artifact.get("training").data
    assert "image/png" in Artifact.get("learning-curve").data


def test_an_agent_s_error_is_raised_as_it_was_and_the_others_end(engine):
    from tasks.training import _as_tasks

    def play(number: int, tell) -> int:
        tell(5)
        if number == 1:
            raise TrainingError("agent 1 cannot go on")
        return 5

    outcomes: list[object] = []

    @flow(name="agents")
    def agents() -> str:
        for future in _as_tasks(20)(play, 2):
            outcomes.append(future.exception(timeout=30) or future.result())
        return "done"

    agents()
    assert outcomes[0] == 5
    assert isinstance(outcomes[1], TrainingError)
    assert str(outcomes[1]) == "agent 1 cannot go on"
    assert Artifact.get("local-agent-0").data == 25.0
