"""The Containerfile, as far as it can be looked at where nothing runs containers."""

import fnmatch
import json
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def instructions():
    """The file's instructions in order, each with its words; comments and line ends inside left out."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Containerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [tuple(line.split(" ", 1)) for line in lines if line.strip()]


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
    lines = (ROOT / ".containerignore").read_text(encoding="utf-8").splitlines()

    def ignored(path):
        last = False
        for line in lines:
            pattern = line.lstrip("!")
            if (
                line
                and not line.startswith("#")
                and any(fnmatch.fnmatchcase(part, pattern) for part in [path, *map(str, Path(path).parents)])
            ):
                last = not line.startswith("!")
        return last

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
