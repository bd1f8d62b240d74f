import json
from pathlib import Path

import pytest

from benchmarks.records import append_record, read_records, run_command
from rlrec.errors import DataError, WorldError


def test_records_are_added_and_none_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "new" / "speed.json"
    for number in range(3):
        append_record(path, settings={"number": number}, figures=[number], packages=["pytest", "no-such-package"])

    records = read_records(path)

    assert [record["settings"]["number"] for record in records] == [0, 1, 2]
    assert records[0]["versions"]["pytest"] == pytest.__version__
    assert records[0]["versions"]["no-such-package"] == "none"
    assert records[0]["machine"]["cores"] >= 1
    assert [file.name for file in path.parent.iterdir()] == ["speed.json"]


def test_a_figure_that_json_cannot_hold_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "speed.json"
    append_record(path, settings={}, figures=1.0)
    before = path.read_bytes()

    with pytest.raises(ValueError, match="not JSON compliant"):
        append_record(path, settings={}, figures=float("nan"))

    assert path.read_bytes() == before


@pytest.mark.parametrize("content", ["{", json.dumps({"a": 1}), json.dumps([1])])
def test_a_file_of_something_else_is_named_and_kept(tmp_path: Path, content: str) -> None:
    path = tmp_path / "speed.json"
    path.write_text(content)

    with pytest.raises(DataError, match=r"speed\.json"):
        append_record(path, settings={}, figures=1)

    assert path.read_text() == content


def test_an_error_of_the_users_making_is_told_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def main() -> None:
        raise WorldError("there is no world at nowhere.npz")

    monkeypatch.setattr("sys.argv", ["benchmark"])
    with pytest.raises(SystemExit) as ended:
        run_command(main)

    assert ended.value.code == 1
    assert "Traceback" not in capsys.readouterr().err
