import json
from pathlib import Path

import pytest
from worlds import small_world

from benchmarks import environments


def test_each_kind_is_measured_as_often_as_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = tmp_path / "world.npz"
    small_world().save(world)
    output = tmp_path / "environments.json"
    environments.main(steps=50, size=2, repeats=2, profile=True, world=world, output=output)
    (record,) = json.loads(output.read_text())
    assert [len(speeds) for speeds in record["figures"].values()] == [2, 2, 2]
    assert all(speed > 0 for speeds in record["figures"].values() for speed in speeds)
    assert "function calls" in capsys.readouterr().out
