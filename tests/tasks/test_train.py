"""Local agents as Prefect task runs."""

import json
import sys
import threading
import time
from uuid import uuid4

import pandas as pd
import pytest
from prefect import flow
from prefect.artifacts import Artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from worlds import small_world

from rlrec.errors import AgentError
from rlrec.policies.saved import load_policy
from rlrec.settings.config import Config, TrainingConfig
from tasks import train

pytestmark = pytest.mark.slow


def task_runs_of(flow_run_id) -> dict[str, str]:
    """State by name of a flow run's task runs."""
    with get_client(sync_client=True) as client:
        chosen = FlowRunFilter(id=FlowRunFilterId(any_=[flow_run_id]))
        return {run.name: run.state.type.value for run in client.read_task_runs(flow_run_filter=chosen)}


def test_each_local_agent_is_a_task_run_with_its_progress(engine, folder):
    from flows.train import flow_of
    from rlrec.settings.beliefs import Beliefs, Estimated
    from rlrec.storage.json_files import to_json
    from tasks.paths import BELIEFS, WORLD, LearnerPaths

    paths = LearnerPaths("a3c")
    WORLD.parent.mkdir(parents=True)
    small_world().save(WORLD)
    BELIEFS.write_bytes(to_json(Estimated(features={"world": Beliefs()})))
    state = flow_of("a3c")(return_state=True)
    assert state.is_completed(), state.message
    completed, until = {"local agent 0": "COMPLETED", "local agent 1": "COMPLETED"}, time.monotonic() + 20
    while (runs := task_runs_of(state.state_details.flow_run_id)) != completed and time.monotonic() < until:
        time.sleep(0.2)  # the server takes states of task runs from events, which come after the run
    assert runs == completed

    summary = json.loads(paths.training.read_text())
    assert summary["agents"] == 2
    shares = [Artifact.get(f"local-agent-{number}").data for number in range(2)]
    played = [summary["steps_by_agent"].get(str(number), 0) for number in range(2)]
    assert shares == [pytest.approx(100 * steps / 800) for steps in played]
    assert sum(played) == summary["steps"] >= 800

    curve = pd.read_csv(paths.curve)
    assert curve["steps"].is_monotonic_increasing
    assert {"mean_return", "ctr", "entropy", "policy_loss", "value_loss", "staleness"} <= set(curve.columns)
    assert any(paths.tensorboard.glob("events.out.tfevents*"))
    load_policy(paths.model)
    assert "data/models/a3c" in Artifact.get("train-a3c-versions").data
    assert "steps_per_second" in Artifact.get("training").data
    assert "validation_return" in Artifact.get("learning-curve").data
    agents = Artifact.get("agents").data
    assert all(str(steps) in agents for steps in summary["steps_by_agent"].values())  # one may have played them all
    assert "versions" in Artifact.get("staleness").data
    assert {"updates_per_second", "lock_wait_seconds", "staleness"} <= summary.keys()
    assert not paths.checkpoints.parent.exists()


def play_agents(play) -> list[object]:
    """What two agents' futures hold, run as tasks of a flow."""
    from tasks.train import _as_tasks

    outcomes: list[object] = []

    @flow(name="agents")
    def agents() -> str:
        for future in _as_tasks(TrainingConfig(steps=20))(play, [0, 1]):
            outcomes.append(future.exception(timeout=60) or future.result())
        return "done"

    agents()
    return outcomes


def test_an_agent_that_was_stopped_is_not_run_again_and_its_error_is_raised_as_it_was(engine):
    runs = []

    def play(number: int, tell) -> int:
        tell(5)
        if number == 1:
            runs.append(number)
            raise AgentError("local agent 1 was stopped")
        return 5

    outcomes = play_agents(play)

    assert outcomes[0] == 5
    assert isinstance(outcomes[1], AgentError)
    assert str(outcomes[1]) == "local agent 1 was stopped"
    assert runs == [1]
    assert Artifact.get("local-agent-0").data == 25.0


def test_an_agent_that_fails_otherwise_is_run_again(engine):
    runs = []

    def play(number: int, tell) -> int:
        if number == 1:
            runs.append(number)
            if len(runs) < 3:
                raise OSError("a hiccup")
        return 5

    assert play_agents(play) == [5, 5]
    assert runs == [1, 1, 1]


def test_with_threads_nothing_of_ray_is_needed(monkeypatch):
    from tasks.train import task_runner

    monkeypatch.setitem(sys.modules, "ray", None)
    with task_runner(Config()) as runner:
        assert type(runner).__name__ == "ThreadPoolTaskRunner"


def test_an_agent_waits_for_no_server(monkeypatch):
    asked, answer = [], threading.Event()

    def tell_server(tell, patience):
        asked.append(tell)
        answer.wait(30)

    monkeypatch.setattr(train, "tell_server", tell_server)
    show = train._showing(uuid4())
    for percent in (1.0, 2.0, 3.0):
        show(percent, 0.0)
    show(100.0, 0.01)
    assert len(asked) == 1  # which is still under way
    answer.set()
    show(100.0, 30.0)
    assert len(asked) == 2
    train._showing(None)(1.0, 0.0)  # there was no server when the agent began
    assert len(asked) == 2
