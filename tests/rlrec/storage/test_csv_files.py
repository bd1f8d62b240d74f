from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rlrec.errors import DataError
from rlrec.storage.csv_files import Columns, read_csv, to_csv

COLUMNS: Columns = {"policy": str, "steps": int, "mean": float}


@pytest.fixture
def table() -> pd.DataFrame:
    rows = [("7", 1, 0.1 + 0.2), ("NA", 2, float("nan")), ("ε, mine", 3, -np.inf)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def test_what_was_written_is_read_to_the_last_digit_and_names_stay_names(table: pd.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(to_csv(table, COLUMNS))
    found = read_csv(tmp_path / "t.csv", COLUMNS)
    assert found["policy"].tolist() == ["7", "NA", "ε, mine"]
    assert np.array_equal(found[["steps", "mean"]].to_numpy(), table[["steps", "mean"]].to_numpy(), equal_nan=True)


def test_every_number_is_read_as_it_was_written(tmp_path: Path) -> None:
    """pandas 2.3 reads another last digit in a third of them: hence the range of versions in pyproject.toml."""
    rng = np.random.default_rng(0)
    means = rng.normal(size=2_000) * 10.0 ** rng.integers(-12, 12, 2_000)
    table = pd.DataFrame({"policy": "a", "steps": 1, "mean": means})
    (tmp_path / "t.csv").write_bytes(to_csv(table, COLUMNS))
    assert np.array_equal(read_csv(tmp_path / "t.csv", COLUMNS)["mean"].to_numpy(), means)


@pytest.mark.parametrize("columns", [["policy", "mean", "steps"], ["policy", "steps"]])
def test_a_table_with_other_columns_is_not_written(table: pd.DataFrame, columns: list[str]) -> None:
    with pytest.raises(ValueError, match="has the columns"):
        to_csv(table[columns], COLUMNS)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("policy,mean\na,1\n", "has no column 'steps'"),
        ("policy,steps,mean\n", "has no rows"),
        ("policy,steps,mean\na,1,1.0\nb,2,many\n", "the column 'mean' must hold numbers, but holds 'many'"),
        ("policy,steps,mean\nb,2,many\n", "the column 'mean' must hold numbers, but holds 'many'"),
        ("", "is not a table"),
    ],
)
def test_what_is_wrong_with_a_table_is_told_with_its_file(tmp_path: Path, content: str, why: str) -> None:
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(DataError, match=rf"t\.csv.*({why})"):
        read_csv(tmp_path / "t.csv", COLUMNS)


def test_a_table_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"t\.csv is missing"):
        read_csv(tmp_path / "t.csv", COLUMNS)
    (tmp_path / "t.csv").mkdir()
    with pytest.raises(DataError, match=r"cannot read .*t\.csv"):
        read_csv(tmp_path / "t.csv", COLUMNS)
