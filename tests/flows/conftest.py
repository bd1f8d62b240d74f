"""A small project in which the whole graph has been run once."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from projects import environment, make_clone, run
from served import Served, make_served_folder, serving
from support import slice_archive


@dataclass(frozen=True)
class Project:
    """A clone of the checkout with a slice of the real data."""

    folder: Path
    archive: Path
    env: dict[str, str]

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        return run(self.folder, *command, env=self.env)


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory, ml100k_archive: Path, server: str) -> Project:
    """After `dvc repro`: all that the graph makes is there."""
    top = tmp_path_factory.mktemp("project")
    archive = slice_archive(ml100k_archive, top / "source", users=40, movies=120)
    folder = make_clone(top / "rlrec", {"data": {"source": "local", "local": str(archive), "tag_genome": "none"}})
    made = Project(folder, archive, environment(folder, PREFECT_API_URL=server))
    reproduced = made.run("dvc", "repro")
    assert reproduced.returncode == 0, reproduced.stdout
    return made


@dataclass(frozen=True)
class Finished:
    """Two runs that were started together in the UI: their ids, and the second's state before the first had ended."""

    quick: str
    custom: str
    seen_waiting: dict[str, Any]


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory, ml100k_archive: Path) -> Iterator[Served]:
    """A project with nothing made yet, served."""
    with serving(make_served_folder(tmp_path_factory.mktemp("served") / "rlrec", ml100k_archive)) as made:
        yield made


@pytest.fixture(scope="session")
def finished(served: Served) -> Finished:
    """A Quick run, and a Custom run that had to wait for it."""
    quick = served.start()
    served.wait(quick, "Running")
    custom = served.start(delta=-0.5, overrides=["learners.a3c.gamma=0.5"])
    waiting = served.wait(custom, "Scheduled", "Late", "Running")
    for run_id in (quick, custom):
        served.wait(run_id, "Completed", "Failed", "Crashed")
    return Finished(quick, custom, waiting)
