import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rlrec.data.sources.download import download
from rlrec.data.sources.source import Endpoints
from rlrec.errors import DataError
from rlrec.settings.dataset import DataConfig

MakeArchive = Callable[..., Path]


def test_a_wrong_checksum_is_no_success(online: Endpoints, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"grouplens: .* has the wrong checksum: md5 "):
        download(DataConfig(), tmp_path / "raw", None, replace(online, md5={"ml-100k": "0" * 32}))


def test_ml_latest_is_compared_with_the_published_checksum(
    server: Any, offline: Endpoints, make_archive: MakeArchive, tmp_path: Path
) -> None:
    content = make_archive("ml-latest").read_bytes()
    path = "/movielens/ml-latest-small.zip"
    published = f"MD5 (ml-latest-small.zip) = {hashlib.md5(content).hexdigest()}\n"
    server.files |= {path: content, f"{path}.md5": published.encode()}
    endpoints, config = replace(offline, grouplens=server.url), DataConfig(name="ml-latest-small")
    provenance = download(config, tmp_path / "raw", None, endpoints)
    assert provenance.archive is not None
    assert provenance.archive.checksum == "published"
    server.files[f"{path}.md5"] = b"0" * 32
    with pytest.raises(DataError, match="wrong checksum"):
        download(config, tmp_path / "other", None, endpoints)
    del server.files[f"{path}.md5"]
    provenance = download(config, tmp_path / "third", None, endpoints)
    assert provenance.archive is not None
    assert provenance.archive.checksum == "unchecked"
    assert "could not be had" in provenance.notes[0]
