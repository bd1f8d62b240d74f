"""Fetches one URL onto disk: resumed where it broke off, retried where that can help, whole or not at all."""

import json
import logging
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import requests
import urllib3

from rlrec.errors import DataError, WriteError
from rlrec.storage.files import checksum

logger = logging.getLogger(__name__)

OnBytes = Callable[[int, int | None], None]
"""Called with the bytes that have arrived and the bytes expected, or None where the server does not say."""

_CHUNK = 1 << 16
_TRANSIENT_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class Patience:
    """How long to wait for a server."""

    connect_seconds: float = 3.0
    read_seconds: float = 30.0
    attempts: int = 4
    backoff_seconds: float = 0.5
    """Pause before the second attempt; doubles with each one after it."""
    largest_bytes: int = 4 * 2**30
    """A longer answer is refused."""


DEFAULT_PATIENCE = Patience()


@dataclass(frozen=True)
class Pin:
    """The checksum that a file must have."""

    algorithm: str  # a name that hashlib knows
    digest: str  # hexadecimal, lower case

    def check(self, path: Path, name: str) -> None:
        """Raises DataError, naming both checksums, where the file at `path` is not the pinned one."""
        found = checksum(path, self.algorithm)
        if found != self.digest:
            raise DataError(f"{name} has the wrong checksum: {self.algorithm} {found}, expected {self.digest}")


class FetchError(DataError):
    """A URL cannot be fetched."""


class UnreachableError(FetchError):
    """No connection to the server at all; asking it for something else will fail just the same."""


class _TransientError(FetchError):
    """Worth another attempt."""


def is_url(location: str) -> bool:
    """Whether that is something to `fetch`, not a path."""
    return re.match(r"https?://", location, re.IGNORECASE) is not None


@contextmanager
def incoming_beside(folder: Path) -> Iterator[Path]:
    """Yields `.<folder>.part` beside a folder, for archives on their way there.

    After the block it is gone, unless a transfer broke off in it that a later call can continue. What cannot be written
    there is said not to be writable in the folder.
    """
    incoming = folder.with_name(f".{folder.name}.part")
    try:
        yield incoming
    except WriteError as error:
        raise WriteError(str(error).replace(str(incoming), str(folder))) from error
    finally:
        if incoming.is_dir() and not any(incoming.glob("*.part")):
            shutil.rmtree(incoming, ignore_errors=True)


def fetch(
    url: str,
    target: Path,
    pin: Pin | None = None,
    on_bytes: OnBytes | None = None,
    patience: Patience = DEFAULT_PATIENCE,
) -> None:
    """Fetches `url` to `target`, by way of `<target>.part`, from where a later call continues.

    A part is only continued when the server still serves the same file (`If-Range`) or the checksum is pinned;
    otherwise it is fetched from the start.

    Raises:
        UnreachableError: the name cannot be resolved, or nobody answers.
        FetchError: the server refuses, or the connection broke on every attempt.
        DataError: the checksum is wrong; nothing is kept then.
        WriteError: `target` cannot be written; what has arrived is kept.
    """
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        resumed = _fetch_with_retries(url, part, pin, on_bytes, patience)
        if pin is not None:
            try:
                pin.check(part, url)
            except DataError:
                _forget(part)
                if not resumed:
                    raise
                # The head of the file may be from another version of it: once more, from the start.
                _fetch_with_retries(url, part, pin, on_bytes, patience)
                pin.check(part, url)
        part.replace(target)
        _forget(part)
    except requests.RequestException as error:
        raise FetchError(f"{url}: {_reason(error, patience)}") from error
    except OSError as error:
        raise WriteError(f"cannot write {target}: {error.strerror or error}") from error


def fetch_text(url: str, patience: Patience = DEFAULT_PATIENCE) -> str:
    """The body of a small text file.

    Raises:
        UnreachableError, FetchError: as in `fetch`, without a second attempt.
    """
    try:
        answer = requests.get(url, timeout=(patience.connect_seconds, patience.read_seconds))
    except requests.RequestException as error:
        raise _classified(url, error, patience) from error
    if not answer.ok:
        raise FetchError(f"{url}: HTTP {answer.status_code} {answer.reason}")
    return answer.text


def _fetch_with_retries(url: str, part: Path, pin: Pin | None, on_bytes: OnBytes | None, patience: Patience) -> bool:
    for attempt in range(1, patience.attempts + 1):
        try:
            return _attempt(url, part, pin, on_bytes, patience)
        except _TransientError as error:
            if attempt == patience.attempts:
                raise FetchError(f"{error} ({attempt} attempts)") from error
            pause = patience.backoff_seconds * 2 ** (attempt - 1)
            logger.info("%s; attempt %d of %d in %.1f s", error, attempt + 1, patience.attempts, pause)
            time.sleep(pause)
    raise FetchError(f"{url}: no attempt allowed")


