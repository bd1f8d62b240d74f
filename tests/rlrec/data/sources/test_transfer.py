import hashlib
import socket
from pathlib import Path
from typing import Any

import pytest

from rlrec.data.sources.transfer import FetchError, Patience, Pin, UnreachableError, fetch, fetch_text
from rlrec.errors import DataError

FAST = Patience(connect_seconds=0.5, read_seconds=2.0, attempts=3, backoff_seconds=0.01)
CONTENT = bytes(range(256)) * 2000
PIN = Pin("md5", hashlib.md5(CONTENT).hexdigest())


@pytest.fixture
def url(server: Any) -> str:
    server.files["/a.zip"] = CONTENT
    return f"{server.url}/a.zip"


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_arrives_whole_and_its_bytes_are_told(url: str, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    fetch(url, tmp_path / "a.zip", PIN, lambda *state: seen.append(state), FAST)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert seen == sorted(seen)
    assert _names(tmp_path) == ["a.zip"]


def test_a_broken_connection_is_continued_where_it_broke(url: str, server: Any, tmp_path: Path) -> None:
    server.cut_at = 100_000
    fetch(url, tmp_path / "a.zip", PIN, None, FAST)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    first, second = server.requests
    assert first[1] is None
    assert 0 < int(second[1].removeprefix("bytes=").removesuffix("-")) <= 100_000


def test_a_later_call_continues_the_part_of_an_earlier_one(url: str, server: Any, tmp_path: Path) -> None:
    server.cut_at = 100_000
    with pytest.raises(FetchError, match="broke off"):
        fetch(url, tmp_path / "a.zip", PIN, None, Patience(0.5, 2.0, attempts=1))
    assert not (tmp_path / "a.zip").exists()
    assert (tmp_path / "a.zip.part").stat().st_size > 0
    fetch(url, tmp_path / "a.zip", PIN, None, FAST)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    assert server.requests[-1][1] is not None
    assert _names(tmp_path) == ["a.zip"]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_part_of_another_version_is_fetched_again(url: str, server: Any, tmp_path: Path, ranges: bool) -> None:
    server.ranges = ranges
    server.cut_at = 100_000
    with pytest.raises(FetchError):
        fetch(url, tmp_path / "a.zip", None, None, Patience(0.5, 2.0, attempts=1))
    server.files["/a.zip"] = CONTENT[::-1]
    fetch(url, tmp_path / "a.zip", None, None, FAST)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT[::-1]


def test_a_damaged_part_is_found_by_the_checksum_and_fetched_again(url: str, server: Any, tmp_path: Path) -> None:
    server.cut_at = 100_000
    with pytest.raises(FetchError):
        fetch(url, tmp_path / "a.zip", PIN, None, Patience(0.5, 2.0, attempts=1))
    part = tmp_path / "a.zip.part"
    part.write_bytes(b"\xff" * part.stat().st_size)
    fetch(url, tmp_path / "a.zip", PIN, None, FAST)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


def test_a_wrong_checksum_names_both_and_keeps_nothing(url: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        fetch(url, tmp_path / "a.zip", Pin("md5", "0" * 32), None, FAST)
    assert url in str(error.value)
    assert f"md5 {PIN.digest}, expected {'0' * 32}" in str(error.value)
    assert _names(tmp_path) == []


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_passing_failure_is_tried_again(url: str, server: Any, tmp_path: Path, status: int) -> None:
    server.statuses = [status, status]
    fetch(url, tmp_path / "a.zip", PIN, None, FAST)
    assert len(server.requests) == 3


def test_attempts_are_limited(url: str, server: Any, tmp_path: Path) -> None:
    server.statuses = [503] * 9
    with pytest.raises(FetchError, match=r"HTTP 503 .*\(3 attempts\)"):
        fetch(url, tmp_path / "a.zip", PIN, None, FAST)
    assert len(server.requests) == 3


def test_a_lasting_failure_is_not_tried_again(server: Any, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="HTTP 404"):
        fetch(f"{server.url}/none", tmp_path / "a.zip", PIN, None, FAST)
    assert len(server.requests) == 1


def test_a_closed_port_is_unreachable_and_not_tried_again(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/a.zip"
        with pytest.raises(UnreachableError, match=r"127\.0\.0\.1 refuses the connection"):
            fetch(url, tmp_path / "a.zip", None, None, FAST)


def test_a_name_without_an_address_is_unreachable() -> None:
    with pytest.raises(UnreachableError, match=r"the name nowhere\.invalid cannot be resolved"):
        fetch_text("http://nowhere.invalid/a.md5", FAST)


def test_a_silent_server_is_given_up(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/a.zip"
        with pytest.raises(FetchError, match=r"nothing came for 0\.2 s \(2 attempts\)"):
            fetch(url, tmp_path / "a.zip", None, None, Patience(0.5, 0.2, attempts=2, backoff_seconds=0.01))


def test_an_endless_answer_is_cut(url: str, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="longer than the 1,000 bytes allowed"):
        fetch(url, tmp_path / "a.zip", None, None, Patience(0.5, 2.0, largest_bytes=1000))
    assert not (tmp_path / "a.zip").exists()


def test_an_unwritable_target_is_named(url: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(DataError, match=f"cannot write {tmp_path / 'file' / 'a.zip'}"):
        fetch(url, tmp_path / "file" / "a.zip", None, None, FAST)
