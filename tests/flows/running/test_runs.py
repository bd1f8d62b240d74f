"""Runs are kept, listed and brought back; tried with a graph of one stage, so that DVC is all that takes time."""

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import psutil
import pytest
import yaml

from flows.running import summary, turn
from flows.running.beside import files_of
from flows.running.recovery import recover
from flows.running.repository import repository
from flows.running.runs import ExperimentError, StageError, list_runs, put_back, run_experiment, save_run, show_runs

pytestmark = [
    pytest.mark.slow,  # DVC needs seconds
    # DVC's own, and that it logs outside of a flow.
    pytest.mark.filterwarnings("ignore:_NoneStep"),
    pytest.mark.filterwarnings("ignore:Logger .* attempted to send logs to the API"),
]

ROOT = Path(__file__).resolve().parents[3]
GRAPH = """\
stages:
  train:
    cmd: python stage.py
    params: [delta]
    deps: [stage.py]
    outs:
      - data/model: { persist: true }
      - data/reports/index.html: { persist: true }
    metrics:
      - data/reports/evaluate/metrics.json: { persist: true }
      - data/reports/train/a3c/metrics.json: { persist: true }
"""
# A delta of 9 fails as a stage does, 8 takes a minute; a model is never the same twice.
STAGE = """\
import json, os, pathlib, time, uuid, yaml
delta = yaml.safe_load(open("params.yaml"))["delta"]
if delta == 9:
    with open(os.environ["RLREC_STAGE_RECORD"], "a") as record:
        record.write(json.dumps({"stage": "train", "error": "delta: 9 is too much"}) + chr(10))
    raise SystemExit(1)
if delta == 8:
    pathlib.Path("started").touch()
    time.sleep(60)
reports = pathlib.Path("data/reports")
for folder in ("evaluate", "train/a3c"):
    (reports / folder).mkdir(parents=True, exist_ok=True)
pathlib.Path("data/model").write_text(uuid.uuid4().hex)
(reports / "index.html").write_text(f"delta {delta}")
figures = {"return@1": 100.0 + delta, "ctr@1": 0.5, "ndcg@1": 0.25}
(reports / "evaluate/metrics.json").write_text(json.dumps({"a3c": figures}))
(reports / "train/a3c/metrics.json").write_text(json.dumps({"steps": 800, "steps_per_second": 12345}))
"""
PARAMS = "delta:   1.0   # growth, spelled by hand\nother: 3\nsizes: [1, 10]   # K\nname: 'one'\n"


def git(*command: str) -> str:
    return subprocess.run(["git", *command], check=True, capture_output=True, text=True).stdout


def dvc(*command: str) -> str:
    ended = subprocess.run([sys.executable, "-m", "dvc", *command], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def state(folder: Path = Path()) -> dict[str, str]:
    """What must be as before: settings, lock, and all that was made."""
    made = [path for path in (folder / "data").rglob("*") if path.is_file()]
    files = (folder / "params.yaml", folder / "dvc.lock", *made)
    return {str(path.relative_to(folder)): path.read_text() for path in files}


@pytest.fixture(scope="module")
def commit(tmp_path_factory) -> Path:
    """A project with a commit in which nothing has been run."""
    folder = tmp_path_factory.mktemp("commit") / "project"
    (folder / ".dvc").mkdir(parents=True)
    (folder / ".dvc" / "config").write_text("[core]\n    analytics = false\n")
    (folder / ".dvc" / ".gitignore").write_text("/config.local\n/tmp\n/cache\n")
    (folder / ".gitignore").write_text("/data/\n/started\n/flows\n")
    (folder / "flows").symlink_to(ROOT / "flows")
    for name, text in {"dvc.yaml": GRAPH, "stage.py": STAGE, "params.yaml": PARAMS, "notes": "one\n"}.items():
        (folder / name).write_text(text)
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "start"]):
        subprocess.run(["git", *identity, *command], cwd=folder, check=True)
    return folder


@pytest.fixture(scope="module")
def finished(commit, tmp_path_factory) -> Path:
    """The same after a run, which is not kept yet."""
    folder = tmp_path_factory.mktemp("finished") / "project"
    shutil.copytree(commit, folder)
    subprocess.run([sys.executable, "-m", "dvc", "repro", "-q"], cwd=folder, check=True)
    return folder


