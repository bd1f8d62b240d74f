"""Fixtures that several parts share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from projects import make_folder

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def ml100k_archive() -> Path:
    """The real ml-100k archive beside the checkout; tests that need it are skipped where it is not."""
    path = ROOT.parent / "shared" / "data" / "ml-100k.zip"
    if not path.is_file():
        pytest.skip(f"real MovieLens data is not at {path}")
    return path


@pytest.fixture(scope="session")
def engine() -> Iterator[None]:
    """The real Prefect engine, with a server and a database of its own."""
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: one in which flows find their graph, small settings and their sources."""
    made = make_folder(tmp_path / "project")
    monkeypatch.chdir(made)
    for name in ("RLREC_PARENT_TASK_RUN", "RLREC_STAGE_RECORD"):
        monkeypatch.delenv(name, raising=False)
    return made
