"""Which code decides a result: a module, and whatever of rlrec it imports, directly or not.

`dvc.yaml` states it as the dependencies of a stage (a test compares the two), and a finished run of the matrix is stale
when any of it does something else.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1]
"""Folder of the package `rlrec`."""


def closure(*modules: str, source: Path = SOURCE) -> list[Path]:
    """Files of the modules and of all that they import of rlrec, sorted.

    Imports inside of functions count; those for type checkers alone do not. Of packages, the `__init__` counts where
    something is imported from it that is no module; that of `rlrec` itself, which nothing needs, does not.

    Args:
        modules: dotted names, e.g. `rlrec.agents.train`.
        source: folder of the package `rlrec`.

    Raises:
        FileNotFoundError: there is no such module.
    """
    names = source / "__init__.py"
    found = {names}
    waiting = [_file(module, source) for module in modules]
    if None in waiting:
        raise FileNotFoundError(f"no module {modules[waiting.index(None)]} in {source}")
    while waiting:
        file = waiting.pop()
        if file is None or file in found:
            continue
        found.add(file)
        waiting += [_file(module, source) for module in imports(file)]
    return sorted(found - {names})


def imports(file: Path) -> Iterator[str]:
    """Dotted names that a file imports when it runs; of `from a import b` both `a` and `a.b`."""
    waiting: list[ast.AST] = [ast.parse(file.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            waiting += node.orelse
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from inner
            if not all(_is_module(name) for name in inner):
                yield node.module
        waiting += ast.iter_child_nodes(node)


def _is_module(name: str) -> bool:
    return _file(name, SOURCE) is not None


def _file(module: str, source: Path) -> Path | None:
    """The file of a module of rlrec; None for other modules, and for what is none."""
    top, *parts = module.split(".")
    if top != source.name:
        return None
    path = source.joinpath(*parts)
    if path.is_dir():
        return path / "__init__.py"
    return path.with_suffix(".py") if path.with_suffix(".py").is_file() else None