@pytest.fixture
def surroundings(monkeypatch):
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Test")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "test@example.org")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("RLREC_STAGE_RECORD", raising=False)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(ROOT / "src")]))


@pytest.fixture
def copied(tmp_path, monkeypatch, surroundings) -> Callable[[Path], Path]:
    """Copies a folder and goes there."""

    def copy(source: Path) -> Path:
        folder = shutil.copytree(source, tmp_path / "project")
        monkeypatch.chdir(folder)
        return folder

    return copy


@pytest.fixture
def project(finished, copied) -> Path:
    return copied(finished)


@pytest.fixture
def fresh(commit, copied) -> Path:
    return copied(commit)


@pytest.fixture
def said(caplog):
    caplog.set_level(logging.INFO, logger="flows.running.runs")
    return caplog


def test_a_kept_run_is_a_row_of_dvc_exp_show_and_nothing_here_is_touched(project, said):
    Path("notes").write_text("one\ntwo\n")
    Path("staged").write_text("new")
    git("add", "staged")
    Path("notes").write_text("one\ntwo\nthree\n")
    before, status = state(), git("status", "--porcelain")
    changed_at = Path("notes").stat().st_mtime_ns

    assert save_run() == "run-1"

    assert state() == before
    assert git("status", "--porcelain") == status
    assert Path("notes").stat().st_mtime_ns == changed_at
    assert git("stash", "list") == ""
    [main] = [commit for commit in json.loads(dvc("exp", "show", "--json")) if commit["rev"] != "workspace"]
    [row] = main["experiments"]
    assert row["name"] == "run-1"
    data = row["revs"][0]["data"]
    assert data["params"]["params.yaml"]["data"] == {"delta": 1.0, "other": 3, "sizes": [1, 10], "name": "one"}
    assert data["metrics"]["data/reports/evaluate/metrics.json"]["data"]["a3c"]["return@1"] == 101.0
    kept = git("for-each-ref", "--format=%(refname)", "refs/exps").strip()
    assert set(git("diff", "--name-only", "HEAD", kept).split()) == {
        "dvc.lock",
        "notes",
        "staged",
    }  # no figure, no model
    assert git("show", f"{kept}:notes") == "one\ntwo\nthree\n"

    assert save_run() is None
    assert "kept already, as run-1" in said.text


def test_what_is_no_finished_run_is_not_kept_and_the_log_says_why(project, said):
    Path("params.yaml").write_text("delta: 2.0\n")
    assert save_run() is None
    assert "not up to date is train" in said.text
    Path("dvc.lock").unlink()
    assert save_run() is None
    assert "there is no dvc.lock" in said.text
    shutil.rmtree(".git")
    assert save_run() is None
    assert "dvc.yaml is in no git commit here" in said.text


def test_of_files_that_are_another_user_s_it_is_said_that_git_does_not_trust_them(project, said, monkeypatch):
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    assert save_run() is None
    assert f"git config --global --add safe.directory {project}" in said.text
    with pytest.raises(ExperimentError, match="belongs to another user"):
        run_experiment(["delta=2"])


def test_without_a_name_for_git_the_run_is_not_kept(project, said, monkeypatch):
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.delenv(f"GIT_{role}_NAME")
        monkeypatch.delenv(f"GIT_{role}_EMAIL")
    git("config", "user.useConfigOnly", "true")
    assert save_run() is None
    assert "git config user.name" in said.text


def test_a_committed_run_is_not_kept_twice(project, said):
    git("add", "dvc.lock")
    git("commit", "-q", "-m", "a run")
    assert save_run() is None
    assert f"kept already, as {git('rev-parse', 'HEAD').strip()}" in said.text
    [run] = list_runs()
    assert (run["run"], run["here"]) == ("main", True)


