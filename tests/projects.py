"""Small projects to run flows in: never the checkout itself, whose results others look at."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]

QUICKLY_COMPILED = "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"
"""`XLA_FLAGS` with which the same program is compiled in a quarter of the time, and runs longer."""

DEAD_PROXY = dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"), "http://127.0.0.1:9")
"""Environment variables of a proxy that is not there: whoever goes through it on loopback is found out."""

SMALL: dict[str, Any] = {
    "data": {"tag_genome": "none"},
    "world": {"latent_factors": 4, "iterations": 3},
    "scenario": {"episode_length": 10},
    "learners": {"a3c": {"users": 8, "rollout": 5, "hidden": 8}},
    "training": {"steps": 800, "checkpoint_every": 5},
    "evaluate": {"slate_sizes": [1, 2], "bootstrap_samples": 100},
    "report": {"example_sessions": 1},
}
"""Settings with which every stage takes a second or two, compiling aside."""

LOGGED: dict[str, Any] = {
    "learners": {
        "a3c_logged": {"users": 8, "slates": 2, "hidden": 8, "steps": 160},
        "a3c_cold": {"users": 8, "hidden": 8, "steps": 1600},
    },
    "evaluate": {"recommender": "a3c_logged"},
}
"""Brings back the checkout's further learners, left out otherwise: each is another stage, and more to compile."""


def write_settings(folder: Path, *changes: Mapping[str, Any]) -> None:
    """`params.yaml` of the folder: the checkout's with `SMALL` and the changes on top; see `LOGGED`."""
    values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    wanted = {name for change in changes for name in change.get("learners", {})}
    for name in LOGGED["learners"].keys() - wanted:
        del values["learners"][name]
    if values["evaluate"]["recommender"] not in values["learners"]:
        values["evaluate"]["recommender"] = None
    for change in (SMALL, *changes):
        values = _merged(values, change)
    (folder / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")


def _merged(values: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """The values with the change on top, section by section."""
    inner = {
        name: _merged(values[name], value)
        if isinstance(value, Mapping) and isinstance(values.get(name), Mapping)
        else value
        for name, value in change.items()
    }
    return {**values, **inner}


def make_folder(folder: Path, *changes: Mapping[str, Any]) -> Path:
    """A folder in which flows find their graph, their settings and their sources; neither git's nor DVC's."""
    folder.mkdir(parents=True, exist_ok=True)
    write_settings(folder, *changes)
    for name in ("dvc.yaml", "pyproject.toml", ".dvcignore"):
        shutil.copy(ROOT / name, folder / name)
    for name in ("flows", "tasks", "src"):
        (folder / name).symlink_to(ROOT / name)
    return folder


def make_clone(folder: Path, *changes: Mapping[str, Any]) -> Path:
    """A git repository of the checkout as it stands, uncommitted changes included, and a DVC cache of its own."""
    folder.mkdir(parents=True)
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    for name in filter(None, names):
        if name == "dvc.lock" or not (ROOT / name).is_file():
            continue
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    write_settings(folder, *changes)
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "start"]):
        subprocess.run(["git", *identity, *command], cwd=folder, check=True)
    return folder


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Environment variables for commands in the folder: its own sources, this Python, none of this run's Prefect."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "RLREC_", "DVC_"))}
    if mine.get("XLA_FLAGS") == QUICKLY_COMPILED:
        del mine["XLA_FLAGS"]
    mine |= {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{mine.get('PATH', '')}",
        "PYTHONPATH": f"{folder / 'src'}",
        # What DVC's experiments commit with.
        **{f"GIT_{role}_{what}": "test@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        "COLUMNS": "120",
    }
    return mine | more


def run(
    folder: Path, *command: str, env: Mapping[str, str] | None = None, seconds: float = 900
) -> "subprocess.CompletedProcess[str]":
    """Runs a command in the folder, for so long at most; standard error is part of `stdout`, in order."""
    return subprocess.run(
        command,
        cwd=folder,
        env=env or environment(folder),
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
    )
