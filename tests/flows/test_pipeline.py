"""The whole graph, on a slice of the real data: `dvc repro` and the pipeline's flow are two doors to the same work."""

import json
import re
import shutil
import subprocess
import sys

import pandas as pd
import pytest
import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterParentTaskRunId,
)
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, temporary_settings
from projects import LOGGED, write_settings

from tasks.versions import stage_files

pytestmark = [pytest.mark.slow, pytest.mark.ci, pytest.mark.realdata]

STAGES = ["download", "validate", "world", "beliefs", "train@a3c", "evaluate", "compare", "report"]


def locked(project) -> dict[str, dict[str, str]]:
    """By stage, the hash of each thing it made, as `dvc.lock` has it."""
    stages = yaml.safe_load((project.folder / "dvc.lock").read_text())["stages"]
    return {name: {out["path"]: out["md5"] for out in stage["outs"]} for name, stage in stages.items()}


def pipeline(project, *options: str) -> tuple[str, str]:
    """Runs the pipeline; what it printed, and its flow run's id."""
    ended = project.run(sys.executable, "-m", "flows.pipeline", *options)
    assert ended.returncode == 0, ended.stdout
    return ended.stdout, re.findall(r"open http\S+/runs/flow-run/(\S+)", ended.stdout)[-1]


def told(output: str) -> dict[str, str]:
    """By stage, what the table at the end says of it."""
    rows = [line.split("│")[1:3] for line in output.splitlines() if line.startswith("│")]
    return {name.strip(): what.strip() for name, what in rows}


def stage_runs(client: SyncPrefectClient, pipeline_run: str) -> dict[str, FlowRun]:
    """The flow runs that one comes to from the pipeline's run, over its task runs, by name."""
    tasks = client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[pipeline_run])))
    parents = FlowRunFilterParentTaskRunId(any_=[run.id for run in tasks])
    return {run.name: run for run in client.read_flow_runs(flow_run_filter=FlowRunFilter(parent_task_run_id=parents))}


def artifacts_of(client: SyncPrefectClient, run: FlowRun) -> dict[str, str]:
    found = client.read_artifacts(artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id])))
    return {artifact.key: str(artifact.data) for artifact in found}


def test_dvc_repro_makes_all_that_the_graph_names(project):
    assert set(locked(project)) == set(STAGES)
    for stage, made in locked(project).items():
        outs = stage_files(stage, project.folder / "dvc.yaml").outs
        assert set(made) == set(outs)
        for out in outs:
            assert (project.folder / out).exists(), out
    evaluation = json.loads((project.folder / "data/reports/evaluate/evaluation.json").read_text())
    assert set(evaluation["learners"]["a3c"]) == {"1", "2"}
    git = subprocess.run(["git", "status", "--short"], cwd=project.folder, capture_output=True, text=True, check=True)
    assert git.stdout.split() == ["??", "dvc.lock"]  # no rating, no model


def test_after_either_door_the_other_finds_nothing_to_do(project):
    before = locked(project)
    assert "up to date" in project.run("dvc", "status").stdout
    output, _ = pipeline(project)
    assert told(output) == dict.fromkeys(STAGES, "up to date")
    assert "Running stage" not in output
    assert locked(project) == before
    assert not (project.folder / "data" / "reports" / "matrix").exists()  # an hour's work, and nobody asked for it


def test_a_changed_parameter_reruns_what_depends_on_it_and_the_ui_leads_to_all_of_it(project, server):
    before = locked(project)
    write_settings(
        project.folder,
        {
            "data": {"source": "local", "local": str(project.archive), "tag_genome": "none"},
            "report": {"example_sessions": 2},
        },
    )
    output, run = pipeline(project)
    ran = {"evaluate", "report"}
    assert told(output) == {stage: "ran" if stage in ran else "up to date" for stage in STAGES}
    changed = {stage for stage in STAGES if locked(project)[stage] != before[stage]}
    assert changed == ran
    assert "up to date" in project.run("dvc", "status").stdout

    with temporary_settings({PREFECT_API_URL: server}), get_client(sync_client=True) as client:
        runs = stage_runs(client, run)
        assert set(runs) == ran
        assert all(found.state is not None and found.state.is_completed() for found in runs.values())
        for stage in ran:
            versions = artifacts_of(client, runs[stage])[f"{stage}-versions"]
            for path, md5 in locked(project)[stage].items():
                assert f"| made | {path} | {md5} |" in versions
        assert "return" in artifacts_of(client, runs["evaluate"])["evaluation"]