def _attempt(url: str, part: Path, pin: Pin | None, on_bytes: OnBytes | None, patience: Patience) -> bool:
    validator = _validator(part, url)
    have = part.stat().st_size if part.is_file() and (validator or pin) and _same_url(part, url) else 0
    # Bytes of the file itself are wanted; a transfer compression would make ranges and lengths mean something else.
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if validator:
            headers["If-Range"] = validator
    try:
        timeouts = (patience.connect_seconds, patience.read_seconds)
        with requests.get(url, headers=headers, stream=True, timeout=timeouts) as answer:
            if answer.status_code == requests.codes.requested_range_not_satisfiable and have:
                _forget(part)
                raise _TransientError(f"{url}: the part on disk does not fit the server's file")
            if not answer.ok:
                kind = _TransientError if answer.status_code in _TRANSIENT_STATUS else FetchError
                raise kind(f"{url}: HTTP {answer.status_code} {answer.reason}")
            resumes = answer.status_code == requests.codes.partial_content and have > 0
            _receive(url, answer, part, have if resumes else 0, on_bytes, patience)
            return resumes
    except requests.RequestException as error:
        raise _classified(url, error, patience) from error


def _receive(
    url: str, answer: requests.Response, part: Path, have: int, on_bytes: OnBytes | None, patience: Patience
) -> None:
    length = answer.headers.get("Content-Length")
    total = have + int(length) if length and length.isdigit() else None
    with part.open("ab" if have else "wb") as sink:
        if not have:  # only once the old part is gone, to which a new validator must never belong
            _remember(part, url, answer)
        for chunk in answer.iter_content(_CHUNK):
            sink.write(chunk)
            have += len(chunk)
            if have > patience.largest_bytes:
                raise FetchError(f"{url}: longer than the {patience.largest_bytes:,} bytes allowed")
            if on_bytes is not None:
                on_bytes(have, total)
    if total is not None and have < total:
        raise _TransientError(f"{url}: the connection broke off")


def _classified(url: str, error: requests.RequestException, patience: Patience) -> FetchError:
    message = f"{url}: {_reason(error, patience)}"
    if isinstance(error, requests.exceptions.ConnectTimeout) or _cause(error, urllib3.exceptions.NewConnectionError):
        return UnreachableError(message)
    if isinstance(error, (requests.exceptions.ProxyError, requests.exceptions.SSLError)):
        return UnreachableError(message)
    if isinstance(error, (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)):
        return _TransientError(message)
    return FetchError(message)


def _reason(error: requests.RequestException, patience: Patience) -> str:
    """One phrase that is the same for the same cause: requests' own messages carry addresses of objects."""
    host = urlsplit(error.request.url).hostname if error.request is not None and error.request.url else "the server"
    if _cause(error, urllib3.exceptions.NameResolutionError):
        return f"the name {host} cannot be resolved"
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return f"no answer within {patience.connect_seconds:g} s"
    if _cause(error, urllib3.exceptions.NewConnectionError):
        return f"{host} refuses the connection"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy refuses the connection"
    if isinstance(error, requests.exceptions.SSLError):
        return f"the certificate of {host} cannot be verified"
    if isinstance(error, requests.Timeout):
        return f"nothing came for {patience.read_seconds:g} s"
    if isinstance(error, (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        return "the connection broke off"
    return str(error)


def _cause(error: BaseException, kind: type[BaseException]) -> bool:
    """Whether `kind` is anywhere in what led to `error`: requests wraps urllib3, which wraps the socket's error."""
    pending: list[object] = [error]
    while pending:
        found = pending.pop()
        if isinstance(found, kind):
            return True
        if isinstance(found, BaseException):
            pending += [*found.args, getattr(found, "reason", None), found.__cause__]
    return False


def _notes(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _remember(part: Path, url: str, answer: requests.Response) -> None:
    etag = answer.headers.get("ETag", "")
    # A weak ETag may not be used with If-Range (RFC 9110, 13.1.5).
    validator = answer.headers.get("Last-Modified") if not etag or etag.startswith("W/") else etag
    _notes(part).write_text(json.dumps({"url": url, "validator": validator}), encoding="utf-8")


def _read_notes(part: Path) -> dict[str, str | None]:
    try:
        notes = json.loads(_notes(part).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return notes if isinstance(notes, dict) else {}


def _same_url(part: Path, url: str) -> bool:
    return _read_notes(part).get("url") == url


def _validator(part: Path, url: str) -> str | None:
    return _read_notes(part).get("validator") if _same_url(part, url) else None


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _notes(part).unlink(missing_ok=True)
