import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from rlrec.data.dataset.tables import SCHEMAS
from rlrec.data.reading.parse import parse
from rlrec.data.sources.download import download
from rlrec.data.sources.source import Endpoints
from rlrec.errors import DataError
from rlrec.settings.dataset import DataConfig
from rlrec.storage.archives import unpack


def test_a_wheel_with_another_checksum_is_refused(offline: Endpoints, wheelhouse: Path, tmp_path: Path) -> None:
    endpoints = replace(offline, pip_options=("--isolated", "--no-index", f"--find-links={wheelhouse}"))
    with pytest.raises(DataError, match=r"pypi: recbole-1\.2\.1-py3-none-any\.whl has the wrong checksum"):
        download(DataConfig(), tmp_path / "raw", None, endpoints)


@pytest.mark.slow
@pytest.mark.realdata
def test_the_real_wheel_equals_grouplens_files(ml100k_archive: Path, offline: Endpoints, tmp_path: Path) -> None:
    try:
        download(DataConfig(), tmp_path / "raw", None, replace(offline, pip_options=()))
    except DataError as error:
        if "pip download" in str(error):
            pytest.skip(f"no package index here: {error}")
        raise
    unpack(ml100k_archive, tmp_path / "theirs")
    ours, theirs = parse(tmp_path / "raw" / "ml-100k", "ml-100k"), parse(tmp_path / "theirs", "ml-100k")
    for name in SCHEMAS:
        assert ours[name].equals(theirs[name]), name
    shutil.rmtree(tmp_path / "raw")
