import subprocess
from pathlib import Path
from typing import Any

import pytest
from jobs import job

from benchmarks import against
from benchmarks.against import asked_of, in_turns, ratio_table, worktree
from benchmarks.workers import Unfinished
from rlrec.errors import RlrecError


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two commits of one file, `older` and `newer`."""
    git(tmp_path, "init", "--quiet")
    for content in ("older", "newer"):
        (tmp_path / "build").write_text(content)
        git(tmp_path, "add", "build")
        git(tmp_path, "commit", "--quiet", "-m", content)
    return tmp_path


def test_a_commit_s_files_are_there_as_long_as_they_are_needed(repository: Path) -> None:
    with worktree("HEAD~1", repository) as folder:
        assert (folder / "build").read_text() == "older"
        assert (repository / "build").read_text() == "newer"

    assert not folder.exists()
    assert len(git(repository, "worktree", "list").splitlines()) == 1


def test_an_unknown_commit_is_told(repository: Path) -> None:
    with pytest.raises(RlrecError, match=r"worktree add .*no-such-commit"), worktree("no-such-commit", repository):
        pass


def test_a_build_without_learners_is_asked_in_its_own_form(tmp_path: Path) -> None:
    training = job("a2c", hidden=9, users=3, agents=2, slate_size=4, features="genres")
    asked = {"movies": 500, "seconds": 1.0, "world": "w", "job": training.model_dump(mode="json")}

    older = asked_of(tmp_path, asked)

    assert {name: older[name] for name in ("movies", "users", "slate_size", "agents", "seconds", "world")} == {
        "movies": 500, "users": 3, "slate_size": 4, "agents": 2, "seconds": 1.0, "world": "w",
    }  # fmt: skip
    train, scenario = older["config"]["train"], older["config"]["scenario"]
    assert (train["hidden"], train["synchronous"], train["network"], train["agents"]) == (9, True, "bilinear", 2)
    assert scenario["features"] == "genres"
    assert not {"algorithm", "label", "learns_from", "observation", "features"} & set(train)
    assert train["steps"] == training.training.steps


def test_a_build_with_learners_is_asked_as_today_s(tmp_path: Path) -> None:
    (tmp_path / "src/rlrec/settings").mkdir(parents=True)
    (tmp_path / "src/rlrec/settings/learners.py").touch()
    asked = {"job": job().model_dump(mode="json")}

    assert asked_of(tmp_path, asked) is asked


def test_builds_take_turns_and_the_ratio_is_of_the_same_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    speeds, order = {"older": iter([100.0, 50.0]), "newer": iter([90.0, 60.0])}, []

    def run(module: str, asked: Any, *, folder: Path, environment: dict[str, str], **limits: Any) -> dict[str, float]:
        assert environment == {"PYTHONPATH": str(folder / "src")}
        order.append(folder.name)
        return {"steps_per_second": next(speeds[folder.name])}

    monkeypatch.setattr(against, "run_worker", run)
    asked = {"movies": 500, "seconds": 1.0, "world": "w", "job": job().model_dump(mode="json")}

    [row] = in_turns(tmp_path / "older", [asked], 2, 60, 1, newer=tmp_path / "newer")

    assert row == {"older": [100.0, 50.0], "newer": [90.0, 60.0], "ratios": [0.9, 1.2]}
    assert order == ["newer", "older", "older", "newer"]
    sizes = {"movies": 500, "users": 64, "slate_size": 1, "agents": 1}
    assert ratio_table("abc", [sizes | row]).row_count == 1


def test_a_build_that_gives_nothing_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(against, "run_worker", lambda *arguments, **named: Unfinished("over 9 s"))
    asked = {"movies": 500, "seconds": 1.0, "world": "w", "job": job().model_dump(mode="json")}

    with pytest.raises(RlrecError, match="newer: over 9 s"):
        in_turns(tmp_path / "older", [asked], 1, 9, 1, newer=tmp_path / "newer")
