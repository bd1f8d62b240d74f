"""Old runs' pages are taken out of a copy of a real server's database."""

import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest
import requests
from prefect import flow, tags, task
from prefect.artifacts import create_markdown_artifact
from prefect.runtime import flow_run
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL, temporary_settings

from flows.running.prune import PruneError, prune

pytestmark = pytest.mark.slow  # the engine's start takes seconds


@flow
def stage() -> str:
    create_markdown_artifact("a table", key="table")
    return str(flow_run.get_id())


@task
def reproduce() -> str:
    return stage()


@flow
def whole() -> list[str]:
    return [str(flow_run.get_id()), reproduce()]


@pytest.fixture(scope="module")
def made(tmp_path_factory, server, engine):
    """The database of two runs, of which the second is kept as `run-1`; with the ids of each and its stage."""
    first = whole()
    with tags("run-1", "mine"):
        second = whole()
    home = requests.get(f"{server}/admin/settings", timeout=60).json()["home"]
    path = tmp_path_factory.mktemp("made") / "prefect.db"
    with sqlite3.connect(Path(home) / "prefect.db") as source, sqlite3.connect(path) as copy:
        source.backup(copy)
    source.close()
    copy.close()
    return path, first, second


@pytest.fixture
def database(tmp_path, monkeypatch, made):
    """A copy of it in a git repository that is the current folder."""
    monkeypatch.chdir(tmp_path)
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
    for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "start"]):
        subprocess.run(["git", *identity, *command], check=True)
    subprocess.run(["git", "update-ref", "refs/exps/ab/cdef/run-1", "HEAD"], check=True)
    path = Path(shutil.copy(made[0], tmp_path))
    with temporary_settings({PREFECT_API_DATABASE_CONNECTION_URL: f"sqlite+aiosqlite:///{path}"}):
        yield path, *made[1:]


def ids(path, table, column):
    with sqlite3.connect(path) as opened:
        found = {row[0] for row in opened.execute(f"SELECT {column} FROM {table}")}
    opened.close()
    return found


def test_old_runs_go_with_all_that_is_theirs_and_kept_ones_stay(database):
    path, first, second = database
    size = path.stat().st_size
    assert set(first + second) <= ids(path, "flow_run", "id")
    assert prune(days=-1, shrink=True) >= 1  # others of the session are pruned too
    assert set(first) & ids(path, "flow_run", "id") == set()
    assert set(second) <= ids(path, "flow_run", "id")
    for table in ("log", "artifact", "task_run", "flow_run_state"):
        assert ids(path, table, "flow_run_id") <= ids(path, "flow_run", "id") | {None}, table
    assert second[1] in ids(path, "artifact", "flow_run_id")
    assert ids(path, "events", "id") == set()
    assert path.stat().st_size < size


def test_runs_that_ended_lately_stay(database):
    path, first, second = database
    prune(days=1)
    assert set(first + second) <= ids(path, "flow_run", "id")


def test_where_git_does_not_say_which_runs_are_kept_nothing_is_pruned(database):
    path, first, _ = database
    Path(".git", "HEAD").unlink()
    with pytest.raises(PruneError, match="nothing is pruned, since git"):
        prune(days=-1)
    assert set(first) <= ids(path, "flow_run", "id")


def test_without_a_database_there_is_nothing_to_prune(tmp_path):
    with (
        temporary_settings({PREFECT_API_DATABASE_CONNECTION_URL: f"sqlite+aiosqlite:///{tmp_path / 'none.db'}"}),
        pytest.raises(PruneError, match=r"none\.db"),
    ):
        prune(days=1)
