from pathlib import Path

import pytest

from rlrec.experiments.closure import SOURCE, closure, imports


def package(folder: Path, **files: str) -> Path:
    """A package called rlrec; `a__b` is the module `a/b.py`."""
    source = folder / "rlrec"
    for name, text in files.items():
        path = source / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return source


def names(source: Path, *modules: str) -> list[str]:
    return [file.relative_to(source).as_posix() for file in closure(*modules, source=source)]


def test_what_is_imported_counts_however_far_away(tmp_path: Path) -> None:
    source = package(
        tmp_path,
        one="import rlrec.two\n",
        two="def f():\n    from rlrec.deep.three import x\n",
        deep__three="",
        four="",
    )
    assert names(source, "rlrec.one") == ["deep/three.py", "one.py", "two.py"]


def test_what_only_a_type_checker_imports_does_not_count(tmp_path: Path) -> None:
    text = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import rlrec.two\nelse:\n    import rlrec.three\n"
    source = package(tmp_path, one=text, two="", three="")
    assert names(source, "rlrec.one") == ["one.py", "three.py"]


def test_a_circle_and_the_package_itself_are_no_trouble(tmp_path: Path) -> None:
    source = package(tmp_path, one="import rlrec.two, rlrec\n", two="import rlrec.one\n")
    (source / "__init__.py").write_text("import rlrec.three\n")
    assert names(source, "rlrec.one") == ["one.py", "two.py"]


def test_a_module_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no module rlrec\.nowhere"):
        closure("rlrec.nowhere", source=package(tmp_path, one=""))


def test_of_a_package_the_names_that_are_no_modules_lead_to_its_init() -> None:
    assert "rlrec.policies.baselines" in set(imports(SOURCE.parents[1] / "tasks" / "compare.py"))
    assert SOURCE / "policies" / "baselines" / "__init__.py" in closure("rlrec.policies.baselines")
