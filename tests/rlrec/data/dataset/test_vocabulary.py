from pathlib import Path

import pytest

from rlrec.data.dataset.vocabulary import load_vocabulary, save_vocabulary
from rlrec.errors import DataError


def test_what_was_saved_is_read_by_number(tmp_path: Path) -> None:
    save_vocabulary({"user": ("ann", "bob"), "movie": ("é",)}, tmp_path)
    assert load_vocabulary(tmp_path, "user") == {1: "ann", 2: "bob"}
    assert load_vocabulary(tmp_path, "movie") == {1: "é"}


def test_where_ids_are_numbers_there_is_no_file(tmp_path: Path) -> None:
    save_vocabulary({}, tmp_path)
    assert not list(tmp_path.iterdir())
    assert load_vocabulary(tmp_path, "user") == {}


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "vocabulary.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(DataError, match=r"vocabulary\.parquet is not a readable vocabulary"):
        load_vocabulary(tmp_path, "user")
