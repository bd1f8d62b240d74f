"""Training speed beside an older build's: the same configurations in turns, so that a slow moment hits both.

The older build is a worktree of its commit, measured by its own worker.
"""

import statistics
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.table import Table

from benchmarks.records import ROOT, errors
from benchmarks.workers import Unfinished, run_worker
from rlrec.errors import RlrecError

_TODAY_ONLY = {"algorithm", "label", "learns_from", "observation", "features", "steps"}
"""Settings of a learner that the section `train`, before there were learners, did not have or had elsewhere."""


@contextmanager
def worktree(commit: str, root: Path = ROOT) -> Iterator[Path]:
    """The files of a commit in a folder that lasts as long as the block.

    Raises:
        RlrecError: git does not know the commit.
    """
    with TemporaryDirectory(prefix="rlrec-worktree-") as temporary:
        folder = Path(temporary) / commit.replace("/", "-")
        _git(root, "worktree", "add", "--detach", str(folder), commit)
        try:
            yield folder
        finally:
            _git(root, "worktree", "remove", "--force", str(folder))


def asked_of(folder: Path, asked: dict[str, Any]) -> dict[str, Any]:
    """What the throughput worker in a folder is asked, in the form that it understands."""
    if (folder / "src" / "rlrec" / "settings" / "learners.py").is_file():
        return asked
    job = asked["job"]
    own = {name: value for name, value in job["learner"].items() if name not in _TODAY_ONLY}
    train = {**own, **job["training"], "synchronous": job["learner"]["algorithm"] == "a2c"}
    if job["learner"]["algorithm"] == "thesis":
        train["network"] = "thesis"
    return {
        **{name: asked[name] for name in ("movies", "seconds", "world")},
        "users": job["learner"]["users"],
        "slate_size": job["scenario"]["slate_size"],
        "agents": job["training"]["agents"],
        "config": {"seed": job["seed"], "scenario": job["scenario"], "train": train},
    }


def in_turns(
    older: Path, settings: Sequence[dict[str, Any]], turns: int, limit: float, memory_gib: float, newer: Path = ROOT
) -> list[dict[str, Any]]:
    """Measures two builds alternately; who begins alternates too.

    Args:
        older: folder of the one build.
        settings: of `benchmarks.throughput_worker`.
        turns: times that each build is measured, in each configuration.
        limit: seconds that a measurement may take.
        memory_gib: resident memory that it may take.
        newer: folder of the other.

    Returns:
        For each configuration the `steps_per_second` of `older` and `newer`, by turn, and `ratios`, newer to older.

    Raises:
        RlrecError: a measurement gave nothing.
    """
    builds = {"older": older, "newer": newer}
    rows = []
    for number, asked in enumerate(settings):
        speeds: dict[str, list[float]] = {build: [] for build in builds}
        for turn in range(turns):
            for build in builds if turn % 2 else reversed(builds):
                with errors.status(f"{number + 1} of {len(settings)}, turn {turn + 1} of {turns}: {build}"):
                    speeds[build].append(_speed(builds[build], asked, limit, memory_gib))
        ratios = [new / old for old, new in zip(speeds["older"], speeds["newer"], strict=True)]
        rows.append({**speeds, "ratios": ratios})
    return rows


def ratio_table(commit: str, rows: Sequence[dict[str, Any]]) -> Table:
    """Medians of both builds, and of their ratio with the least and the most of all turns."""
    shown = Table(
        title="Environment steps/s, gradients included, in turns", caption="ratio: of this build to the other, by turn"
    )
    for name in ("movies", "users", "K", "agents", commit, "this build", "ratio", "least", "most", "turns"):
        shown.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        ratios = row["ratios"]
        cells = [f"{row[name]:,}" for name in ("movies", "users", "slate_size", "agents")]
        cells += [f"{statistics.median(row[build]):,.0f}" for build in ("older", "newer")]
        cells += [f"[bold]{statistics.median(ratios):.3f}[/]", f"{min(ratios):.3f}", f"{max(ratios):.3f}"]
        shown.add_row(*cells, str(len(ratios)))
    return shown


def _speed(folder: Path, asked: dict[str, Any], limit: float, memory_gib: float) -> float:
    found = run_worker(
        "benchmarks.throughput_worker",
        asked_of(folder, asked),
        seconds=limit,
        memory_gib=memory_gib,
        environment={"PYTHONPATH": str(folder / "src")},
        folder=folder,
    )
    if isinstance(found, Unfinished):
        raise RlrecError(f"{folder}: {found.reason}")
    return float(found["steps_per_second"])


def _git(root: Path, *arguments: str) -> None:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RlrecError(f"git {' '.join(arguments)}: {done.stderr.strip()}")