def test_an_experiment_leaves_the_workspace_as_it_was_and_is_brought_here_by_its_name(project, said, capsys):
    assert save_run() == "run-1"
    before, status = state(), git("status", "--porcelain")

    run_experiment(["delta=-0.5", "other=4", "sizes=[2, 20]"])

    page = state().keys() - before.keys()
    assert {path: state()[path] for path in page} == {"data/reports/runs/run-2/index.html": "delta -0.5"}
    shutil.rmtree("data/reports/runs")
    assert state() == before
    assert git("status", "--porcelain") == status
    assert "up to date" in dvc("status")
    assert "dvc exp apply run-2" in said.text
    runs = {run["run"]: run for run in list_runs()}
    assert {name: run["parameters"]["delta"] for name, run in runs.items()} == {"run-2": -0.5, "run-1": 1.0}
    assert {name: run["here"] for name, run in runs.items()} == {"run-2": False, "run-1": True}
    assert runs["run-2"]["figures"] == {"return@1": 99.5, "ctr@1": 0.5, "ndcg@1": 0.25, "steps/s": 12345}

    dvc("exp", "apply", "run-2")
    changed = PARAMS.replace("1.0", "-0.5").replace("3", "4").replace("[1, 10]", "[2, 20]")
    assert Path("params.yaml").read_text() == changed
    assert Path("data/model").read_text() != before["data/model"]
    assert "up to date" in dvc("status")
    capsys.readouterr()
    show_runs()
    shown = capsys.readouterr().out
    rows = {line.split()[1]: line for line in shown.splitlines() if line.startswith("│")}
    assert list(rows) == ["run-2", "run-1"]
    assert "run-2 *" in rows["run-2"]
    for figure in ("-0.5", "99.5", "12,345"):
        assert figure in rows["run-2"]
    assert subprocess.run([sys.executable, "-m", "flows.running.beside", "run-1", "run-2"], check=False).returncode == 0
    page = Path("data/reports/runs/run-1-beside-run-2.html").read_text()
    assert all(word in page for word in ("<th>delta</th>", "<th>sizes</th>", "101", "99.5", "-1.5"))
    files = files_of("run-2")
    assert files["params.yaml"].decode() == changed
    assert files == files_of("here")  # it has just been applied
    with pytest.raises(ExperimentError, match="there is no run run-7"):
        files_of("run-7")
    shutil.rmtree("data/reports/runs")
    compared = json.loads(dvc("metrics", "diff", "run-1", "run-2", "--json"))
    assert compared["data/reports/evaluate/metrics.json"]["a3c.return@1"]["diff"] == -1.5

    dvc("exp", "apply", "run-1")
    assert state() == before


@pytest.mark.ci
@pytest.mark.holds("queue")
def test_a_queued_run_is_listed_with_what_the_code_made_that_it_was_queued_with(project, said):
    assert save_run() == "run-1"
    dvc("exp", "run", "-q", "--queue", "-n", "queued", "-S", "delta=2")
    Path("stage.py").write_text(STAGE.replace("100.0 + delta", "200.0 + delta"))
    dvc("exp", "run", "-q", "--run-all")
    runs = {run["run"]: run for run in list_runs()}
    assert {name: run["figures"]["return@1"] for name, run in runs.items()} == {"run-1": 101.0, "queued": 102.0}
    assert {name: run["parameters"]["delta"] for name, run in runs.items()} == {"run-1": 1.0, "queued": 2}
    assert {name: run["here"] for name, run in runs.items()} == {"run-1": True, "queued": False}
    git("checkout", "stage.py")
    dvc("exp", "apply", "queued")
    assert {run["run"]: run["here"] for run in list_runs()} == {"run-1": False, "queued": True}
    assert save_run() is None
    assert "kept already, as queued" in said.text


def test_of_runs_within_one_second_the_newer_is_first_all_the_same(project, monkeypatch):
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_DATE", "2026-01-01T00:00:00Z")
    for delta in (2, 3, 4):
        run_experiment([f"delta={delta}"])
    assert [run["run"] for run in list_runs()] == ["run-3", "run-2", "run-1"]
    for zone, hour in (("UTC", 0), ("Asia/Tokyo", 9)):  # DVC has kept the first listing's
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        assert {run["time"] for run in list_runs()} == {datetime(2026, 1, 1, hour)}
    monkeypatch.undo()
    time.tzset()


