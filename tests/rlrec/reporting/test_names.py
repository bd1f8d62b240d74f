"""The report takes all names from what it reads."""

import re
from pathlib import Path

import pytest

import rlrec.reporting
from rlrec.policies.baselines import BASELINES
from rlrec.settings.learners import ALGORITHMS

FOLDER = Path(rlrec.reporting.__file__).parent
FILES = sorted(path for path in FOLDER.rglob("*") if path.suffix in (".py", ".j2", ".css"))
WORDS = {"random"}
"""Names that are words of their own; they count as names only in quotes."""


def names() -> set[str]:
    labels = {make.note.label for make in BASELINES.values()}  # type: ignore[attr-defined]
    return {*BASELINES, *labels, *ALGORITHMS, "lird", "Zhao's", "actor-critic", "bandit", "oracle"} - {"Random"}


def test_there_is_something_to_look_at() -> None:
    assert len(FILES) >= 15
    assert {"random", "EASE", "a3c", "a2c", "thesis"} <= names()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_no_policy_and_no_algorithm_is_known_by_its_name(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for name in names():
        pattern = rf"""["']{name}["']""" if name in WORDS else rf"(?<![\w#]){re.escape(name)}(?!\w)"
        found = re.search(pattern, text, re.IGNORECASE)
        assert found is None, f"{path.name}: {text[max(found.start() - 40, 0) : found.end() + 40]!r}"
