"""The experiment matrix: a flow of its own, that goes on wherever it was killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml
from dvc.repo import Repo
from projects import ROOT, environment, run

from flows.pipeline import make_places, settled_in, stages_of
from rlrec.errors import WriteError
from tasks.versions import stage_files

GRID = {
    "seeds": 2,
    "bootstrap_samples": 200,
    "reference": "a3c",
    "training": {"steps": 400},
    "learner": {"users": 8, "rollout": 5, "hidden": 8},
    "scenarios": {
        "calm": {"title": "calm users", "scenario": {"delta": 0.0}},
        "slates": {"title": "slates of two", "scenario": {"slate_size": 2}},
        "mild": {"title": "mild movies", "scenario": {"lambda_non_violent": 0.5}},
    },
    "learners": {"a3c": {}, "a2c": {"learner": {"algorithm": "a2c"}, "only": ["calm"]}},
}
TRAININGS = 2 * (2 + 1)  # two seeds of a3c in both scenarios that can be played, and of a2c in one

# DVC's own, and that it logs outside of a flow.
DVC_S_OWN = pytest.mark.filterwarnings("ignore:_NoneStep", "ignore:Logger .* attempted to send logs to the API")


@DVC_S_OWN
def test_the_pipeline_leaves_other_graphs_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "aside").mkdir()
    graphs = {
        "dvc.yaml": {"report": {"cmd": "c", "deps": ["b"]}, "train": {"cmd": "a", "outs": ["b"]}},
        "aside/dvc.yaml": {"more": {"cmd": "m", "wdir": "..", "deps": ["b"], "outs": ["n"]}},
    }
    for name, stages in graphs.items():
        (tmp_path / name).write_text(yaml.safe_dump({"stages": stages}))
    monkeypatch.chdir(tmp_path)
    with Repo.init(str(tmp_path), no_scm=True) as repo:
        assert len(repo.index.stages) == 3
        assert stages_of(repo) == ["train", "report"]


def test_what_the_graph_asks_for_is_there_though_data_was_emptied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    make_places()
    files = stage_files("download")
    assert files is not None
    assert [path for path in files.deps if path.startswith("data/") and not Path(path).is_dir()] == []
    (tmp_path / "data" / "extra").rmdir()
    (tmp_path / "data" / "extra").write_text("a file")
    with pytest.raises(WriteError, match="data/extra"):
        make_places()


@DVC_S_OWN
def test_what_comes_before_all_changes_is_settled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stages = {
        "one": {"cmd": "cp a b", "deps": ["a"], "outs": ["b"]},
        "two": {"cmd": "cat b c > d", "deps": ["b", "c"], "outs": ["d"]},
        "three": {"cmd": "cp d e", "deps": ["d"], "outs": ["e"]},
    }
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    for name in "ac":
        (tmp_path / name).write_text(name)
    monkeypatch.chdir(tmp_path)
    with Repo.init(str(tmp_path), no_scm=True) as repo:
        order = stages_of(repo)
        assert settled_in(repo, order) == []
        repo.reproduce()
        assert settled_in(repo, order) == order == ["one", "two", "three"]
        (tmp_path / "c").write_text("changed")
        assert settled_in(repo, order) == ["one"]
        (tmp_path / "b").unlink()
        assert settled_in(repo, order) == []


@DVC_S_OWN
def test_the_pipeline_of_this_project_is_its_dvc_yaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    with Repo.init(str(tmp_path), no_scm=True) as repo:
        stages = set(yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]) - {"train"}
        stages |= {f"train@{name}" for name in yaml.safe_load((ROOT / "params.yaml").read_text())["learners"]}
        assert set(stages_of(repo)) == stages
        assert {stage.addressing for stage in repo.index.stages} == stages


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.realdata
def test_killed_after_its_first_run_it_goes_on_from_there(project, tmp_path: Path, server: str) -> None:
    folder = tmp_path / "rlrec"
    shutil.copytree(project.folder, folder, symlinks=True)
    (folder / "matrix" / "scenarios.yaml").write_text(yaml.safe_dump(GRID, sort_keys=False))
    env, runs = environment(folder, PREFECT_API_URL=server), folder / "data" / "reports" / "matrix" / "runs"
    command = (sys.executable, "-m", "flows.matrix")

    with (tmp_path / "log").open("w") as log:
        first = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log, start_new_session=True)
        while not list(runs.glob("*.npz")):
            assert first.poll() is None, (tmp_path / "log").read_text()
            time.sleep(0.05)
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
    kept = {path: path.stat().st_mtime_ns for path in runs.glob("*.npz")}
    assert 1 <= len(kept) < TRAININGS

    second = run(folder, *command, env=env)
    assert second.returncode == 0, second.stdout
    assert "seed 7: return" in second.stdout
    assert second.stdout.count("of training") == TRAININGS - len(kept)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    table = pd.read_csv(runs.parent / "matrix.csv")
    assert set(table["scenario"]) == {"calm", "slates"}
    assert {"a3c", "a2c", "oracle"} <= set(table["policy"])
    assert len(pd.read_csv(runs.parent / "runs.csv").dropna()) == TRAININGS
    assert list(json.loads((runs.parent / "matrix.json").read_text())["skipped"]) == ["mild"]

    again = run(folder, *command, env=env)
    assert again.returncode == 0, again.stdout
    assert "of training" not in again.stdout
    tried = run(folder, sys.executable, "-m", "flows.matrix", "--only", "calm", "--seeds", "1", env=env)
    assert tried.returncode == 0, tried.stdout
    assert "calm users, a3c: return" in tried.stdout
    assert "of training" not in tried.stdout
    assert pd.read_csv(runs.parent / "matrix.csv").equals(table)
