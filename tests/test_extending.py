"""The pages of docs/extending are run, block after block, in a folder of their own."""

import shutil
import sys
from pathlib import Path

import pytest
from pages import blocks, edited
from policies import policy_for
from projects import ROOT, environment, run, write_settings

from rlrec.data.dataset.tables import save_tables
from rlrec.policies.saved import save_policy
from rlrec.testing import informed, small_world, tables_of

PAGES = ROOT / "docs" / "extending"


def run_page(name: str, folder: Path) -> str:
    """What the code of a page prints."""
    env = environment(folder, OPENBLAS_NUM_THREADS="1")
    ran = run(folder, sys.executable, str(ROOT / "tests" / "pages.py"), str(PAGES / f"{name}.md"), env=env)
    assert ran.returncode == 0, ran.stdout
    return ran.stdout


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder after `make pipeline`, its world made up: settings, world, tables and model."""
    world = informed(small_world(n_users=200))
    write_settings(tmp_path)
    (tmp_path / "data" / "world").mkdir(parents=True)
    world.save(tmp_path / "data" / "world" / "world.npz")
    save_tables(tables_of(world), tmp_path / "data" / "tables")
    save_policy(policy_for(world), tmp_path / "data" / "models" / "a3c")
    return tmp_path


def test_every_page_is_run() -> None:
    assert {page.stem for page in PAGES.glob("*.md")} == {"agent", "dataset", "environment", "policy"}
    assert all(len(list(blocks(page))) >= 3 for page in PAGES.glob("*.md"))


def test_an_edit_that_fits_nowhere_or_twice_is_refused() -> None:
    assert edited("a\nb\nc\n", " a\n-b\n+B\n") == "a\nB\nc\n"
    assert edited("a\nb\nc\n", "-a\n+A\n@@\n c\n+d\n") == "A\nb\nc\nd\n"
    for text in ("b\n", "a\nb\na\nb\n"):
        with pytest.raises(ValueError):
            edited(text, " a\n-b\n+B\n")


def test_a_policy_of_ones_own_is_compared_with_the_baselines(project: Path) -> None:
    printed = run_page("policy", project)
    assert " passed" in printed
    assert {"genre_fan", "a3c", "oracle"} <= {word for line in printed.splitlines() for word in line.split()}


def test_ratings_of_ones_own_become_a_world(tmp_path: Path) -> None:
    printed = run_page("dataset", tmp_path)
    assert "who,what,points,day" in printed
    assert "values (points) are from 1 to 10, in steps of 1; of which 10 is five stars" in printed
    assert "3 kinds: Crime, Poetry, Travel" in printed
    assert "80 users, 60 books" in printed


def test_an_agent_that_knows_nothing_of_rlrec_learns_and_other_environments_and_users_are_played(project: Path) -> None:
    printed = run_page("environment", project)
    assert "of what it learned" in printed
    assert "of 20 movies were rated" in printed
    assert "ratings: [" in printed
    assert " passed" in printed
    assert "Moody" in printed


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package, its tests and its pages."""
    for name in ("src", "tests", "docs", "flows", "tasks", "benchmarks", "matrix"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, tmp_path)
    return tmp_path


@pytest.mark.ci
@pytest.mark.slow
def test_an_algorithm_is_added_by_the_edits_of_its_page_and_by_no_others(package: Path) -> None:
    before = contents(package)

    printed = run_page("agent", package)

    after = contents(package)
    assert before.keys() <= after.keys()
    assert {name for name, content in after.items() if before.get(name) != content} == {
        "src/rlrec/agents/plain_reinforce.py",
        "src/rlrec/agents/registry.py",
        "src/rlrec/settings/learners.py",
        "tests/rlrec/agents/test_plain_reinforce.py",
        "docs/plain_reinforce.md",
        "mkdocs.yml",
    }
    assert "plain REINFORCE" in printed
    assert "gradient_norm" in printed
    its_own, others = "tests/rlrec/agents/test_plain_reinforce.py", ("dependencies", "docs", "layering")
    checked = [its_own, *(f"tests/test_{name}.py" for name in others)]
    options = ("-m", "not slow", "-k", "not light", "-p", "no:cacheprovider", "-q")
    tested = run(package, sys.executable, "-m", "pytest", *options, *checked, env=environment(package))
    assert tested.returncode == 0, tested.stdout
    styled = run(package, "ruff", "check", "src", its_own)
    assert styled.returncode == 0, styled.stdout
