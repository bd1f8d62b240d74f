"""Two small projects in which the pipeline has ended undisturbed, on the server that all tests share."""

import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hardening.runs import STAGES, Project, Reference, make_project, outcome
from support import slice_archive


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory, ml100k_archive: Path) -> Path:
    return slice_archive(ml100k_archive, tmp_path_factory.mktemp("source"), users=40, movies=120)


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory, archive: Path, server: str) -> Reference:
    top = tmp_path_factory.mktemp("reference")
    one = make_project(top / "one", archive, server)
    other = Project(shutil.copytree(one.folder, top / "other"), server)
    with ThreadPoolExecutor(2) as pool:  # as they are disturbed later: side by side
        timed, plain = pool.submit(_timed, one), pool.submit(other.complete)
        begun, seconds = timed.result()
        plain.result()
    found = outcome(one.folder)
    assert outcome(other.folder) == found, "an undisturbed run is not the same each time"
    return Reference((one, other), found, begun, seconds)


def _timed(project: Project) -> tuple[dict[str | None, float], float]:
    with project.running() as run:
        begun: dict[str | None, float] = {None: 0.0}
        for stage in STAGES:
            assert run.reaches(stage, 0), run.said()
            begun[stage] = time.monotonic() - run.started
        said = run.wait()
        seconds = time.monotonic() - run.started
    assert run.process.returncode == 0, said
    return begun, seconds
