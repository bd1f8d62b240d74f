"""Inside `rlrec.data` imports go one way: dataset, registry, reading, sources, checking, judging, prepare, survey."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[3] / "src" / "rlrec" / "data"
BELOW: dict[str, set[str]] = {
    "dataset": set(),
    "registry": {"dataset"},
    "reading": {"dataset", "registry"},
    "sources": {"dataset", "registry", "reading"},
    "checking": {"dataset", "registry"},
    "own": {"dataset"},
    "prepare": {"dataset", "reading", "sources", "own"},
    "judging": {"dataset", "registry", "checking"},
    "survey": {"dataset", "registry", "reading", "sources", "checking", "judging"},
}
"""What each part may import of the others."""


def _modules(part: str) -> list[Path]:
    single = DATA / f"{part}.py"
    return [single] if single.is_file() else sorted((DATA / part).rglob("*.py"))


def _names(path: Path) -> Iterator[str]:
    """Full names of what a module imports, wherever in the file: `a.b.c` for `from a.b import c`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _imported(part: str) -> set[str]:
    """The other parts that a part imports."""
    names = (name.split(".") for path in _modules(part) for name in _names(path))
    return {name[2] for name in names if name[:2] == ["rlrec", "data"] and len(name) > 2} - {part}


def test_every_part_has_its_place() -> None:
    found = {path.stem for path in DATA.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert found - {"__init__"} == set(BELOW)


@pytest.mark.parametrize("part", BELOW)
def test_a_part_imports_only_what_is_below_it(part: str) -> None:
    assert _imported(part) <= BELOW[part]


def test_imports_are_seen_at_all() -> None:
    assert _imported("prepare") == {"dataset", "reading", "sources", "own"}
    assert _imported("checking") >= {"dataset"}


def test_what_is_allowed_is_no_circle() -> None:
    assert [*TopologicalSorter(BELOW).static_order()][:2] == ["dataset", "registry"]


def test_the_package_itself_imports_nothing() -> None:
    assert list(_names(DATA / "__init__.py")) == []
