"""What `dvc.yaml` says that a stage's results depend on is what the stage imports: no more, and no less."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from rlrec.experiments.closure import SOURCE, closure, imports

ROOT = Path(__file__).resolve().parents[1]
SUPPORT = {f"tasks.{name}" for name in ("artifacts", "paths", "progress", "versions")} | {"flows.running"}
"""What runs stages and tells of them: without it, the same files come out."""
WHOLE = tuple(SOURCE / name for name in ("settings", "storage", "metrics", "statistics", "data/dataset"))
"""Packages that are named whole where any of them is needed: small, seldom changed, and needed by nearly all stages."""


def stages() -> dict[str, dict[str, Any]]:
    graph = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
    return {name: stage.get("do", stage) for name, stage in graph["stages"].items()}


def code_of(stage: str) -> set[Path]:
    """Files of the stage's flow and tasks, and of all of rlrec that these import."""
    own, waiting = set(), [ROOT / "flows" / f"{stage}.py"]
    library: set[str] = set()
    while waiting:
        file = waiting.pop()
        own.add(file)
        for name in imports(file):
            path = ROOT / f"{name.replace('.', '/')}.py"
            if name.startswith(("flows.", "tasks.")) and path.is_file() and not name.startswith(tuple(SUPPORT)):
                waiting += [path] if path not in own else []
            elif name.startswith("rlrec."):
                library.add(name)
    modules = [name for name in library if _is_module(name)]
    needed = {file for file in closure(*modules) if file.name != "__init__.py"}
    whole = {folder for folder in WHOLE for file in needed if folder in file.parents}
    return own | needed | {file for folder in whole for file in folder.rglob("*.py") if file.name != "__init__.py"}


def _is_module(name: str) -> bool:
    path = SOURCE.parent / name.replace(".", "/")
    return path.with_suffix(".py").is_file() or path.is_dir()


def covered_by(deps: list[str]) -> set[Path]:
    """Python files below what `deps` name; an `__init__` holds names, and says what a package is."""
    named = [ROOT / dep for dep in deps if dep.startswith(("src/", "tasks/", "flows/"))]
    files = {file for path in named for file in (path.rglob("*.py") if path.is_dir() else [path])}
    return {file for file in files if file.name != "__init__.py"}


def least_deps(files: set[Path]) -> list[str]:
    """The shortest list of folders and files that are these files and no others."""

    def below(folder: Path) -> list[str]:
        inside = {file for file in folder.rglob("*.py") if file.name != "__init__.py"}
        if inside and inside <= files:
            return [folder.relative_to(ROOT).as_posix()]
        named = [file.relative_to(ROOT).as_posix() for file in folder.glob("*.py") if file in files]
        return named + [dep for inner in folder.iterdir() if inner.is_dir() for dep in below(inner)]

    outside = [file.relative_to(ROOT).as_posix() for file in files if SOURCE not in file.parents]
    return sorted(outside) + sorted(below(SOURCE))


@pytest.mark.parametrize("stage", stages())
def test_a_stage_depends_on_the_code_that_it_imports_and_on_no_other(stage: str) -> None:
    code = code_of(stage)
    assert len(code) > 5
    wanted = "\n      - ".join(["", *least_deps(code)])
    assert covered_by(stages()[stage]["deps"]) == code, f"deps of {stage} must be, beside its data:{wanted}"


def test_nobody_depends_on_the_gymnasium_environments() -> None:
    """What they say is for other people's agents: a word in them trains nothing anew."""
    assert not [dep for stage in stages().values() for dep in stage["deps"] if "environments/gym" in dep]