def test_a_failed_experiment_says_the_stage_s_error_and_leaves_the_workspace_as_it_was(project):
    before, status = state(), git("status", "--porcelain")
    with summary.record(), pytest.raises(StageError, match=r"^train: delta: 9 is too much$"):
        run_experiment(["delta=9"])
    assert state() == before
    assert git("status", "--porcelain") == status
    with pytest.raises(ExperimentError, match=r"params\.yaml: .*dleta"):
        run_experiment(["dleta=2"])
    assert state() == before
    assert list_runs() == []


def test_without_an_earlier_run_what_was_made_stays_and_the_parameters_go_back(fresh):
    run_experiment(["delta=2"])
    assert Path("params.yaml").read_text() == PARAMS
    assert Path("data/model").is_file()
    assert [run["parameters"]["delta"] for run in list_runs()] == [2]
    assert "params.yaml" in dvc("status")  # the next run makes what its own parameters need


@pytest.mark.holds("no-git")
def test_without_git_stages_are_run_all_the_same(fresh):
    shutil.rmtree(".git")
    recover()
    with repository(wait=True) as repo:
        assert [stage.addressing for stage in repo.reproduce()] == ["train"]
    recover()
    put_back()
    assert Path("data/model").is_file()
    assert save_run() is None


def test_without_git_an_experiment_is_refused(fresh):
    shutil.rmtree(".git")
    with pytest.raises(ExperimentError, match=r"delta=2: .* dvc\.yaml is in no git commit"):
        run_experiment(["delta=2"])
    assert Path("params.yaml").read_text() == PARAMS
    with pytest.raises(ExperimentError, match="no runs to list"):
        list_runs()


@pytest.fixture
def at_work(project):
    """The process group of an experiment whose stage has begun; what it says goes to the file `log`."""
    code = "from flows.running.runs import run_experiment; run_experiment(['delta=8'])"
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")])}
    # Where the tests run in a shell's background, SIGINT is ignored, and a new process would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with Path("log").open("w") as out:
        command = [sys.executable, "-c", code]
        process = subprocess.Popen(command, env=env, stdout=out, stderr=out, start_new_session=True)
    try:
        until = time.monotonic() + 90
        while not Path("started").exists():
            assert process.poll() is None, Path("log").read_text()
            assert time.monotonic() < until, Path("log").read_text()
            time.sleep(0.1)
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.mark.holds("ending")
def test_ctrl_c_ends_an_experiment_and_the_workspace_is_as_it_was(finished, at_work):
    os.killpg(at_work.pid, signal.SIGINT)
    at_work.wait(timeout=60)
    assert "KeyboardInterrupt" in Path("log").read_text()
    assert state() == state(finished)
    assert git("status", "--porcelain", "params.yaml", "data") == ""
    assert list_runs() == []


@pytest.mark.holds("orphan")
def test_of_an_experiment_whose_process_alone_is_killed_the_rest_ends_and_is_waited_for(at_work, finished, said):
    family = psutil.Process(at_work.pid).children(recursive=True)
    at_work.kill()
    at_work.wait(timeout=60)
    assert not turn.is_free(turn.EXPERIMENT)  # DVC and its stage live on, for a moment
    with turn.turn(turn.EXPERIMENT, print):
        pass
    assert psutil.wait_procs(family, timeout=60)[1] == []  # long before the stage would have ended
    put_back()
    assert state() == state(finished)


@pytest.mark.holds("orphan")
def test_after_a_killed_experiment_the_next_run_finds_the_workspace_as_it_was(finished, at_work, said):
    os.killpg(at_work.pid, signal.SIGKILL)
    at_work.wait(timeout=60)
    assert yaml.safe_load(Path("params.yaml").read_text())["delta"] == 8
    assert git("rev-parse", "--abbrev-ref", "HEAD") == "main\n"
    assert git("stash", "list") == ""
    put_back()
    assert state() == state(finished)
    put_back()
    assert state() == state(finished)
    assert said.text == ""


def test_what_somebody_changed_after_an_experiment_was_killed_is_left_as_it_is(at_work, said):
    os.killpg(at_work.pid, signal.SIGKILL)
    at_work.wait(timeout=60)
    Path("params.yaml").write_text("delta: 5.0\n")
    put_back()
    assert Path("params.yaml").read_text() == "delta: 5.0\n"
    assert "params.yaml was changed during an experiment" in said.text