def test_a_parameter_given_to_the_flow_becomes_an_experiment_that_is_found_and_compared(project, server):
    output, run = pipeline(project, "-S", "scenario.delta=0.5")
    assert told(output) == dict.fromkeys(["beliefs", "train@a3c", "evaluate", "compare", "report"], "ran")

    with temporary_settings({PREFECT_API_URL: server}), get_client(sync_client=True) as client:
        runs = stage_runs(client, run)
        assert set(runs) == {"beliefs", "train@a3c", "evaluate", "compare", "report"}
        assert "validation_return" in artifacts_of(client, runs["train@a3c"])["learning-curve"]
        assert "data:image/png" in artifacts_of(client, runs["report"])["training-a3c-figure"]
        assert "oracle" in artifacts_of(client, runs["compare"])["comparison"]

    shown = json.loads(project.run("dvc", "exp", "show", "--json").stdout)
    experiments = [found["revs"][0]["data"] for commit in shown for found in commit["experiments"] or []]
    deltas = [data["params"]["params.yaml"]["data"]["scenario"]["delta"] for data in experiments]
    assert deltas.count(0.5) == 1  # beside the runs that were kept without an override
    metrics = json.loads(project.run("dvc", "metrics", "show", "--json").stdout)[""]["data"]
    assert {f"data/reports/{stage}/metrics.json" for stage in ("world", "train/a3c", "evaluate")} == set(metrics)
    earned = metrics["data/reports/evaluate/metrics.json"]["data"]["a3c"]["return@1"]
    evaluation = json.loads((project.folder / "data/reports/evaluate/evaluation.json").read_text())
    assert earned == evaluation["learners"]["a3c"]["1"]["metrics"]["return"]["mean"]
    plots = project.run("dvc", "plots", "show")
    assert plots.returncode == 0, plots.stdout
    page = (project.folder / "dvc_plots" / "index.html").read_text()
    assert "Return on validation users" in page
    assert "Learning_curve" in page


def test_a_further_learner_is_trained_alone_and_stands_beside_the_reference_under_its_own_name(project):
    before = locked(project)
    learner = {"algorithm": "a2c", "label": "A2C, small", "users": 8, "rollout": 5, "hidden": 4}
    write_settings(
        project.folder,
        {
            "data": {"source": "local", "local": str(project.archive), "tag_genome": "none"},
            "learners": {"waiting": learner},
        },
    )
    output, _ = pipeline(project)
    ran = {"train@waiting", "evaluate", "compare", "report"}
    assert {stage for stage, what in told(output).items() if what == "ran"} == ran
    assert locked(project)["train@a3c"] == before["train@a3c"]
    assert "up to date" in project.run("dvc", "status").stdout

    policy = json.loads((project.folder / "data/models/waiting/policy.json").read_text())
    assert (policy["algorithm"], policy["name"], policy["label"]) == ("a2c", "waiting", "A2C, small")
    table = pd.read_csv(project.folder / "data/reports/compare/comparison.csv")
    assert {"a3c", "waiting"} <= set(table["policy"])
    assert set(table["reference"]) == {"a3c"}
    page = (project.folder / "data/reports/index.html").read_text()
    assert page.count("A2C, small") > 3

    learner["gamma"] = 0.9
    write_settings(
        project.folder,
        {
            "data": {"source": "local", "local": str(project.archive), "tag_genome": "none"},
            "learners": {"waiting": learner},
        },
    )
    changed = json.loads(project.run("dvc", "status", "--json").stdout)
    assert "train@waiting" in changed
    assert "train@a3c" not in changed

    # DVC leaves what a stage made that is in the graph no more, and other tests share this project.
    for made in ("models", "reports/train"):
        shutil.rmtree(project.folder / "data" / made / "waiting")


def test_learners_of_logged_answers_stand_for_people_and_answer_them(project):
    before = locked(project)
    source = {"data": {"source": "local", "local": str(project.archive), "tag_genome": "none"}}
    write_settings(project.folder, source, LOGGED)
    output, _ = pipeline(project)
    ran = {"train@a3c_logged", "train@a3c_cold", "evaluate", "compare", "report"}
    assert {stage for stage, what in told(output).items() if what == "ran"} == ran
    assert locked(project)["train@a3c"] == before["train@a3c"]
    assert "up to date" in project.run("dvc", "status").stdout

    reports = project.folder / "data" / "reports"
    compared = {name: pd.read_csv(reports / f"compare/{name}.csv") for name in ("comparison", "offline", "interactive")}
    references = {name: set(table["reference"]) for name, table in compared.items()}
    assert references == {"comparison": {"a3c"}, "offline": {"a3c_logged"}, "interactive": {"a3c_cold"}}
    assert all({"a3c", "a3c_logged", "a3c_cold"} <= set(compared[name]["policy"]) for name in ("comparison", "offline"))
    assert "What real people watched next" in (reports / "index.html").read_text()

    answers = [
        project.run("rlrec", "recommend", "--liked", "Toy Story", "--json", *model).stdout
        for model in ((), ("--model", "data/models/a3c_logged"), ("--model", "data/models/a3c"))
    ]
    assert answers[0] == answers[1] != answers[2]
    for made in ("models", "reports/train"):
        for name in ("a3c_logged", "a3c_cold"):
            shutil.rmtree(project.folder / "data" / made / name)
