"""A copy of the project runs its own code, whichever is installed: what DVC's queue records is what it has run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GRAPH = "stages:\n  train:\n    cmd: python -m flows.train\n    params: [seed]\n    deps: [src]\n    outs: [made.txt]\n"
STAGE = "import rlrec, subprocess, sys\n"
STAGE += "open('made.txt', 'w').write(rlrec.CODE)\n"
STAGE += "subprocess.run([sys.executable, '-c', 'import rlrec; print(rlrec.CODE)'], check=True)\n"


@pytest.fixture
def copy(tmp_path):
    """A project with a library that says which one it is, and nothing else that takes time."""
    folder = tmp_path / "project"
    files = {
        "src/rlrec/__init__.py": "CODE = 'one'\n",
        "flows/train.py": STAGE,
        "dvc.yaml": GRAPH,
        "params.yaml": "seed: 1\n",
    }
    files |= {
        ".dvc/config": "[core]\n    analytics = false\n",
        ".gitignore": "made.txt\n",
        ".dvc/.gitignore": "/tmp\n/cache\n",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    shutil.copy(ROOT / "flows" / "__init__.py", folder / "flows")
    return folder


def command(folder, *words):
    """Runs a command there as after `make install`: another checkout's library is the installed one."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("DVC_", "PYTHON"))}
    env |= {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}", "PYTHONDONTWRITEBYTECODE": "1"}
    env |= {f"GIT_{role}_{what}": "test@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    ended = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.mark.holds("queue")
def test_a_stage_and_what_it_starts_import_the_library_beside_it(copy):
    installed = command(copy, sys.executable, "-c", "import rlrec; print(rlrec.__file__)").strip()
    assert not Path(installed).is_relative_to(copy)
    assert command(copy, sys.executable, "-m", "flows.train") == "one\n"
    assert (copy / "made.txt").read_text() == "one"


@pytest.mark.holds("queue")
@pytest.mark.ci
def test_a_queued_run_uses_the_code_that_it_was_queued_with(copy):
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "start"]):
        command(copy, "git", *words)
    command(copy, "dvc", "exp", "run", "-q", "--queue", "-n", "queued", "-S", "seed=2")
    (copy / "src" / "rlrec" / "__init__.py").write_text("CODE = 'two'\n")
    command(copy, "dvc", "exp", "run", "-q", "--run-all")
    assert (copy / "src" / "rlrec" / "__init__.py").read_text() == "CODE = 'two'\n"
    command(copy, "git", "checkout", ".")
    command(copy, "dvc", "exp", "apply", "queued")
    assert (copy / "made.txt").read_text() == "one"
    assert (copy / "src" / "rlrec" / "__init__.py").read_text() == "CODE = 'one'\n"
