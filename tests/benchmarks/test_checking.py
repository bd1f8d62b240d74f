import json
from pathlib import Path

import pytest

from benchmarks.checking import checked, main
from rlrec.errors import RlrecError


@pytest.mark.slow
@pytest.mark.ci
def test_both_kinds_of_data_are_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(ratings=30_000, users=200, movies=540, runs=1, output=tmp_path / "record.json")
    assert "seconds of CPU" in capsys.readouterr().out
    figures = json.loads((tmp_path / "record.json").read_text())[0]["figures"]
    assert len(figures) == 2
    assert all(found["cpu"] > 0 and found["clock"] > 0 for found in figures.values())


def test_what_fails_is_no_measurement(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("user,item\n1,2\n")
    with pytest.raises(RlrecError, match="three users are needed"):
        checked(tmp_path / "mine.csv", runs=1)
