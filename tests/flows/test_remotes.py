"""What was run is pushed to a DVC remote, and pulled into a second clone without running it again."""

import dataclasses
import shutil
import sys
from pathlib import Path

import pytest
from projects import environment, run, write_settings
from s3 import bucket

pytestmark = [pytest.mark.slow, pytest.mark.ci]

PAGE = Path("data/reports/index.html")
SAVE = "from flows.running.runs import save_run; print(save_run())"


def ok(project, *command: str) -> str:
    ended = project.run(*command)
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


def in_folder(project, folder: Path):
    """The same project's commands in another folder."""
    return dataclasses.replace(
        project, folder=folder, env=environment(folder, PREFECT_API_URL=project.env["PREFECT_API_URL"])
    )


@pytest.fixture(scope="module")
def shared(project, tmp_path_factory):
    """A project that has pushed its run to a DVC remote and its commit to a git repository, `hub.git` beside it."""
    top = tmp_path_factory.mktemp("shared")
    shutil.copytree(project.folder, top / "rlrec", symlinks=True)
    first = in_folder(project, top / "rlrec")
    write_settings(first.folder, {"data": {"source": "local", "local": str(project.archive), "tag_genome": "none"}})
    ok(first, "dvc", "repro")
    ok(first, "dvc", "remote", "add", "-d", "storage", str(top / "storage"))
    ok(first, "git", "add", "dvc.lock", ".dvc/config")
    ok(first, "git", "commit", "-q", "-m", "a run")
    ok(first, "dvc", "push")
    ok(first, "git", "clone", "-q", "--bare", ".", str(top / "hub.git"))
    return first


def clone(shared, folder: Path):
    ok(shared, "git", "clone", "-q", str(shared.folder.parent / "hub.git"), str(folder))
    return in_folder(shared, folder)


@pytest.mark.realdata
def test_a_second_clone_pulls_the_report_and_trains_nothing(shared, tmp_path):
    committed = ok(shared, "git", "ls-tree", "-r", "--name-only", "HEAD").split()
    assert [path for path in committed if path.startswith("data/")] == [
        "data/README.md",
        "data/extra/README.md",
        "data/local/README.md",
    ]

    second = clone(shared, tmp_path / "second")
    assert not (second.folder / "data" / "reports").exists()
    ok(second, "dvc", "pull")
    assert (second.folder / PAGE).read_bytes() == (shared.folder / PAGE).read_bytes()

    output = ok(second, sys.executable, "-m", "flows.pipeline")
    told = [line.split("│")[2].strip() for line in output.splitlines() if line.startswith("│")]
    assert told == ["up to date"] * 8
    assert "Running stage" not in output
    for path in (PAGE, Path("dvc.lock")):
        assert (second.folder / path).read_bytes() == (shared.folder / path).read_bytes()


@pytest.mark.realdata
def test_a_single_run_is_shared_by_its_name(shared, tmp_path):
    changed = {
        "data": {"source": "local", "local": str(shared.archive), "tag_genome": "none"},
        "report": {"example_sessions": 4},
    }
    write_settings(shared.folder, changed)
    ok(shared, "dvc", "repro")
    name = ok(shared, sys.executable, "-c", SAVE).split()[-1]
    ok(shared, "dvc", "exp", "push", str(shared.folder.parent / "hub.git"), name)

    second = clone(shared, tmp_path / "second")
    ok(second, "dvc", "exp", "pull", "origin", name)
    ok(second, "dvc", "exp", "apply", name)
    assert (second.folder / PAGE).read_bytes() == (shared.folder / PAGE).read_bytes()
    assert f"{name} *" in ok(second, sys.executable, "-m", "flows.running.runs")


def test_anything_that_speaks_s3_is_a_remote_too(tmp_path):
    pytest.importorskip("dvc_s3", reason="the extra rlrec[s3] is not installed")
    folder, second = tmp_path / "first", tmp_path / "second"
    (folder / "made").mkdir(parents=True)
    (folder / "made" / "model").write_text("weights")
    with bucket() as (endpoint, objects):
        secret = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}

        def done(where: Path, *command: str) -> None:
            ended = run(where, *command, env=environment(where, **secret))
            assert ended.returncode == 0, ended.stdout

        done(folder, "git", "init", "-q")
        done(folder, "dvc", "init", "-q")
        done(folder, "dvc", "add", "-q", "made")
        done(folder, "dvc", "remote", "add", "-d", "storage", "s3://bucket/rlrec")
        done(folder, "dvc", "remote", "modify", "storage", "endpointurl", endpoint)
        done(folder, "git", "add", "-A")
        done(folder, "git", "commit", "-q", "-m", "made")
        done(folder, "dvc", "push")
        assert sorted(objects.values())[-1] == b"weights"
        assert all(key.startswith("rlrec/files/md5/") for key in objects)
        done(tmp_path, "git", "clone", "-q", str(folder), str(second))
        done(second, "dvc", "pull")
    assert (second / "made" / "model").read_text() == "weights"
