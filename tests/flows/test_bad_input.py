"""Bad input: a message on one screen, a non-zero exit, and nothing that was there before is lost."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import psutil
import pytest
from projects import environment, write_settings
from support import slice_archive, write_zip

from flows.download import download
from flows.evaluate import evaluate
from flows.running.stage import main
from flows.validate import validate
from rlrec.data.prepare import prepare
from rlrec.settings.config import load_config
from tasks.paths import RAW, TABLES

pytestmark = [
    pytest.mark.slow,
    pytest.mark.realdata,
    pytest.mark.filterwarnings("ignore:Logger .* attempted to send logs to the API"),  # fixtures, outside of a flow
]

SCREEN = 25


def contents(folder: Path) -> dict[str, str]:
    """By path, the hash of every file below a folder, hidden ones included."""
    return {
        str(path.relative_to(folder)): hashlib.md5(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def failure_of(stage, capfd) -> str:
    """Runs a stage that must fail; its message, which must be a user's and fit a screen."""
    capfd.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(stage)
    assert ended.value.code == 1
    shown = capfd.readouterr().err
    assert "Traceback" not in shown
    message = shown.split(f"{stage.name} failed: ")[1]
    assert len(message.splitlines()) <= SCREEN
    return message


@pytest.fixture(scope="module")
def good(tmp_path_factory, ml100k_archive) -> Path:
    return slice_archive(ml100k_archive, tmp_path_factory.mktemp("good"), users=40, movies=120)


@pytest.fixture
def filled(engine, folder, good):
    """A folder with the tables, and with things later stages made."""
    write_settings(folder, {"data": {"source": "local", "local": str(good), "tag_genome": "none"}})
    prepare(load_config().data, RAW, TABLES)
    for name in ("data/models/a3c/weights.npz", "data/reports/index.html", "data/reports/validation/index.html"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("made earlier")
    return folder


def altered(good: Path, path: Path, **changes: bytes) -> Path:
    """The archive with bytes put before those of a member (`u_data` for `ml-100k/u.data`), or with new members."""
    with zipfile.ZipFile(good) as opened:
        members = {name: opened.read(name) for name in opened.namelist()}
    for name, added in changes.items():
        member = f"ml-100k/{name.replace('_', '.')}"
        members[member] = added + members[member]
    return write_zip(path, members)


def truncated(good: Path, path: Path) -> str:
    path.write_bytes(good.read_bytes()[:20_000])
    return str(path)


def outside(good: Path, path: Path) -> str:
    with zipfile.ZipFile(good) as opened:
        members = {name: opened.read(name) for name in opened.namelist()}
    return str(write_zip(path, {"ml-100k/../../evil.txt": b"evil", **members}))


def rating_of_six(good: Path, path: Path) -> str:
    return str(altered(good, path, u_data=b"1\t9999\t6\t880000000\n"))


def unknown_user(good: Path, path: Path) -> str:
    with zipfile.ZipFile(good) as opened:
        movie = opened.read("ml-100k/u.item").split(b"|")[0]
    return str(altered(good, path, u_data=b"99999\t" + movie + b"\t4\t880000000\n"))


def not_there(good: Path, path: Path) -> str:
    return str(path)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (truncated, ["bad.zip"]),
        (outside, ["bad.zip", "ml-100k/../../evil.txt"]),
        (not_there, ["bad.zip"]),
    ],
)
def test_a_bad_archive_is_refused_by_name_and_nothing_is_lost(filled, good, capfd, tmp_path, make, words):
    source = make(good, tmp_path / "bad.zip")
    write_settings(filled, {"data": {"source": "local", "local": source, "tag_genome": "none"}})
    before = contents(filled / "data")
    message = failure_of(download, capfd)
    for word in words:
        assert word in message
    assert contents(filled / "data") == before
    assert not list(tmp_path.rglob("evil.txt"))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (rating_of_six, ["ratings", "1 of", "movie 9999, rating 6"]),
        (unknown_user, ["ratings", "1 of", "user 99999"]),
    ],
)
def test_bad_ratings_stop_the_chain_at_validation(filled, good, capfd, tmp_path, make, words):
    source = make(good, tmp_path / "bad.zip")
    write_settings(filled, {"data": {"source": "local", "local": source, "tag_genome": "none"}})
    before = contents(filled / "data")
    main(download)
    message = failure_of(validate, capfd)
    for word in words:
        assert word in message
    after = contents(filled / "data")
    changed = {name for name in after if after[name] != before.get(name)} | (before.keys() - after.keys())
    assert {name.split("/")[0] for name in changed} <= {"raw", "tables", "reports"}
    assert {name for name in changed if name.startswith("reports/")} == {
        name for name in changed if name.startswith("reports/validation/")
    }


def test_a_missing_world_is_named(filled, capfd):
    before = contents(filled / "data")
    message = failure_of(evaluate, capfd)
    assert "data/world/world.npz" in message
    assert contents(filled / "data") == before


