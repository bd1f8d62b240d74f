import json
import shutil
from pathlib import Path

import pytest

from rlrec.errors import DataError
from rlrec.reporting.inputs import CURVE_COLUMNS, load_inputs, load_matrix

FILES = [
    "raw/provenance.json",
    "world/fidelity.json",
    "reports/validation/summary.json",
    "reports/training.csv",
    "reports/training.json",
    "reports/evaluation.json",
    "reports/comparison.csv",
    "reports/regret.csv",
    "reports/offline.csv",
    "reports/sessions.json",
]


@pytest.fixture
def data(finished_stages: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished_stages, tmp_path / "data"))


def test_the_curve_has_the_columns_that_training_writes() -> None:
    from rlrec.agents.train import CurvePoint

    assert CurvePoint._fields == CURVE_COLUMNS


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(data: Path, name: str) -> None:
    (data / name).unlink()
    with pytest.raises(DataError, match="is missing") as caught:
        load_inputs(data)
    assert str(data / name) in str(caught.value)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b"[1, 2]"])
def test_a_broken_file_is_named(data: Path, name: str, content: bytes) -> None:
    (data / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        load_inputs(data)
    assert str(data / name) in str(caught.value)


def test_a_wrong_value_is_named_by_its_path(data: Path) -> None:
    path = data / "reports" / "sessions.json"
    sessions = json.loads(path.read_text())
    del sessions["sessions"][1]["steps"][0]["movies"][0]["title"]
    path.write_text(json.dumps(sessions))
    with pytest.raises(DataError, match=r"sessions\.1\.steps\.0\.movies\.0\.title: Field required"):
        load_inputs(data)


def test_a_table_without_a_column_says_which(data: Path) -> None:
    path = data / "reports" / "training.csv"
    path.write_text(path.read_text().replace("entropy", "surprise"))
    with pytest.raises(DataError, match="has no column 'entropy'"):
        load_inputs(data)


def test_text_where_numbers_belong_is_an_error(data: Path) -> None:
    path = data / "reports" / "comparison.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], "a3c,1,return,many,1,2,0,0,0,1,1,0,0.5", *lines[2:]]))
    with pytest.raises(DataError, match="the column 'mean' must hold numbers, but holds 'many'"):
        load_inputs(data)


@pytest.mark.parametrize("name", ["comparison", "regret", "offline"])
def test_a_comparison_without_a3c_is_an_error(data: Path, name: str) -> None:
    path = data / "reports" / f"{name}.csv"
    path.write_text(path.read_text().replace("_a3c", "").replace("a3c,", "a2c,").replace("diff_from", "diff_from_a3c"))
    with pytest.raises(DataError, match="no row of the policy 'a3c'"):
        load_inputs(data)


def test_a_table_without_rows_is_an_error(data: Path) -> None:
    path = data / "reports" / "training.csv"
    path.write_text(path.read_text().splitlines()[0] + "\n")
    with pytest.raises(DataError, match="has no rows"):
        load_inputs(data)


def test_the_matrix_is_read_where_it_was_filled(data: Path, filled_matrix: Path) -> None:
    folder = data / "reports" / "matrix"
    (folder / "runs").mkdir(parents=True)
    assert load_inputs(data).matrix is None
    shutil.copytree(filled_matrix, folder, dirs_exist_ok=True)
    found = load_inputs(data).matrix
    assert found is not None
    assert set(found.comparison["scenario"]) == set(found.regret["scenario"]) == set(found.settings["scenarios"])


@pytest.mark.parametrize("name", ["matrix.json", "regret.csv"])
def test_half_a_matrix_is_an_error(filled_matrix: Path, tmp_path: Path, name: str) -> None:
    folder = Path(shutil.copytree(filled_matrix, tmp_path / "matrix"))
    (folder / name).unlink()
    with pytest.raises(DataError, match="is missing"):
        load_matrix(folder)


def test_json_without_a_bottom_is_an_error(data: Path) -> None:
    (data / "reports" / "training.json").write_text("[" * 100_000)
    with pytest.raises(DataError, match=r"training\.json is not valid JSON"):
        load_inputs(data)
