import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from policies import policy_for, with_titles
from typer.testing import CliRunner, Result
from worlds import small_world

from rlrec.policies.saved import save_policy
from rlrec.recommending.cli import app

WORLD = with_titles(small_world(1))
SETTINGS = """
scenario: {episode_length: 5, delta: 0.5}
learners: {a3c: {algorithm: a3c, rollout: 5}}
evaluate: {slate_sizes: [1, 3], bootstrap_samples: 100}
"""
AGENT = """
import numpy as np
from rlrec.policies.baselines import BASELINES

CONSTANT = 3

class First:
    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        return np.zeros(len(observation), int), None

def mine():
    return First()

def popular(known):
    policy = BASELINES["best_average"](known)
    policy.name = "ours"
    return policy

def oracle(known):
    return BASELINES["oracle"](known)

def broken():
    return 3

def greedy(known, epsilon):
    return First()
"""

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    save_policy(policy_for(WORLD), folder / "data/models/a3c")
    WORLD.save(folder / "data/world/world.npz")
    (folder / "params.yaml").write_text(SETTINGS)
    (folder / "agent_of_mine.py").write_text(AGENT)
    return folder


@pytest.fixture
def run(project: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(project)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return lambda *arguments: CliRunner().invoke(app, ["compare", *arguments])


def test_an_agent_of_one_s_own_stands_beside_the_others_with_intervals(run: Run, project: Path) -> None:
    told = run("-p", "agent_of_mine:mine", "-p", "agent_of_mine:popular", "-k", "1", "-o", "all.csv", "--beside", "a3c")
    assert told.exit_code == 0, told.output
    table = pd.read_csv(project / "all.csv")
    assert set(table["policy"]) == {"mine", "ours", "a3c"}
    assert set(table["slate_size"]) == {1}
    assert set(table["reference"]) == {"a3c"}
    returns = table[table["metric"] == "return"].set_index("policy")
    for name, row in returns.iterrows():
        line = next(line for line in told.output.splitlines() if line.startswith(f"│ 1 │ {name} "))
        assert f"{row['mean']:.2f}" in line
        assert f"[{row['ci_low']:.2f}, {row['ci_high']:.2f}]" in line
        assert ("the reference" if name == "a3c" else f"{row['diff']:+.2f}") in line
    means = [returns["mean"][line.split()[3]] for line in told.output.splitlines() if line.startswith("│ 1")]
    assert means == sorted(means, reverse=True)


def test_without_real_ratings_all_others_are_compared_but_those_that_need_them(run: Run, project: Path) -> None:
    told = run("-p", "agent_of_mine:popular", "-k", "3", "-o", "all.csv")
    assert told.exit_code == 0, told.output
    found = set(pd.read_csv(project / "all.csv")["policy"])
    assert {"ours", "a3c", "random", "bayesian_bandit", "oracle"} <= found
    assert "ease" not in found


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-p", "agent_of_mine"], "--policy agent_of_mine: must be module:factory"),
        (["-p", "nowhere_at_all:mine"], "there is no module 'nowhere_at_all'"),
        (["-p", "agent_of_mine:yours"], "has no attribute 'yours'"),
        (["-p", "agent_of_mine:CONSTANT"], "CONSTANT is no function or class, but int"),
        (["-p", "agent_of_mine:greedy"], "greedy needs 2 arguments, but is given one at most"),
        (["-p", "agent_of_mine:broken"], "broken is neither a policy nor has a predict"),
        (["-p", "agent_of_mine:mine", "-p", "agent_of_mine:mine"], "mine is named twice"),
        (["-p", "agent_of_mine:oracle"], "a policy is called oracle already"),
        (["-p", "agent_of_mine:mine", "--beside", "nobody"], "there is no policy 'nobody': there are a3c, random"),
        (["-p", "agent_of_mine:mine", "--beside", "ease"], "ratings"),
        (["-p", "agent_of_mine:mine", "-k", "3"], "predicts slates of 1 movies, but 3 are to be shown"),
        (["-p", "agent_of_mine:mine", "--features", "colours"], "must be one of"),
        ([], "--policy"),
    ],
    ids=str,
)
def test_what_cannot_be_compared_is_told(run: Run, arguments: list[str], message: str) -> None:
    told = run(*arguments)
    assert told.exit_code in (1, 2)
    assert message in " ".join(told.output.split())
