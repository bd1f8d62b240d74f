import os
import subprocess
import sys
from pathlib import Path

import pytest
from projects import ROOT

CONFTEST = """
from repeating import *
from repeating import choose

def pytest_collection_modifyitems(config, items):
    choose(config, items)
"""
TESTS = """
import pytest

rounds = []

@pytest.mark.holds("proxy", "yaml")
def test_fails_the_second_time():
    rounds.append(1)
    assert len(rounds) != 2

@pytest.mark.holds("yaml")
@pytest.mark.parametrize("value", [1, 2])
def test_holds(value):
    pass

@pytest.fixture
def broken():
    raise ZeroDivisionError

@pytest.mark.holds("ending")
def test_cannot_begin(broken):
    pass

@pytest.mark.holds("queue")
def test_is_skipped():
    pytest.skip("here")

def test_of_nothing():
    pass
"""


@pytest.fixture
def repeated(tmp_path: Path):
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_some.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n    holds: a promise\n")

    def run(*options: str) -> str:
        mine = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        env = mine | {"PYTHONPATH": str(ROOT / "tests"), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        command = [sys.executable, "-m", "pytest", "-q", *options]
        return subprocess.run(
            command, cwd=tmp_path, env=env, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ).stdout

    return run


def test_it_is_told_how_often_each_promise_was_kept(repeated):
    said = repeated("--repeat", "3").splitlines()
    kept = [line.rpartition(":")[0] for line in said if " of 3 times: " in line]
    assert kept == ["proxy: 2 of 3 times", "ending: 0 of 3 times", "yaml: 2 of 3 times"]
    assert "4 failed" not in said[-1]
    assert "9 passed, 3 skipped, 3 errors" in said[-1]
    assert any("test_fails_the_second_time[round 2]" in line for line in said)


def test_some_promises_are_chosen_and_one_that_nobody_gave_is_an_error(repeated):
    assert "3 passed, 3 deselected" in repeated("--promise", "yaml")
    assert "no such promise: prxy; there are proxy, profile, " in repeated("--promise", "prxy,yaml")
