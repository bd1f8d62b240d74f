import json
from pathlib import Path

import pytest
from worlds import small_world

from benchmarks import environments
from benchmarks.workers import Unfinished
from rlrec.errors import RlrecError


def test_each_kind_is_measured_as_often_as_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = tmp_path / "world.npz"
    small_world().save(world)
    output = tmp_path / "environments.json"
    environments.main(steps=50, size=2, repeats=2, profile=True, world=world, output=output)
    (record,) = json.loads(output.read_text())
    (found,) = record["figures"].values()
    assert [len(speeds) for speeds in found.values()] == [2, 2, 2]
    assert all(speed > 0 for speeds in found.values() for speed in speeds)
    assert "function calls" in capsys.readouterr().out


def test_builds_are_measured_in_turns_each_with_its_own_code(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def worker(module: str, settings: object, **more: object) -> dict[str, float]:
        environment = more["environment"]
        assert isinstance(environment, dict)
        asked.append(environment["PYTHONPATH"].split(":")[0])
        return {"one session": float(len(asked))}

    monkeypatch.setattr(environments, "run_worker", worker)
    found = environments.in_turns({"old": Path("/old"), "new": Path("/new")}, {}, 2)
    assert asked == ["/old/src", "/new/src", "/old/src", "/new/src"]
    assert found == {"old": {"one session": [1, 3]}, "new": {"one session": [2, 4]}}
    monkeypatch.setattr(environments, "run_worker", lambda *_, **__: Unfinished("over 600 s"))
    with pytest.raises(RlrecError, match="new: over 600 s"):
        environments.in_turns({"new": Path("/new")}, {}, 1)
