import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from rlrec.errors import DataError
from rlrec.storage.json_files import read_json, to_json


class Scale(BaseModel):
    lowest: int = 1


@dataclass(frozen=True)
class Part:
    span: tuple[float, float] | None
    kept: Annotated[float, Field(alias="return")]


@dataclass(frozen=True)
class Whole:
    name: str
    parts: dict[str, Part]
    scale: Scale


WHOLE = Whole("é", {"a": Part((1.5, 0.1), 2.0), "b": Part(None, 1 / 3)}, Scale(lowest=2))


def test_what_json_lacks_becomes_null_at_any_depth() -> None:
    value = {"a": float("nan"), "b": [1.5, float("inf"), (float("-inf"), {"c": np.float64("nan")})]}
    assert json.loads(to_json(value)) == {"a": None, "b": [1.5, None, [None, {"c": None}]]}
    assert json.loads(to_json(Part(None, float("nan")))) == {"span": None, "return": None}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=10,
    )
)
def test_json_is_strict_and_gives_back_what_was_finite(value: object) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    read = json.loads(to_json(value), parse_constant=refuse)
    assert to_json(read) == to_json(value)
    assert to_json(value).endswith(b"\n")


def test_what_was_written_is_read_to_the_last_digit(tmp_path: Path) -> None:
    (tmp_path / "w.json").write_bytes(to_json(WHOLE))
    assert read_json(tmp_path / "w.json", Whole) == WHOLE
    assert json.loads(to_json(WHOLE))["parts"]["a"] == {"span": [1.5, 0.1], "return": 2.0}


def test_a_file_may_hold_more_than_its_class(tmp_path: Path) -> None:
    told = json.loads(to_json(WHOLE))
    told["parts"]["a"]["more"] = told["more"] = 1
    (tmp_path / "w.json").write_text(json.dumps(told))
    assert read_json(tmp_path / "w.json", Whole) == WHOLE


def test_a_wrong_value_is_named_by_file_and_path(tmp_path: Path) -> None:
    told = json.loads(to_json(WHOLE))
    del told["parts"]["b"]["return"]
    (tmp_path / "w.json").write_text(json.dumps(told))
    with pytest.raises(DataError, match=r"w\.json is not what it should be: parts\.b\.return: Field required"):
        read_json(tmp_path / "w.json", Whole)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not valid JSON"),
        (b"\xff\xfe\x00", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b"[]", "the file: "),
    ],
)
def test_what_is_no_json_or_another_value_is_told(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "w.json").write_bytes(content)
    with pytest.raises(DataError, match=rf"w\.json.*{why}"):
        read_json(tmp_path / "w.json", Whole)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"w\.json is missing"):
        read_json(tmp_path / "w.json", Whole)
    (tmp_path / "w.json").mkdir()
    with pytest.raises(DataError, match=r"cannot read .*w\.json"):
        read_json(tmp_path / "w.json", Whole)
