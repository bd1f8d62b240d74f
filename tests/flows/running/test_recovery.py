import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from dvc.repo import Repo
from dvc.utils.strictyaml import load

from flows.running.recovery import ConflictError, Lockfile, raising_what_dvc_logs, recover

LOCK = """schema: '2.0'
stages:
  download:
    cmd: python -m flows.download
    deps:
    - path: flows/download.py
      hash: md5
      md5: 6eec7d4ef9d4f8eb4c7df0b8ed2a1f6b
      size: 327
    params:
      params.yaml:
        data:
          name: ml-100k
          source: auto
    outs:
    - path: data/tables
      hash: md5
      md5: 5f8a0d3a9fb02a8f7ed9fb70f2f9ab6e.dir
      size: 912345
      nfiles: 3
  validate:
    cmd: python -m flows.validate
    outs:
    - path: data/reports/validation
      hash: md5
      md5: 0123456789abcdef0123456789abcdef.dir
      size: 84422
      nfiles: 5
"""


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A DVC repository, which is the current folder."""
    monkeypatch.chdir(tmp_path)
    Repo.init(no_scm=True).close()
    return tmp_path


@pytest.mark.parametrize(("name", "how"), [("dvc.lock", "git checkout --ours dvc.lock"), ("dvc.yaml", "edit it")])
def test_a_merge_that_was_not_finished_is_told_as_such_and_left_alone(repo: Path, name: str, how: str) -> None:
    (repo / "dvc.lock").write_text(LOCK)
    recover()
    ours = LOCK.replace("5f8a", "1111")
    conflict = f"<<<<<<< HEAD\n{ours}=======\n{LOCK}>>>>>>> other\n"
    (repo / name).write_text(conflict)
    with pytest.raises(ConflictError, match=rf"^{name} has a merge conflict: .*{how}"):
        recover()
    assert (repo / name).read_text() == conflict


def test_a_lock_file_torn_anywhere_is_one_that_dvc_reads_again(repo: Path) -> None:
    lock = repo / "dvc.lock"
    lock.write_text(LOCK)
    recover()
    for length in range(0, len(LOCK), 41):
        lock.write_text(LOCK[:length])
        recover()
        if lock.read_text() != LOCK:  # cut at the end of a line, it can be a lock file of fewer stages
            assert load("dvc.lock", Lockfile.SCHEMA)[0]
            assert LOCK[length - 1] == "\n"
            lock.write_text(LOCK)
            recover()


def test_a_torn_lock_file_without_a_copy_is_removed(repo: Path) -> None:
    (repo / "dvc.lock").write_text(LOCK[:60])
    recover()
    assert not (repo / "dvc.lock").exists()


def test_a_lock_file_that_was_removed_does_not_come_back(repo: Path) -> None:
    (repo / "dvc.lock").write_text(LOCK)
    recover()
    (repo / "dvc.lock").unlink()
    recover()
    (repo / "dvc.lock").write_text("")
    recover()
    assert not (repo / "dvc.lock").exists()


def test_what_a_stage_made_and_the_cache_did_not_get_is_an_error(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "made", None, "cache")

    (repo / "dvc.yaml").write_text("stages: {make: {cmd: echo > made, outs: [made]}}\n")
    monkeypatch.setattr("dvc_objects.fs.local.copyfile", full)
    # DVC itself takes the stage for done, or stumbles over something else.
    with pytest.raises(OSError, match="No space left on device: 'cache'"), raising_what_dvc_logs(), Repo() as opened:
        opened.reproduce("make")


@pytest.fixture
def record(repo: Path) -> Path:
    return repo / ".dvc" / "tmp" / "rwlock"


def held_by(pid: int) -> str:
    holder = {"pid": pid, "cmd": "flows/pipeline.py"}
    return json.dumps({"write": {"/data/tables": holder}, "read": {"/src": [holder]}})


@pytest.mark.parametrize("content", ["", '{"write": {"/data/tab', "[]", '{"write": {"/data": 3}, "read": {}}'])
def test_a_torn_record_of_who_works_is_removed(record: Path, content: str) -> None:
    record.write_text(content)
    recover()
    assert not record.exists()


def test_a_record_of_the_dead_is_removed(record: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    record.write_text(held_by(ended.pid))
    recover()
    assert not record.exists()


def test_a_number_that_another_process_has_by_now_is_not_taken_for_the_one_that_was_killed(record: Path) -> None:
    record.write_text(held_by(os.getpid()))
    os.utime(record, (10**9, 10**9))  # this process was started long after that
    recover()
    assert not record.exists()


def test_a_record_of_somebody_at_work_stays(record: Path) -> None:
    record.write_text(held_by(os.getpid()))
    recover()
    assert record.read_text() == held_by(os.getpid())


def test_copies_begun_in_the_cache_are_removed_and_nothing_else(repo: Path) -> None:
    cache = repo / ".dvc" / "cache" / "files" / "md5"
    (cache / "a5").mkdir(parents=True)
    for name in ("a5/f321", "a5/.mlW22deg48Jv55X2OJkNog.tmp", ".6_rZC-GXL-lG0oYJGn92Aw.tmp"):
        (cache / name).write_text(name)
    recover()
    assert [path.name for path in cache.rglob("*") if path.is_file()] == ["f321"]