def test_a_missing_table_is_named(filled, capfd):
    (filled / "data/tables/users.parquet").unlink()
    before = contents(filled / "data")
    message = failure_of(validate, capfd)
    assert "data/tables/users.parquet" in message
    assert contents(filled / "data") == before


def test_a_data_folder_that_cannot_be_written_is_named(engine, folder, good, capfd):
    write_settings(folder, {"data": {"source": "local", "local": str(good), "tag_genome": "none"}})
    (folder / "data").write_text("a file, not a folder")  # root may write anywhere, but not below a file
    message = failure_of(download, capfd)
    assert "cannot write data/" in message
    assert (folder / "data").read_text() == "a file, not a folder"


@pytest.fixture
def restored(project, tmp_path):
    """The project; afterwards its settings and what it has made are again as they were."""
    kept = tmp_path / "kept"
    kept.mkdir()
    for name in ("params.yaml", "dvc.lock"):
        shutil.copy2(project.folder / name, kept)
    shutil.copytree(project.folder / "data", kept / "data")
    yield project
    for name in ("params.yaml", "dvc.lock"):
        shutil.copy2(kept / name, project.folder)
    shutil.rmtree(project.folder / "data")
    shutil.copytree(kept / "data", project.folder / "data")


@pytest.mark.ci
def test_the_pipeline_says_a_stage_s_error_once_and_stops(restored, tmp_path):
    project = restored
    source = rating_of_six(project.archive, tmp_path / "bad.zip")
    before = contents(project.folder / "data")
    write_settings(project.folder, {"data": {"source": "local", "local": source, "tag_genome": "none"}})
    ended = project.run(sys.executable, "-m", "flows.pipeline")
    assert ended.returncode == 1
    assert "Traceback" not in ended.stdout
    said, message = ended.stdout.split("The pipeline stopped. ")
    assert message.startswith("validate: ")
    assert "user 1, movie 9999, rating 6" in message
    assert len(message.splitlines()) <= SCREEN
    assert not [line for line in message.splitlines() if line.strip() and line in said]
    assert "flows.world" not in ended.stdout
    after = contents(project.folder / "data")
    assert {name.split("/")[0] for name in after if after[name] != before.get(name)} <= {"raw", "tables", "reports"}
    for name in ("world/world.npz", "models/a3c/weights.npz", "reports/index.html"):
        assert after[name] == before[name]


@pytest.mark.ci
def test_the_pipeline_names_wrong_settings_at_once(restored):
    (restored.folder / "params.yaml").write_text("learners: {a3c: {algorithm: a3c, gamma: 2, gama: 1}}\n")
    ended = restored.run(sys.executable, "-m", "flows.pipeline")
    assert ended.returncode == 1
    shown = ended.stdout.strip().splitlines()
    assert shown[0] == "The pipeline stopped. params.yaml:"
    assert sorted(line.split(":")[0].strip() for line in shown[1:]) == ["learners.a3c.gama", "learners.a3c.gamma"]


@pytest.mark.ci
def test_ctrl_c_in_training_ends_all_loses_nothing_and_the_next_run_goes_on(restored, tmp_path):
    project, folder = restored, restored.folder
    before, lock = contents(folder / "data"), (folder / "dvc.lock").read_text()
    log = tmp_path / "log"
    source = {"data": {"source": "local", "local": str(project.archive), "tag_genome": "none"}}
    write_settings(folder, source, {"training": {"steps": 10**9, "checkpoint_every": 500}})
    # As in a terminal: all are in one process group, and there is no server but the temporary one.
    with log.open("w") as out:
        env = environment(folder, PREFECT_SERVER_API_PORT="1")
        command = [sys.executable, "-m", "flows.pipeline"]
        # Where the tests run in a shell's background, SIGINT is ignored, and a new process would inherit that.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=out, stderr=out, start_new_session=True)
    try:
        until = time.monotonic() + 90
        while "on validation users" not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.1)
        started = psutil.Process(process.pid).children(recursive=True)
        os.killpg(process.pid, signal.SIGINT)
        process.wait(timeout=30)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    assert process.returncode == 130
    shown = log.read_text()
    assert "The pipeline was interrupted; what was there before is untouched." in shown
    assert "Traceback" not in shown
    _, alive = psutil.wait_procs(started, timeout=10)
    assert alive == []
    left = contents(folder / "data")
    assert {name: left[name] for name in left if not name.startswith("checkpoints/")} == before
    assert (folder / "dvc.lock").read_text() == lock

    write_settings(folder, source, {"seed": 8})
    again = project.run("dvc", "repro", "--single-item", "train@a3c")
    assert again.returncode == 0, again.stdout
    after = contents(folder / "data")
    assert after["models/a3c/weights.npz"] != before["models/a3c/weights.npz"]
    assert {name for name in after if Path(name).name.startswith(".") or name.startswith("checkpoints")} == set()
