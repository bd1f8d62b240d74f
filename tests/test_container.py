"""The Containerfile, as far as it can be looked at where nothing runs containers."""

import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from projects import ROOT, SMALL, write_settings
from support import slice_archive

STEP = """\
#!/bin/sh
# In the place of a step that would change this machine: it is noted, and what it installs must be there.
echo "$(basename "$0") $*" >> "$SCRATCH/steps"
[ "$(basename "$0") $1" = "apt-get install" ] || exit 0
shift
for package; do case $package in -*) ;; *) command -v "$package" > /dev/null || exit 1 ;; esac; done
"""


def instructions():
    """The file's instructions in order, each with its words; comments and line ends inside left out."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Containerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [tuple(line.split(" ", 1)) for line in lines if line.strip()]


def ignored(path):
    """Whether it stays out of the image."""
    last = False
    for line in (ROOT / ".containerignore").read_text(encoding="utf-8").splitlines():
        pattern = line.lstrip("!")
        if (
            line
            and not line.startswith("#")
            and any(fnmatch.fnmatchcase(part, pattern) for part in [path, *map(str, Path(path).parents)])
        ):
            last = not line.startswith("!")
    return last


def test_a_plain_user_owns_the_files_and_runs_the_pipeline():
    kinds = [kind for kind, _ in instructions()]
    assert kinds[0] == "FROM"
    assert kinds[-1] == "CMD"
    users = [words for kind, words in instructions() if kind == "USER"]
    assert users == ["rlrec"]
    copied = kinds.index("COPY")
    assert kinds.index("USER") < copied
    assert instructions()[copied][1].startswith("--chown=rlrec:rlrec ")
    made = json.loads(instructions()[-1][1])
    assert made[0] == "make"
    assert re.search(rf"^{made[1]}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_every_step_is_a_script_that_the_shell_can_read():
    for kind, words in instructions():
        if kind == "RUN":
            subprocess.run(["sh", "-n", "-c", words], check=True)


def test_no_rating_and_nothing_made_here_comes_into_the_image():
    for path in (
        "data/raw/u.data",
        "data/local/ml-100k.zip",
        ".venv/bin/python",
        ".dvc/cache/files/md5/aa/b",
        ".prefect/x",
    ):
        assert ignored(path), path
    for path in ("data/local/README.md", ".git/HEAD", "params.yaml", ".dvc/config", "src/rlrec/errors.py"):
        assert not ignored(path), path


@pytest.mark.long
@pytest.mark.realdata
def test_its_steps_one_after_another_make_the_environment_and_run_the_pipeline(tmp_path, ml100k_archive):
    """In a folder in the place of `/`; what would change the machine itself is noted only."""
    (tmp_path / "bin").mkdir()
    for name in ("apt-get", "useradd", "rm"):
        (tmp_path / "bin" / name).write_text(STEP)
        (tmp_path / "bin" / name).chmod(0o755)
    of_this_run = ("PYTHON", "VIRTUAL_ENV", "PREFECT_", "RLREC_", "DVC_", "XLA_FLAGS", "TF_XLA_FLAGS", "MAKE")
    env = {name: value for name, value in os.environ.items() if not name.startswith(of_this_run)}
    path = [str(tmp_path / "bin"), str(Path(sys.base_prefix) / "bin"), *os.environ["PATH"].split(os.pathsep)]
    env["PATH"] = os.pathsep.join(part for part in path if not part.startswith(sys.prefix))
    env |= {"SCRATCH": str(tmp_path), "PREFECT_SERVER_API_PORT": "1"}
    env |= {f"GIT_{role}_{what}": "test@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    context = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    folder = tmp_path
    for kind, words in instructions():
        if kind == "RUN":
            subprocess.run(["sh", "-ec", words], cwd=folder, env=env, check=True)
        elif kind == "USER":
            env["HOME"] = str(tmp_path / "home" / words)
        elif kind == "WORKDIR":
            folder = tmp_path / words.lstrip("/")
            folder.mkdir(parents=True)
        elif kind == "COPY":
            for name in filter(None, context.split("\0")):
                if not ignored(name) and (ROOT / name).is_file():
                    (folder / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(ROOT / name, folder / name)
            write_settings(folder, SMALL, {"data": {"source": "local", "tag_genome": "none"}})
            slice_archive(ml100k_archive, folder / "data" / "local", users=40, movies=120)
            for command in ("init -q", "add -A", "commit -q -m start"):
                subprocess.run(["git", *shlex.split(command)], cwd=folder, env=env, check=True)
        elif kind == "CMD":
            ran = subprocess.run(json.loads(words), cwd=folder, env=env, check=False, capture_output=True, text=True)
            assert ran.returncode == 0, ran.stdout + ran.stderr
            assert "kept as run-1" in ran.stdout + ran.stderr
    assert (folder / "data" / "reports" / "index.html").is_file()
    steps = (tmp_path / "steps").read_text().splitlines()
    assert [step.split()[0] for step in steps] == ["apt-get", "apt-get", "rm", "useradd"]
