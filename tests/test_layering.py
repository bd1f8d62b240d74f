"""Imports go one way: flows -> tasks -> rlrec, and inside rlrec downwards; what is heavy stays where it belongs.

`docs/architecture.md` shows the same.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted(path for top in ("flows", "tasks", "src/rlrec") for path in (ROOT / top).rglob("*.py"))
RLREC = ROOT / "src" / "rlrec"
TRAINING = (RLREC / "agents", *(RLREC / "environments").glob("compiled*.py"))
"""Where TensorFlow belongs."""
PACKAGES = (
    *("errors", "settings", "storage", "metrics", "statistics", "data", "worlds", "environments", "policies"),
    *("agents", "evaluation", "experiments", "reporting", "recommending", "testing"),
)
"""Of rlrec, from low to high: each may import those before it."""
MOST_LINES = 350
WORDS = {"value", "start", "updates", "epsilon"}
"""Settings of algorithms whose names are words that everybody uses."""


def module(path: Path) -> str:
    """Dotted name of a file; a package's is that of its folder."""
    parts = path.relative_to(RLREC.parent if RLREC in path.parents else ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module(path): path for path in SOURCES}


def imported(path: Path) -> Iterator[str]:
    """Every module that a file names in an import, wherever in the file it stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            assert node.module is not None
            yield node.module


def needed(path: Path) -> set[str]:
    """The modules of ours that a file imports, wherever in the file, also for type checkers alone."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else str(node.module) for name in inner}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found & MODULES.keys()


def package(name: str) -> str | None:
    """Of `rlrec.a.b` it is `a`; of `rlrec` itself, whose names come from everywhere, and of others there is none."""
    top, _, rest = name.partition(".")
    return rest.partition(".")[0] if top == "rlrec" and rest else None


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


def test_every_package_of_the_library_has_its_place():
    assert {package(name) for name in MODULES} - {None, "__main__"} == set(PACKAGES)


def test_in_the_library_no_import_points_upwards():
    upwards = [
        f"{name} imports {other}"
        for name, path in MODULES.items()
        for other in needed(path)
        if package(name) in PACKAGES
        and package(other) in PACKAGES
        and PACKAGES.index(package(other)) > PACKAGES.index(package(name))
    ]
    assert upwards == []


def test_the_architecture_shows_the_packages_in_their_order_with_what_each_imports():
    found = {name: set() for name in PACKAGES}
    for name, path in MODULES.items():
        if package(name) in found:
            found[package(name)] |= {package(other) for other in needed(path)} & set(PACKAGES) - {package(name)}
    imports = [(name, ", ".join(sorted(found[name], key=PACKAGES.index))) for name in PACKAGES]
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert [
        row for row in re.findall(r"^\| `(\w+)` \| .* \| ?(.*?) \|$", page, re.MULTILINE) if row[0] in found
    ] == imports


def test_no_modules_import_one_another_in_a_circle():
    graph = {name: needed(path) - {"rlrec"} for name, path in MODULES.items()}
    assert sum(map(len, graph.values())) > 500
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_no_module_is_long():
    lines = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in MODULES.items()}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def test_what_trains_knows_no_algorithm():
    """Neither imports one nor names one, in code or in words, nor a figure or a setting of one."""
    from rlrec.agents.registry import AGENTS
    from rlrec.settings.learner import LearnerConfig
    from rlrec.settings.learners import ALGORITHMS

    training = below("src/rlrec/agents/distributed/")
    assert len(training) >= 7
    allowed = ("rlrec.agents.agent", "rlrec.agents.distributed")
    for path in training:
        assert [name for name in needed(path) if package(name) == "agents" and not name.startswith(allowed)] == []
    own = {field for kind in ALGORITHMS.values() for field in kind.model_fields} - LearnerConfig.model_fields.keys()
    figures = {figure for agent in AGENTS.values() for figure in agent.figures}
    words = {*AGENTS, *(agent.label for agent in AGENTS.values()), *own - WORDS, *figures}
    assert {"a3c", "gamma", "entropy"} <= words
    for path in training:
        text = path.read_text(encoding="utf-8")
        assert [word for word in words if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE)] == []


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
        ("import tasks.evaluate; import tasks.compare", "scipy.signal"),
    ],
)
def test_light_modules_stay_light(statement, absent):
    assert absent not in loaded_by(statement)


@cache
def loaded_by(statement: str) -> frozenset[str]:
    """The modules that are there once a new process has run the statement."""
    code = f"import sys; {statement}; print(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    loaded = frozenset(ended.stdout.split())
    assert "rlrec" in loaded
    return loaded
