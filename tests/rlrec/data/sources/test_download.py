import hashlib
import json
import logging
import shutil
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import write_zip

from rlrec.data.dataset.provenance import Provenance, load_provenance
from rlrec.data.dataset.tables import SCHEMAS
from rlrec.data.reading.parse import parse
from rlrec.data.sources.download import WHEEL_FILES, WHEEL_FOLDER, Endpoints, download, split_pin
from rlrec.data.sources.transfer import Patience
from rlrec.errors import DataError
from rlrec.settings.config import DataConfig
from rlrec.storage.archives import unpack

FAST = Patience(connect_seconds=0.5, read_seconds=2.0, attempts=2, backoff_seconds=0.01)
ZIP = "/movielens/ml-100k.zip"
MakeArchive = Callable[..., Path]


def _md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def _snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def unreachable() -> str:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{closed.getsockname()[1]}"


@pytest.fixture
def wheelhouse(tmp_path: Path, draw_files: Any) -> Path:
    """A folder with a wheel that carries the small data set where recbole carries ml-100k."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    files = draw_files("recbole")
    info = "recbole-1.2.1.dist-info"
    content = {f"{WHEEL_FOLDER}/{name}": files[name] for name in WHEEL_FILES}
    content |= {
        "recbole/__init__.py": b"raise SystemExit('never run')\n",
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: recbole\nVersion: 1.2.1\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": b"",
    }
    write_zip(folder / "recbole-1.2.1-py3-none-any.whl", content)
    return folder


@pytest.fixture
def offline(unreachable: str, tmp_path: Path) -> Endpoints:
    """Neither GroupLens nor a package index."""
    (tmp_path / "empty").mkdir()
    options = ("--isolated", "--no-index", f"--find-links={tmp_path / 'empty'}")
    return Endpoints(grouplens=unreachable, pip_options=options, patience=FAST)


@pytest.fixture
def online(server: Any, make_archive: MakeArchive, tmp_path: Path, offline: Endpoints) -> Endpoints:
    """A GroupLens that serves the small data set under ml-100k's name."""
    content = make_archive(path=tmp_path / "served" / "ml-100k.zip").read_bytes()
    server.files[ZIP] = content
    return replace(offline, grouplens=server.url, md5={"ml-100k": _md5(content)})


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


def test_a_wheel_with_another_checksum_is_refused(offline: Endpoints, wheelhouse: Path, tmp_path: Path) -> None:
    endpoints = replace(offline, pip_options=("--isolated", "--no-index", f"--find-links={wheelhouse}"))
    with pytest.raises(DataError, match=r"pypi: recbole-1\.2\.1-py3-none-any\.whl has the wrong checksum"):
        download(DataConfig(), tmp_path / "raw", None, endpoints)


