"""Imports go one way: flows -> tasks -> rlrec; and what is heavy stays where it belongs."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted(path for top in ("flows", "tasks", "src/rlrec") for path in (ROOT / top).rglob("*.py"))
RLREC = ROOT / "src" / "rlrec"
TRAINING = (RLREC / "agents", RLREC / "environments" / "compiled.py")
"""Where TensorFlow belongs."""


def imported(path: Path) -> Iterator[str]:
    """Every module that a file names in an import, wherever in the file it stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            assert node.module is not None
            yield node.module


def offenders(paths: list[Path], *forbidden: str) -> list[str]:
    return [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in paths
        for module in imported(path)
        if module.split(".")[0] in forbidden
    ]


def below(*tops: str) -> list[Path]:
    return [path for path in SOURCES if path.relative_to(ROOT).as_posix().startswith(tops)]


def test_all_three_layers_are_looked_at():
    assert len(below("flows/")) >= 9
    assert len(below("tasks/")) >= 7
    assert len(below("src/rlrec/")) >= 40


def test_the_library_knows_neither_flows_nor_tasks_nor_their_tools():
    assert offenders(below("src/rlrec/"), "flows", "tasks", "prefect", "dvc") == []


def test_tasks_do_not_know_flows_nor_dvc():
    assert offenders(below("tasks/"), "flows", "dvc") == []


def test_flows_reach_tensorflow_only_through_tasks():
    assert offenders(below("flows/"), "tensorflow", "keras") == []


def test_in_the_library_only_what_trains_imports_tensorflow():
    inside = [path for path in below("src/rlrec/") if {path, *path.parents} & set(TRAINING)]
    outside = [path for path in below("src/rlrec/") if path not in inside]
    assert offenders(outside, "tensorflow", "keras") == []
    assert offenders(inside, "tensorflow")


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import rlrec", "pandas"),
        ("import rlrec.evaluation", "tensorflow"),
        (
            "from rlrec.evaluation.evaluate import evaluate; from rlrec.policies.baselines.registry import BASELINES",
            "tensorflow",
        ),
        ("import rlrec.environments.sessions; import rlrec.policies.saved", "great_expectations"),
        ("import rlrec.environments.sessions; import rlrec.policies.saved", "matplotlib"),
        ("import tasks.evaluate", "tensorflow"),
    ],
)
def test_light_modules_stay_light(statement, absent):
    code = f"import sys; {statement}; sys.exit({absent!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
