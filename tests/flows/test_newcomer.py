"""`docs/newcomer.sh` runs as written, from a clone with small settings."""

import json
import os
import re
import signal
import subprocess
from contextlib import suppress

import pytest
import yaml
from projects import ROOT, environment, make_clone, run
from support import slice_archive

from tasks.versions import dvc_hash

SCRIPT = ROOT / "docs" / "newcomer.sh"


def test_the_script_is_good_bash():
    subprocess.run(["bash", "-n", str(SCRIPT)], check=True)


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.realdata
def test_a_newcomer_s_path_leads_there_and_back(tmp_path, ml100k_archive, server):
    archive = slice_archive(ml100k_archive, tmp_path / "source", users=40, movies=120)
    settings = {"data": {"source": "local", "local": str(archive), "tag_genome": "none"}}
    origin = make_clone(tmp_path / "origin", settings)
    work, folder = tmp_path / "work", tmp_path / "work" / "rlrec"
    work.mkdir()
    # The environment is there: this Python's. To make it looks newer than what it is made from.
    made = tmp_path / "venv" / ".installed"
    made.parent.mkdir()
    made.touch()
    os.utime(made, (2**32, 2**32))
    env = environment(folder, PREFECT_API_URL=server, MAKEFLAGS=f"VENV={made.parent}")

    out = work / "out"
    with out.open("w") as file:
        command = ["bash", str(SCRIPT), str(origin)]
        walk = subprocess.Popen(command, cwd=work, env=env, stdout=file, stderr=file, start_new_session=True)
    try:
        walk.wait(timeout=1200)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(walk.pid, signal.SIGKILL)

    assert walk.returncode == 0, out.read_text()
    parts = re.split(r"^== (\w+).*\n", out.read_text(), flags=re.MULTILINE)
    told = [parts[i : i + 2] for i in range(1, len(parts), 2)]
    assert [name for name, _ in told] == ["Clone", "Run", "Look", "Change", "Run", "Compare", "Go"]
    (_, first), (_, looked), (_, changed), (_, second), (_, compared), (_, back) = told[1:]
    assert stages(first) == dict.fromkeys(stages(first), "ran")
    assert looked.strip() == "data/reports/index.html"
    assert "+  delta: -0.5" in changed
    unchanged = {"download", "validate", "world"}
    assert {name for name, what in stages(second).items() if what == "up to date"} == unchanged
    assert re.search(r"│ run-2 \* +│.*│ +-0\.5 │", compared)
    assert re.search(r"│ run-1 +│.*│ +1\.0 │", compared)
    assert re.search(r"^data/reports/evaluate/metrics.json +a3c.return@1 +\S+ +\S+ +\S+$", compared, re.MULTILINE)
    assert (folder / "dvc_plots" / "index.html").is_file()
    assert set(stages(back).values()) == {"up to date"}

    assert yaml.safe_load((folder / "params.yaml").read_text())["scenario"]["delta"] == 1.0
    shown = json.loads(run(folder, "dvc", "exp", "show", "--json", env=env).stdout)
    runs = {found["name"]: found["revs"][0]["data"] for commit in shown for found in commit["experiments"] or []}
    assert set(runs) == {"run-1", "run-2"}
    assert dvc_hash(folder / "data/models/a3c") == runs["run-1"]["outs"]["data/models/a3c"]["hash"]
    figures = json.loads((folder / "data/reports/evaluate/metrics.json").read_text())
    assert figures == runs["run-1"]["metrics"]["data/reports/evaluate/metrics.json"]["data"]
    assert figures != runs["run-2"]["metrics"]["data/reports/evaluate/metrics.json"]["data"]


def stages(output: str) -> dict[str, str]:
    """By stage, what the pipeline's table at the end says of it."""
    rows = [line.split("│")[1:3] for line in output.splitlines() if line.startswith("│") and "run-" not in line]
    return {name.strip(): what.strip() for name, what in rows}
