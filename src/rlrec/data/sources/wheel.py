"""The copy of ml-100k inside a wheel on PyPI, for networks that reach a package index but not GroupLens."""

import subprocess
import sys
import tempfile
from pathlib import Path

from rlrec.data.dataset.provenance import record_archive
from rlrec.data.sources.naming import named
from rlrec.data.sources.source import Endpoints, Order, Served
from rlrec.data.sources.transfer import FetchError, Pin
from rlrec.storage.archives import unpack

WHEEL_FOLDER = "recbole/dataset_example/ml-100k"
WHEEL_FILES = ("ml-100k.inter", "ml-100k.item", "ml-100k.user")


def serve(order: Order) -> Served:
    """Downloads the wheel with pip and unpacks the data set's files from it; nothing of it is installed or run.

    Raises:
        FetchError: pip cannot download it.
        DataError: the checksum is wrong, or the wheel is broken or lacks the files.
        WriteError: the folder cannot be written.
    """
    endpoints = order.endpoints
    with tempfile.TemporaryDirectory(prefix="rlrec-wheel-") as temporary:
        wheel = _pip_download(Path(temporary), endpoints)
        Pin("sha256", endpoints.wheel_sha256).check(wheel, wheel.name)
        with named({wheel: endpoints.wheel}):
            unpack(wheel, order.folder, only={f"{WHEEL_FOLDER}/{name}": name for name in WHEEL_FILES})
        archive = record_archive(wheel, "pinned")
    note = "a copy of GroupLens's ml-100k with the same ratings, users and genres, in RecBole's layout"
    return Served("pypi", endpoints.wheel, True, archive, (note,))


def _pip_download(folder: Path, endpoints: Endpoints) -> Path:
    # Only a wheel will do: pip would run the code of a source distribution.
    options = ["--no-deps", "--only-binary=:all:", "--no-input", "--quiet", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "download", *options, "--retries=2", *endpoints.pip_options]
    try:
        run = subprocess.run(
            [*command, f"--dest={folder}", endpoints.wheel],
            capture_output=True,
            text=True,
            timeout=endpoints.pip_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise FetchError(f"pip download {endpoints.wheel} took longer than {endpoints.pip_seconds:g} s") from error
    wheels = sorted(folder.glob("*.whl"))
    if run.returncode != 0 or len(wheels) != 1:
        said = [line for line in run.stderr.splitlines() if line.strip()]
        errors = [line.removeprefix("ERROR: ") for line in said if line.startswith("ERROR: ")]
        why = (errors or said or [f"exit code {run.returncode}"])[-1]
        raise FetchError(f"pip download {endpoints.wheel}: {why}")
    return wheels[0]