def test_no_network_and_no_copy_lists_what_was_tried_and_what_to_do(offline: Endpoints, tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        download(DataConfig(), tmp_path / "raw", None, offline)
    message = str(error.value)
    assert "grouplens: http://127.0.0.1" in message
    assert "pypi: pip download recbole==1.2.1: No matching distribution found" in message
    assert "data.source: /path/to/ml-100k.zip" in message
    assert len(message.splitlines()) == 4
    assert not (tmp_path / "raw").exists()
    assert not list(tmp_path.glob(".raw*"))


def test_only_ml_100k_has_a_second_source(offline: Endpoints, tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        download(DataConfig(name="ml-1m"), tmp_path / "raw", None, offline)
    assert "pypi" not in str(error.value)


def test_a_wrong_checksum_is_no_success(online: Endpoints, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"grouplens: .* has the wrong checksum: md5 "):
        download(DataConfig(), tmp_path / "raw", None, replace(online, md5={"ml-100k": "0" * 32}))


def test_a_failing_download_leaves_the_old_data(online: Endpoints, offline: Endpoints, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    download(DataConfig(), raw, None, online)
    before = _snapshot(raw)
    for config in (DataConfig(name="ml-1m"), DataConfig(source=str(tmp_path / "none.zip"))):
        with pytest.raises(DataError):
            download(config, raw, None, offline)
        assert _snapshot(raw) == before


def test_a_broken_off_download_is_continued_by_the_next_run(
    online: Endpoints, server: Any, draw_files: Any, tmp_path: Path
) -> None:
    large = draw_files("ml-100k") | {"README": np.random.default_rng(0).bytes(300_000)}
    content = write_zip(tmp_path / "large.zip", large).read_bytes()
    server.files[ZIP], server.cut_at = content, 200_000
    once = replace(online, md5={"ml-100k": _md5(content)}, patience=replace(FAST, attempts=1))
    with pytest.raises(DataError, match="broke off"):
        download(DataConfig(), tmp_path / "raw", None, once)
    assert not (tmp_path / "raw").exists()
    arrived = (tmp_path / ".raw.part" / "ml-100k.zip.part").stat().st_size
    assert 0 < arrived <= 200_000
    download(DataConfig(), tmp_path / "raw", None, once)
    assert server.requests[-1] == (ZIP, f"bytes={arrived}-")
    assert not (tmp_path / ".raw.part").exists()


def test_ml_latest_is_compared_with_the_published_checksum(
    server: Any, offline: Endpoints, make_archive: MakeArchive, tmp_path: Path
) -> None:
    content = make_archive("ml-latest").read_bytes()
    path = "/movielens/ml-latest-small.zip"
    server.files |= {path: content, f"{path}.md5": f"MD5 (ml-latest-small.zip) = {_md5(content)}\n".encode()}
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


def test_a_local_archive_is_used_instead(make_archive: MakeArchive, offline: Endpoints, tmp_path: Path) -> None:
    archive = make_archive()
    provenance = download(DataConfig(source=str(archive)), tmp_path / "raw", None, offline)
    assert (provenance.source, provenance.location, provenance.known) == ("path", str(archive), False)
    assert "not known to be GroupLens's own archive" in provenance.notes[0]
    assert archive.exists()


def test_a_changed_local_archive_is_taken_again(make_archive: MakeArchive, offline: Endpoints, tmp_path: Path) -> None:
    archive = make_archive(seed=0)
    config = DataConfig(source=str(archive))
    first = download(config, tmp_path / "raw", None, offline)
    make_archive(seed=1)
    assert download(config, tmp_path / "raw", None, offline).files != first.files


def test_a_url_is_used_instead(make_archive: MakeArchive, server: Any, offline: Endpoints, tmp_path: Path) -> None:
    content = make_archive().read_bytes()
    server.files["/mine.zip"] = content
    source = f"{server.url}/mine.zip#sha256={hashlib.sha256(content).hexdigest()}"
    provenance = download(DataConfig(source=source), tmp_path / "raw", None, offline)
    assert provenance.source == "url"
    assert provenance.archive is not None
    assert provenance.archive.checksum == "pinned"


def test_a_folder_is_copied(make_folder: MakeArchive, offline: Endpoints, tmp_path: Path) -> None:
    folder = make_folder("ml-1m")
    provenance = download(DataConfig(name="ml-1m", source=str(folder)), tmp_path / "raw", None, offline)
    assert (provenance.source, provenance.archive) == ("folder", None)
    assert (tmp_path / "raw" / "ml-1m" / "users.dat").read_bytes() == (folder / "users.dat").read_bytes()


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_a_pinned_local_archive_must_match(
    make_archive: MakeArchive, offline: Endpoints, tmp_path: Path, algorithm: str
) -> None:
    archive = make_archive()
    digest = hashlib.new(algorithm, archive.read_bytes()).hexdigest()
    download(DataConfig(source=f"{archive}#{algorithm}={digest}"), tmp_path / "raw", None, offline)
    wrong = "0" * len(digest)
    with pytest.raises(DataError, match=f"{archive} has the wrong checksum: {algorithm} {digest}, expected {wrong}"):
        download(DataConfig(source=f"{archive}#{algorithm}={wrong}"), tmp_path / "raw2", None, offline)
    with pytest.raises(DataError, match="digits, not 4"):
        split_pin(f"a.zip#{algorithm}=abcd")


@pytest.mark.parametrize("damage", ["truncated", "leads out", "lacks", "another"])
def test_a_bad_local_archive_leaves_nothing(
    make_archive: MakeArchive, draw_files: Any, offline: Endpoints, tmp_path: Path, damage: str
) -> None:
    archive, files = make_archive(), draw_files("ml-100k")
    match damage:
        case "truncated":
            archive.write_bytes(archive.read_bytes()[:2000])
        case "leads out":
            write_zip(archive, files | {"../evil": b"x"})
        case "lacks":
            del files["u.user"]
            write_zip(archive, files)
        case "another":
            make_archive("ml-1m", path=archive)
    reason = {"lacks": r"lacks u\.user", "another": r"data\.name must be ml-1m"}.get(damage, damage)
    with pytest.raises(DataError, match=reason):
        download(DataConfig(source=str(archive)), tmp_path / "data" / "raw", None, offline)
    assert list((tmp_path / "data").iterdir()) == []
    assert not (tmp_path / "evil").exists()


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


def test_a_broken_provenance_record_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"provenance\.json is missing"):
        load_provenance(tmp_path)
    for content in ("{", json.dumps({"dataset": "ml-100k"})):
        (tmp_path / "provenance.json").write_text(content)
        with pytest.raises(DataError, match=r"provenance\.json is no provenance record"):
            load_provenance(tmp_path)


@pytest.mark.slow
@pytest.mark.realdata
def test_the_real_wheel_equals_grouplens_files(ml100k_archive: Path, unreachable: str, tmp_path: Path) -> None:
    try:
        download(DataConfig(), tmp_path / "raw", None, Endpoints(grouplens=unreachable, patience=FAST))
    except DataError as error:
        if "pip download" in str(error):
            pytest.skip(f"no package index here: {error}")
        raise
    unpack(ml100k_archive, tmp_path / "theirs")
    ours, theirs = parse(tmp_path / "raw" / "ml-100k", "ml-100k"), parse(tmp_path / "theirs", "ml-100k")
    for name in SCHEMAS:
        assert ours[name].equals(theirs[name]), name
    shutil.rmtree(tmp_path / "raw")


def test_provenance_round_trips(online: Endpoints, tmp_path: Path) -> None:
    provenance = download(DataConfig(), tmp_path / "raw", None, online)
    assert Provenance.model_validate_json(provenance.model_dump_json()) == provenance


def test_the_home_of_nobody_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="~nobody-of-that-name"):
        download(DataConfig(source="~nobody-of-that-name/ml.zip"), tmp_path / "raw", None)
