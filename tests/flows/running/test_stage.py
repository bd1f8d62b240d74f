"""Stages through the real engine."""

import hashlib
import json
import sys
from uuid import uuid4

import pytest
from prefect import flow, task
from prefect.artifacts import Artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowFilter, FlowFilterName
from prefect.runtime import task_run
from projects import run

from flows.running import stage as module
from flows.running.stage import PARENT, RECORD, as_flow, main
from rlrec.errors import DataError
from rlrec.settings.config import Config

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("engine")]  # the engine's start takes seconds


@pytest.fixture
def toy(folder):
    """A graph of one stage, `toy`, which reads in.txt and makes out.txt."""
    (folder / "dvc.yaml").write_text("stages: {toy: {cmd: c, deps: [in.txt], outs: [out.txt]}}")
    (folder / "in.txt").write_text("read this")
    return folder


def stage_that(action):
    def toy(config: Config) -> None:
        """A stage."""
        action(config)

    return as_flow(toy)


def last_run(name: str):
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(flow_filter=FlowFilter(name=FlowFilterName(any_=[name])))
    return max(runs, key=lambda run: run.created)


def test_a_stage_below_a_task_that_the_server_has_lost_is_made_and_recorded_alone(toy, monkeypatch, capfd):
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 0.1)
    monkeypatch.setenv(PARENT, str(uuid4()))
    main(stage_that(lambda config: (toy / "out.txt").write_text("made this")))
    found = last_run("toy")
    assert found.state is not None
    assert found.state.is_completed()
    assert found.parent_task_run_id is None
    shown = capfd.readouterr()
    assert "no record of the pipeline's task toy" in shown.out + shown.err


def test_a_stage_leaves_its_time_memory_and_versions(toy, monkeypatch):
    seen: list[Config] = []

    def action(config: Config) -> None:
        seen.append(config)
        (toy / "out.txt").write_text("made this")

    monkeypatch.setenv(RECORD, str(toy / "record.jsonl"))
    main(stage_that(action))

    assert [config.training.steps for config in seen] == [800]
    begun, left = map(json.loads, (toy / "record.jsonl").read_text().splitlines())
    assert begun == {"stage": "toy", "run": str(last_run("toy").id)}
    assert left["stage"] == "toy"
    assert 0 <= left["seconds"] < 5
    assert 2**26 < left["peak_bytes"] < 2**36
    versions = Artifact.get("toy-versions").data
    for role, name, content in (("read", "in.txt", b"read this"), ("made", "out.txt", b"made this")):
        assert f"| {role} | {name} | {hashlib.md5(content).hexdigest()} | 9 |" in versions
    assert last_run("toy").state.is_completed()


HEAVY = """
import subprocess, sys
held = bytearray(2**29)
held[:: 2**12] = bytes(1) * 2**17
subprocess.run([sys.executable, "-c", "from flows.running.stage import peak_bytes; print(peak_bytes())"], check=True)
"""


def test_a_process_s_peak_memory_is_not_that_of_its_parent(toy):
    child = run(toy, sys.executable, "-c", HEAVY)
    assert 2**26 < int(child.stdout.split()[-1]) < 2**29


def test_a_user_s_error_ends_with_one_message_and_a_run_that_says_why(toy, capsys):
    def action(config: Config) -> None:
        raise DataError("data/tables/ratings.parquet: a rating of 6")

    with pytest.raises(SystemExit) as ended:
        main(stage_that(action))
    assert ended.value.code == 1
    assert capsys.readouterr().err.endswith("\ntoy failed: data/tables/ratings.parquet: a rating of 6\n\n")
    failed = last_run("toy")
    assert failed.state.is_failed()
    assert "a rating of 6" in failed.state.message


def test_in_a_pipeline_the_error_is_left_for_the_pipeline_to_say(toy, capsys, monkeypatch):
    def action(config: Config) -> None:
        raise DataError("a rating of 6")

    monkeypatch.setenv(RECORD, str(toy / "record.jsonl"))
    with pytest.raises(SystemExit):
        main(stage_that(action))
    [_, told] = (toy / "record.jsonl").read_text().splitlines()
    assert json.loads(told) == {"stage": "toy", "error": "a rating of 6"}
    assert "toy failed" not in capsys.readouterr().err


def test_a_defect_is_not_taken_for_a_user_s_error(toy):
    def action(config: Config) -> None:
        raise ZeroDivisionError("a defect")

    with pytest.raises(ZeroDivisionError, match="a defect"):
        main(stage_that(action))
    assert last_run("toy").state.is_failed()


def test_ctrl_c_ends_with_130_and_says_that_nothing_is_lost(toy, capsys):
    def action(config: Config) -> None:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as ended:
        main(stage_that(action))
    assert ended.value.code == 130
    assert "toy: interrupted; what was there before is untouched" in capsys.readouterr().err
    assert last_run("toy").state.is_crashed()


def test_a_stage_belongs_under_the_pipeline_s_task_run(toy, monkeypatch):
    @task
    def parent() -> str:
        return str(task_run.id)

    @flow(name="chain")
    def chain() -> str:
        return parent()

    identity = chain()
    monkeypatch.setenv(PARENT, identity)
    main(stage_that(lambda config: None))
    assert str(last_run("toy").parent_task_run_id) == identity


def test_a_wrong_setting_is_told_before_anything_runs(toy, capsys):
    def action(config: Config) -> None:
        raise AssertionError("ran")

    (toy / "params.yaml").write_text("learners: {a3c: {algorithm: a3c, gamma: 2}}\n")
    with pytest.raises(SystemExit) as ended:
        main(stage_that(action))
    assert ended.value.code == 1
    shown = capsys.readouterr().err
    assert "toy failed: params.yaml: learners.a3c.gamma: " in shown
    assert len(shown.splitlines()) <= 5
