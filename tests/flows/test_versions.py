"""Runs are found, compared and brought back, with the exact model; on a slice of the real data."""

import dataclasses
import json
import re
import shutil
import sys
from pathlib import Path

import pytest
import yaml
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.settings import PREFECT_API_URL, temporary_settings
from projects import environment, write_settings

from tasks.artifacts import key_of
from tasks.versions import dvc_hash

pytestmark = [pytest.mark.slow, pytest.mark.ci, pytest.mark.realdata]

STAGES = ["download", "validate", "world", "beliefs", "train@a3c", "evaluate", "compare", "report"]
MODEL, FIGURES, EVALUATION = (
    "data/models/a3c",
    "data/reports/evaluate/metrics.json",
    "data/reports/evaluate/evaluation.json",
)
SAVE = "from flows.running.runs import save_run; print(save_run())"


def ok(project, *command: str) -> str:
    ended = project.run(*command)
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


def locked(folder: Path, stage: str, kind: str) -> dict[str, str]:
    """By path, the hashes of what `dvc.lock` says the stage read (`deps`) or made (`outs`)."""
    stages = yaml.safe_load((folder / "dvc.lock").read_text())["stages"]
    return {entry["path"]: entry["md5"] for entry in stages[stage][kind]}


def test_every_stage_s_artifact_has_the_hashes_of_dvc_lock(project, server):
    row = re.compile(r"^\| (read|made) \| (\S+) \| (\S+) \| [\d,]+ \|$", re.MULTILINE)
    for stage in STAGES:
        expected = {("read", *entry) for entry in locked(project.folder, stage, "deps").items()}
        expected |= {("made", *entry) for entry in locked(project.folder, stage, "outs").items()}
        with temporary_settings({PREFECT_API_URL: server}), get_client(sync_client=True) as client:
            key = ArtifactFilter(key=ArtifactFilterKey(any_=[key_of(f"{stage}-versions")]))
            told = [set(row.findall(str(artifact.data))) for artifact in client.read_artifacts(artifact_filter=key)]
        assert len({role for role, *_ in expected}) == 2
        assert expected in told, stage


@pytest.fixture(scope="module")
def twice(project, tmp_path_factory):
    """Two runs that are kept, run-1 and run-2; the second, of bored users, is in the workspace."""
    folder = tmp_path_factory.mktemp("twice") / "rlrec"
    shutil.copytree(project.folder, folder, symlinks=True)
    env = environment(folder, PREFECT_API_URL=project.env["PREFECT_API_URL"])
    copy = dataclasses.replace(project, folder=folder, env=env)
    source = {"data": {"source": "local", "local": str(project.archive), "tag_genome": "none"}}
    for ref in ok(copy, "git", "for-each-ref", "--format=%(refname)", "refs/exps").split():
        ok(copy, "git", "update-ref", "-d", ref)  # what other tests kept
    write_settings(folder, source)
    ok(copy, "dvc", "repro")
    assert ok(copy, sys.executable, "-c", SAVE).split()[-1] == "run-1"
    shutil.copytree(folder / "data", folder.parent / "first")
    write_settings(folder, source, {"scenario": {"delta": -0.5}})
    assert "kept as run-2" in ok(copy, sys.executable, "-m", "flows.pipeline")
    return copy


def test_dvc_exp_show_has_a_row_a_run_with_parameters_and_headline_metrics(twice):
    shown = json.loads(ok(twice, "dvc", "exp", "show", "--json"))
    rows = {run["name"]: run["revs"][0]["data"] for commit in shown for run in commit["experiments"] or []}
    assert set(rows) == {"run-1", "run-2"}
    deltas = {name: data["params"]["params.yaml"]["data"]["scenario"]["delta"] for name, data in rows.items()}
    assert deltas == {"run-1": 1.0, "run-2": -0.5}
    for name, data in rows.items():
        figures = data["metrics"][FIGURES]["data"]
        assert set(figures["a3c"]) == {f"{metric}@{k}" for metric in ("return", "ctr", "ndcg") for k in (1, 2)}
        assert data["metrics"]["data/reports/train/a3c/metrics.json"]["data"]["steps_per_second"] > 0, name
    assert rows["run-2"]["metrics"][FIGURES]["data"] == json.loads((twice.folder / FIGURES).read_text())
    table = ok(twice, sys.executable, "-m", "flows.running.runs")
    assert re.search(r"│ run-2 \* +│.*│ +-0\.5 │", table)
    assert re.search(r"│ run-1 +│.*│ +1\.0 │", table)
    assert "ndcg@2" in table


def test_dvc_compares_metrics_and_plots_of_two_runs(twice):
    before = json.loads((twice.folder.parent / "first" / "reports" / "evaluate" / "metrics.json").read_text())
    after = json.loads((twice.folder / FIGURES).read_text())
    difference = json.loads(ok(twice, "dvc", "metrics", "diff", "run-1", "run-2", "--json"))[FIGURES]
    assert difference["a3c.return@1"]["old"] == before["a3c"]["return@1"]
    assert difference["a3c.return@1"]["new"] == after["a3c"]["return@1"]
    shutil.rmtree(twice.folder / "dvc_plots", ignore_errors=True)
    ok(twice, "dvc", "plots", "diff", "run-1", "run-2")
    page = (twice.folder / "dvc_plots" / "index.html").read_text()
    assert "Return on validation users" in page
    for rev in ("run-1", "run-2"):
        assert f'"rev": "{rev}"' in page


def test_going_back_brings_the_exact_model_and_the_first_evaluation_s_figures_again(twice):
    folder, first = twice.folder, twice.folder.parent / "first"
    half_filled = folder / "data" / "reports" / "matrix" / "runs" / "calm.npz"
    half_filled.parent.mkdir(parents=True)
    half_filled.write_text("an hour's work that DVC knows nothing of")
    second = {path: dvc_hash(folder / path) for path in (MODEL, EVALUATION)}
    assert second[MODEL] != dvc_hash(first / "models" / "a3c")

    ok(twice, "dvc", "exp", "apply", "run-1")
    assert yaml.safe_load((folder / "params.yaml").read_text())["scenario"]["delta"] == 1.0
    assert dvc_hash(folder / MODEL) == dvc_hash(first / "models" / "a3c")
    assert (folder / "data/reports/index.html").read_bytes() == (first / "reports" / "index.html").read_bytes()
    for path in (EVALUATION, FIGURES):
        (folder / path).unlink()
    ok(twice, "dvc", "repro", "--force", "--single-item", "evaluate")
    assert (folder / EVALUATION).read_bytes() == (first / "reports" / "evaluate" / "evaluation.json").read_bytes()
    assert (folder / FIGURES).read_bytes() == (first / "reports" / "evaluate" / "metrics.json").read_bytes()

    ok(twice, "git", "add", "params.yaml", "dvc.lock")
    ok(twice, "git", "commit", "-q", "-m", "the first run")
    ok(twice, "dvc", "exp", "apply", "run-2")
    assert {path: dvc_hash(folder / path) for path in second} == second
    ok(twice, "git", "checkout", "-q", "params.yaml", "dvc.lock")
    ok(twice, "dvc", "checkout", "--force")
    assert dvc_hash(folder / MODEL) == dvc_hash(first / "models" / "a3c")
    assert "up to date" in ok(twice, "dvc", "status", "dvc.yaml")
    assert half_filled.exists()
