import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from rlrec.errors import DataError
from rlrec.reporting.cast import Cast
from rlrec.reporting.inputs import Inputs, load_inputs, load_matrix

FILES = [
    "raw/provenance.json",
    "world/fidelity.json",
    "reports/validation/summary.json",
    "reports/train/mine/curve.csv",
    "reports/train/mine/training.json",
    "reports/evaluate/evaluation.json",
    "reports/evaluate/sessions.json",
    "reports/compare/policies.json",
    "reports/compare/comparison.csv",
    "reports/compare/regret.csv",
    "reports/compare/offline.csv",
]


@pytest.fixture
def data(finished_stages: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished_stages, tmp_path / "data"))


def test_learners_are_read_by_their_names_the_reference_first(data: Path, two_learners: Inputs) -> None:
    assert list(load_inputs(data).learners) == ["mine"]
    assert list(two_learners.learners) == ["together", "other"]
    assert [one.summary.label for one in two_learners.learners.values()] == ["A2C", "Another"]
    assert two_learners.learners["other"].figures == ["mean_return", "ctr", "entropy", "policy_loss", "value_loss"]
    assert two_learners.cast.reference == "together"


def test_a_reference_that_was_not_evaluated_is_an_error(data: Path) -> None:
    path = data / "reports" / "compare" / "policies.json"
    path.write_text(path.read_text().replace('"reference": "mine"', '"reference": "random"'))
    with pytest.raises(DataError, match=r"evaluation\.json has no learner 'random', the reference"):
        load_inputs(data)


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
    path = data / "reports" / "evaluate" / "sessions.json"
    sessions = json.loads(path.read_text())
    del sessions["sessions"][1]["steps"][0]["movies"][0]["title"]
    path.write_text(json.dumps(sessions))
    with pytest.raises(DataError, match=r"sessions\.1\.steps\.0\.movies\.0\.title: Field required"):
        load_inputs(data)


def test_a_table_without_a_column_says_which(data: Path) -> None:
    path = data / "reports" / "train" / "mine" / "curve.csv"
    path.write_text(path.read_text().replace("validation_return", "surprise"))
    with pytest.raises(DataError, match="has no column 'validation_return'"):
        load_inputs(data)


def test_text_where_numbers_belong_is_an_error(data: Path) -> None:
    path = data / "reports" / "compare" / "comparison.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], "mine,1,return,many,1,2,mine,0,0,0,1,1,0,0.5", *lines[2:]]))
    with pytest.raises(DataError, match="the column 'mean' must hold numbers, but holds 'many'"):
        load_inputs(data)


@pytest.mark.parametrize("name", ["comparison", "regret", "offline"])
def test_a_comparison_without_the_reference_is_an_error(data: Path, name: str) -> None:
    path = data / "reports" / "compare" / f"{name}.csv"
    table = pd.read_csv(path)
    table[table["policy"] != "mine"].to_csv(path, index=False)
    with pytest.raises(DataError, match=rf"{name}\.csv has no row of the policy 'mine', the reference"):
        load_inputs(data)


def test_a_comparison_with_somebody_else_is_an_error(data: Path) -> None:
    path = data / "reports" / "compare" / "comparison.csv"
    pd.read_csv(path).assign(reference="random").to_csv(path, index=False)
    with pytest.raises(DataError, match=r"comparison\.csv compares with 'random', but the reference is 'mine'"):
        load_inputs(data)


@pytest.mark.parametrize("name", ["offline", "interactive"])
def test_a_table_of_real_people_says_itself_with_whom_it_compares(data: Path, name: str) -> None:
    path = data / "reports" / "compare" / f"{name}.csv"
    pd.read_csv(path).assign(reference="random").to_csv(path, index=False)
    inputs = load_inputs(data)
    cast = inputs.people if name == "offline" else inputs.cold
    assert (cast.reference, inputs.cast.reference) == ("random", "mine")

    pd.read_csv(path).assign(reference=lambda table: table["policy"]).to_csv(path, index=False)
    with pytest.raises(DataError, match=rf"{name}\.csv compares with '\w+', but the reference is"):
        load_inputs(data)


def test_a_table_without_rows_is_an_error(data: Path) -> None:
    path = data / "reports" / "train" / "mine" / "curve.csv"
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
    assert found.cast.mine == "A3C"
    assert set(found.comparison["scenario"]) == set(found.regret["scenario"]) == set(found.grid.scenarios)


@pytest.mark.parametrize("name", ["matrix.json", "regret.csv"])
def test_half_a_matrix_is_an_error(filled_matrix: Path, tmp_path: Path, name: str, cast: Cast) -> None:
    folder = Path(shutil.copytree(filled_matrix, tmp_path / "matrix"))
    (folder / name).unlink()
    with pytest.raises(DataError, match="is missing"):
        load_matrix(folder, cast)


def test_json_without_a_bottom_is_an_error(data: Path) -> None:
    (data / "reports" / "train" / "mine" / "training.json").write_text("[" * 100_000)
    with pytest.raises(DataError, match=r"training\.json is not valid JSON"):
        load_inputs(data)
