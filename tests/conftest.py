"""Fixtures that several parts share."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def ml100k_archive() -> Path:
    """The real ml-100k archive beside the checkout; tests that need it are skipped where it is not."""
    path = ROOT.parent / "shared" / "data" / "ml-100k.zip"
    if not path.is_file():
        pytest.skip(f"real MovieLens data is not at {path}")
    return path
