import hashlib
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import write_zip

from rlrec.data.dataset.provenance import Provenance, load_provenance
from rlrec.data.reading.parse import parse
from rlrec.data.sources.download import download
from rlrec.data.sources.source import Endpoints
from rlrec.data.sources.wheel import WHEEL_FILES
from rlrec.errors import DataError
from rlrec.settings.dataset import DataConfig

ZIP = "/movielens/ml-100k.zip"
MakeArchive = Callable[..., Path]


def _snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_auto_takes_grouplens_first(online: Endpoints, tmp_path: Path) -> None:
    provenance = download(DataConfig(), tmp_path / "raw", None, online)
    assert (provenance.source, provenance.known, provenance.tried) == ("grouplens", True, ())
    assert provenance.archive is not None
    assert provenance.archive.checksum == "pinned"
    assert len(parse(tmp_path / "raw" / "ml-100k", "ml-100k").users) == 6
    assert load_provenance(tmp_path / "raw") == provenance
    assert "redistributed" in provenance.terms
    assert "Harper" in provenance.citation
    assert not (tmp_path / ".raw.part").exists()


def test_provenance_records_every_file_and_no_time(online: Endpoints, tmp_path: Path) -> None:
    provenance = download(DataConfig(), tmp_path / "a" / "raw", None, online)
    download(DataConfig(), tmp_path / "b" / "raw", None, online)
    assert _snapshot(tmp_path / "a") == _snapshot(tmp_path / "b")
    for name, record in provenance.files.items():
        content = (tmp_path / "a" / "raw" / name).read_bytes()
        assert (record.bytes, record.sha256) == (len(content), hashlib.sha256(content).hexdigest())


def test_what_is_there_already_is_not_fetched_again(online: Endpoints, server: Any, tmp_path: Path) -> None:
    first = download(DataConfig(), tmp_path / "raw", None, online)
    asked = len(server.requests)
    assert download(DataConfig(), tmp_path / "raw", None, online) == first
    assert len(server.requests) == asked


def test_a_damaged_file_is_fetched_again(online: Endpoints, server: Any, tmp_path: Path) -> None:
    download(DataConfig(), tmp_path / "raw", None, online)
    whole = _snapshot(tmp_path / "raw")
    (tmp_path / "raw" / "ml-100k" / "u.data").write_text("1\t1\t5\t1\n")
    download(DataConfig(), tmp_path / "raw", None, online)
    assert _snapshot(tmp_path / "raw") == whole


def test_without_grouplens_the_wheel_serves(offline: Endpoints, wheelhouse: Path, tmp_path: Path) -> None:
    wheel = next(wheelhouse.iterdir())
    endpoints = replace(
        offline,
        pip_options=("--isolated", "--no-index", f"--find-links={wheelhouse}"),
        wheel_sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
    )
    provenance = download(DataConfig(), tmp_path / "raw", None, endpoints)
    assert (provenance.source, provenance.location, provenance.known) == ("pypi", "recbole==1.2.1", True)
    assert [(a.source, a.unreachable) for a in provenance.tried] == [("grouplens", True)]
    assert "refuses the connection" in provenance.tried[0].why
    assert sorted(provenance.files) == [f"ml-100k/{name}" for name in sorted(WHEEL_FILES)]


def test_no_network_and_no_copy_lists_what_was_tried_and_what_to_do(offline: Endpoints, tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        download(DataConfig(), tmp_path / "raw", None, offline)
    message = str(error.value)
    assert "grouplens: http://127.0.0.1" in message
    assert "pypi: pip download recbole==1.2.1: No matching distribution found" in message
    assert "Get ml-100k.zip by hand" in message
    assert "put it into data/local and set data.source: local" in message
    assert len(message.splitlines()) == 4
    assert not (tmp_path / "raw").exists()
    assert not list(tmp_path.glob(".raw*"))


def test_only_ml_100k_has_a_second_source(offline: Endpoints, tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        download(DataConfig(name="ml-1m"), tmp_path / "raw", None, offline)
    assert "pypi" not in str(error.value)


def test_a_failing_download_leaves_the_old_data(online: Endpoints, offline: Endpoints, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    download(DataConfig(), raw, None, online)
    before = _snapshot(raw)
    for config in (DataConfig(name="ml-1m"), DataConfig(source="local", local=str(tmp_path / "none.zip"))):
        with pytest.raises(DataError):
            download(config, raw, None, offline)
        assert _snapshot(raw) == before


def test_a_broken_off_download_is_continued_by_the_next_run(
    online: Endpoints, server: Any, draw_files: Any, tmp_path: Path
) -> None:
    large = draw_files("ml-100k") | {"README": np.random.default_rng(0).bytes(300_000)}
    content = write_zip(tmp_path / "large.zip", large).read_bytes()
    server.files[ZIP], server.cut_at = content, 200_000
    pinned = {"ml-100k": hashlib.md5(content).hexdigest()}
    once = replace(online, md5=pinned, patience=replace(online.patience, attempts=1))
    with pytest.raises(DataError, match="broke off"):
        download(DataConfig(), tmp_path / "raw", None, once)
    assert not (tmp_path / "raw").exists()
    arrived = (tmp_path / ".raw.part" / "ml-100k.zip.part").stat().st_size
    assert 0 < arrived <= 200_000
    download(DataConfig(), tmp_path / "raw", None, once)
    assert server.requests[-1] == (ZIP, f"bytes={arrived}-")
    assert not (tmp_path / ".raw.part").exists()


def test_a_changed_local_archive_is_taken_again(make_archive: MakeArchive, offline: Endpoints, tmp_path: Path) -> None:
    archive = make_archive(seed=0)
    config = DataConfig(source="local", local=str(archive))
    first = download(config, tmp_path / "raw", None, offline)
    make_archive(seed=1)
    assert download(config, tmp_path / "raw", None, offline).files != first.files


def test_an_unwritable_folder_is_named_before_anything_is_fetched(
    online: Endpoints, server: Any, tmp_path: Path
) -> None:
    (tmp_path / "data").write_text("a file where a folder should be")
    with pytest.raises(DataError, match=f"cannot write {tmp_path / 'data' / 'raw'}"):
        download(DataConfig(), tmp_path / "data" / "raw", None, online)
    assert server.requests == []


def test_a_source_that_fails_is_logged(offline: Endpoints, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "rlrec"), pytest.raises(DataError):
        download(DataConfig(), tmp_path / "raw", None, offline)
    assert "grouplens cannot serve ml-100k" in caplog.text


def test_provenance_round_trips(online: Endpoints, tmp_path: Path) -> None:
    provenance = download(DataConfig(), tmp_path / "raw", None, online)
    assert Provenance.model_validate_json(provenance.model_dump_json()) == provenance
