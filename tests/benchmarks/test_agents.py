import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console
from worlds import small_world

from benchmarks import agents, agents_worker
from benchmarks.agents import EXAMPLES, PAGE, table_of, table_of_vectors, write_examples
from benchmarks.records import ROOT
from rlrec.errors import RlrecError
from rlrec.experiments.closure import closure, imports

FIRST = """
import numpy as np

def first(steps=100):
    class First:
        def predict(self, observation, state, episode_start, deterministic):
            return np.full(len(observation), steps % 7), None

    return First()
"""


def test_every_example_stands_on_the_page_and_every_example_there_is_tried(tmp_path: Path) -> None:
    written = write_examples(PAGE, tmp_path)
    assert {f"{one.module}.py" for one in EXAMPLES} == set(written)
    for title in written:
        defined = {
            node.name: node
            for node in ast.parse((tmp_path / title).read_text()).body
            if isinstance(node, ast.FunctionDef)
        }
        factories = {name for name, node in defined.items() if [a.arg for a in node.args.args][:1] == ["steps"]}
        assert factories == {one.factory for one in EXAMPLES if f"{one.module}.py" == title}


def test_a_page_without_examples_is_told(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("```python\nprint(1)\n```\n")
    with pytest.raises(RlrecError, match=r"page\.md has no examples"):
        write_examples(tmp_path / "page.md", tmp_path)


def test_an_example_is_judged_on_validation_users_beside_chance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "example_of_a_page.py").write_text(FIRST)
    small_world().save(tmp_path / "data" / "world" / "world.npz")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    settings = {"module": "example_of_a_page", "factory": "first", "steps": 3, "slate_size": 1}
    found = agents_worker.measure(settings)
    assert found == {**agents_worker.measure(settings), "seconds": found["seconds"]}
    assert found["return"] != found["random"]
    assert 10 < min(found["return"], found["random"]) < 50


def test_what_earns_too_little_is_marked() -> None:
    console = Console(width=120, record=True, file=sys.stderr)
    rows = [("weak", 33.0), ("strong", 40.25)]
    found = [{"label": name, "slate_size": 1, "return": mean, "random": 30.5, "seconds": 9.6} for name, mean in rows]
    console.print(table_of(found, 1000))
    lines = console.export_text().splitlines()
    assert "+2.50 (below 5)" in next(line for line in lines if "weak" in line)
    strong = next(line for line in lines if "strong" in line)
    assert "+9.75" in strong
    assert "below" not in strong


def test_vectors_are_told_side_by_side() -> None:
    console = Console(width=120, record=True, file=sys.stderr)
    found = {
        "VecSessions": {"collecting": 9000.0, "training": 600.0},
        "DummyVecEnv": {"collecting": 2000.0, "training": 400.0},
    }
    console.print(table_of_vectors(found))
    lines = console.export_text().splitlines()
    assert next(line for line in lines if "collecting" in line).split()[-2] == "4.50"
    assert next(line for line in lines if "training" in line).split()[-2] == "1.50"


def test_an_example_that_there_is_not_is_told(tmp_path: Path) -> None:
    small_world().save(tmp_path / "world.npz")
    with pytest.raises(RlrecError, match="there is no example 'mine': there are ppo, a2c"):
        agents.main(only=["mine"], world=tmp_path / "world.npz", steps=100, python=None, vectors=False, minutes=1.0)


def test_requirements_are_pinned_and_name_the_project_s_gymnasium() -> None:
    lines = [line for line in agents.REQUIREMENTS.read_text().splitlines() if not line.startswith("#")]
    assert all("==" in line for line in lines)
    assert next(line for line in lines if line.startswith("gymnasium")) in (ROOT / "pyproject.toml").read_text()


def test_judging_imports_nothing_but_what_the_requirements_install() -> None:
    played = "rlrec.environments.gym.movielens", "rlrec.environments.gym.by_item", "rlrec.environments.gym.masked"
    files = [*closure(*played, "rlrec.policies.predicting"), ROOT / "benchmarks" / "agents_worker.py"]
    others = {module.partition(".")[0] for file in files for module in imports(file)} - set(sys.stdlib_module_names)
    installed = {"gymnasium", "numpy", "pydantic", "pydantic_core", "yaml", "pyarrow", "scipy", "PIL"}
    assert others <= {"rlrec", "benchmarks"} | installed


@pytest.mark.long
def test_agents_of_stable_baselines3_play(tmp_path: Path) -> None:
    small_world().save(tmp_path / "world.npz")
    command = [sys.executable, "-m", "benchmarks.agents", "--steps", "300", "--world", str(tmp_path / "world.npz")]
    only = ["--only", "ppo", "--only", "a2c", "--only", "maskable_ppo", "--output", str(tmp_path / "out.json")]
    subprocess.run([*command, *only], check=True, cwd=ROOT)
    (record,) = json.loads((tmp_path / "out.json").read_text())
    assert len(record["figures"]) == 3
