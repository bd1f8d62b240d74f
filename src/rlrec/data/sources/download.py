"""Gets a MovieLens data set into `data/raw/` from the first source that can serve it."""

import logging
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rlrec.data.dataset.provenance import (
    ArchiveRecord,
    Attempt,
    Compared,
    FileRecord,
    Provenance,
    SourceKind,
    load_provenance,
    record_archive,
    record_file,
    still_there,
)
from rlrec.data.reading.parse import detect_layout
from rlrec.data.sources.transfer import (
    DEFAULT_PATIENCE,
    FetchError,
    Patience,
    Pin,
    Progress,
    UnreachableError,
    fetch,
    fetch_text,
)
from rlrec.errors import DataError, WriteError
from rlrec.settings.config import DataConfig
from rlrec.storage.archives import unpack
from rlrec.storage.files import atomic_folder, checksum, restore, writing

logger = logging.getLogger(__name__)

MD5: dict[str, str] = {
    "ml-100k": "0e33842e24a9c977be4e0107933c0723",
    "ml-1m": "c4d9eecfca2ab87c1945afe126590906",
}
"""Checksums of GroupLens's archives that never change. Those of ml-latest do, and are published beside them."""

WHEEL_FOLDER = "recbole/dataset_example/ml-100k"
WHEEL_FILES = ("ml-100k.inter", "ml-100k.item", "ml-100k.user")

_PIN = re.compile(r"#(md5|sha256)=([0-9a-fA-F]+)$")
_DIGEST_LENGTHS = {"md5": 32, "sha256": 64}


@dataclass(frozen=True)
class Endpoints:
    """Where the automatic sources are."""

    grouplens: str = "https://files.grouplens.org/datasets"
    wheel: str = "recbole==1.2.1"
    """A wheel that carries a copy of ml-100k. It is downloaded and opened, never installed."""
    wheel_sha256: str = "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407"
    pip_options: tuple[str, ...] = ()
    pip_seconds: float = 300.0
    md5: Mapping[str, str] = field(default_factory=lambda: dict(MD5))
    patience: Patience = DEFAULT_PATIENCE


DEFAULT_ENDPOINTS = Endpoints()


@dataclass(frozen=True)
class _Served:
    """What a source has put into the folder it was given."""

    source: SourceKind
    location: str
    known: bool
    archive: ArchiveRecord | None
    notes: tuple[str, ...] = ()


def download(
    config: DataConfig, raw: Path, progress: Progress | None = None, endpoints: Endpoints = DEFAULT_ENDPOINTS
) -> Provenance:
    """Gets the files of `config.name` into `raw/<name>/`, and says in `raw/provenance.json` where they come from.

    `config.source` is `auto` (GroupLens, then for ml-100k the copy in a wheel on PyPI), or the path or URL of a zip
    archive or the path of a folder. A `#md5=…` or `#sha256=…` at its end pins the archive's checksum. What is there
    already from the same source is kept. `raw` is replaced as a whole or left as it was; a broken-off transfer stays in
    `.<raw>.part/` beside it and is continued next time.

    Args:
        config: which data set, and from where.
        raw: folder, usually `data/raw`.
        progress: called while bytes arrive.
        endpoints: where the automatic sources are.

    Raises:
        DataError: no source can serve it (the message lists each with its reason and says what to do), the checksum is
            wrong, or the archive is broken or unsafe or holds something else.
        WriteError: `raw` cannot be written.
    """
    with writing(raw):
        restore(raw)
    incoming = raw.with_name(f".{raw.name}.part")
    try:
        if (present := _present(config, raw)) is not None:
            logger.info("%s is already in %s, from %s (%s)", config.name, raw, present.source, present.location)
            return present
        with atomic_folder(raw) as fresh:
            folder = fresh / config.name
            tried: list[Attempt] = []
            if config.source == "auto":
                served = _first_that_serves(config.name, folder, incoming, tried, progress, endpoints)
            else:
                served = _from_request(config, folder, incoming, progress, endpoints)
                _check_layout(folder, config.name)
            provenance = Provenance(
                dataset=config.name,
                requested=config.source,
                source=served.source,
                location=served.location,
                known=served.known,
                archive=served.archive,
                files=_records(fresh),
                tried=tuple(tried),
                notes=served.notes,
            )
            provenance.save(fresh)
    finally:
        if incoming.is_dir() and not any(incoming.glob("*.part")):
            shutil.rmtree(incoming, ignore_errors=True)
    logger.info("%s comes from %s (%s)", config.name, served.source, served.location)
    return provenance


def _present(config: DataConfig, raw: Path) -> Provenance | None:
    try:
        old = load_provenance(raw)
    except DataError:
        return None
    if (old.dataset, old.requested) != (config.name, config.source):
        return None
    if not all(still_there(raw / name, record) for name, record in old.files.items()):
        return None
    if old.source == "path" and old.archive is not None:
        path, _ = split_pin(config.source)
        archive = local_path(path, "data.source")
        return old if archive.is_file() and checksum(archive) == old.archive.sha256 else None
    # A folder may have changed, and copying it is as fast as comparing it.
    return None if old.source == "folder" else old


def _first_that_serves(
    name: str, folder: Path, incoming: Path, tried: list[Attempt], progress: Progress | None, endpoints: Endpoints
) -> _Served:
    sources: dict[str, Callable[[], _Served]] = {
        "grouplens": lambda: _from_grouplens(name, folder, incoming, progress, endpoints)
    }
    if name == "ml-100k":
        sources["pypi"] = lambda: _from_wheel(folder, endpoints)
    for source, serve in sources.items():
        try:
            served = serve()
            _check_layout(folder, name)
            return served
        except WriteError:  # no source can help there
            raise
        except DataError as error:
            tried.append(Attempt(source=source, why=str(error), unreachable=isinstance(error, UnreachableError)))
            logger.warning("%s cannot serve %s: %s", source, name, error)
            shutil.rmtree(folder, ignore_errors=True)
    reasons = "\n".join(f"  {attempt.source}: {attempt.why}" for attempt in tried)
    raise DataError(
        f"no source can serve {name}:\n{reasons}\n"
        f"Get {name}.zip by hand (https://grouplens.org/datasets/movielens/) and set data.source: /path/to/{name}.zip"
    )


def _from_grouplens(
    name: str, folder: Path, incoming: Path, progress: Progress | None, endpoints: Endpoints
) -> _Served:
    url = f"{endpoints.grouplens}/movielens/{name}.zip"
    pin, notes = _grouplens_pin(name, url, endpoints)
    archive = incoming / f"{name}.zip"
    fetch(url, archive, pin, progress, endpoints.patience)
    unpack(archive, folder)
    compared: Compared = "unchecked" if pin is None else "pinned" if name in endpoints.md5 else "published"
    return _Served("grouplens", url, True, record_archive(archive, compared), notes)


def _grouplens_pin(name: str, url: str, endpoints: Endpoints) -> tuple[Pin | None, tuple[str, ...]]:
    if name in endpoints.md5:
        return Pin("md5", endpoints.md5[name]), ()
    try:
        published = re.search(r"\b[0-9a-f]{32}\b", fetch_text(f"{url}.md5", endpoints.patience).lower())
    except UnreachableError:
        raise
    except FetchError as error:
        return None, (f"GroupLens's checksum could not be had, so the archive was not compared with one: {error}",)
    if published is None:
        return None, (f"{url}.md5 holds no checksum, so the archive was not compared with one",)
    return Pin("md5", published.group()), ()


def _from_wheel(folder: Path, endpoints: Endpoints) -> _Served:
    with tempfile.TemporaryDirectory(prefix="rlrec-wheel-") as temporary:
        wheel = _pip_download(Path(temporary), endpoints)
        Pin("sha256", endpoints.wheel_sha256).check(wheel, wheel.name)
        unpack(wheel, folder, only={f"{WHEEL_FOLDER}/{name}": name for name in WHEEL_FILES})
        archive = record_archive(wheel, "pinned")
    note = "a copy of GroupLens's ml-100k with the same ratings, users and genres, in RecBole's layout"
    return _Served("pypi", endpoints.wheel, True, archive, (note,))


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


def _from_request(
    config: DataConfig, folder: Path, incoming: Path, progress: Progress | None, endpoints: Endpoints
) -> _Served:
    location, pin = split_pin(config.source)
    source: SourceKind
    if re.match(r"https?://", location):
        archive, source = incoming / f"{config.name}.zip", "url"
        fetch(location, archive, pin, progress, endpoints.patience)
    else:
        archive, source = local_path(location, "data.source"), "path"
        if archive.is_dir():
            if pin is not None:
                raise DataError(f"data.source: {location} is a folder, which cannot have a checksum")
            return _from_folder(archive, config.name, folder)
        if not archive.is_file():
            raise DataError(f"data.source: {location} does not exist")
        if pin is not None:
            pin.check(archive, location)
    unpack(archive, folder)
    record = record_archive(archive, "pinned" if pin is not None else "unchecked")
    official = endpoints.md5.get(config.name)
    known = record.md5 == official
    notes = () if known else ("not known to be GroupLens's own archive, so its row counts are not checked",)
    return _Served(source, location, known, record, notes)


def _from_folder(source: Path, name: str, folder: Path) -> _Served:
    inner, layout = detect_layout(source)
    layout.check(inner, name)
    folder.mkdir(parents=True)
    for file in layout.files:
        shutil.copyfile(inner / file, folder / file)
    return _Served("folder", str(source), False, None, ("a folder, so its row counts are not checked",))


def _check_layout(folder: Path, name: str) -> None:
    inner, layout = detect_layout(folder)
    layout.check(inner, name)


def local_path(location: str, setting: str) -> Path:
    """The path that a setting names, with `~` and `~name` followed.

    Raises:
        DataError: nobody has that name.
    """
    try:
        return Path(location).expanduser()
    except RuntimeError as error:
        raise DataError(f"{setting}: {location}: {error}") from error


def split_pin(source: str, setting: str = "data.source") -> tuple[str, Pin | None]:
    """A path or URL without the checksum at its end, and that checksum; `setting` is where it was written.

    Raises:
        DataError: the checksum has the wrong length.
    """
    found = _PIN.search(source)
    if found is None:
        return source, None
    algorithm, digest = found.group(1), found.group(2).lower()
    if len(digest) != _DIGEST_LENGTHS[algorithm]:
        raise DataError(
            f"{setting}: {source}: a {algorithm} has {_DIGEST_LENGTHS[algorithm]} digits, not {len(digest)}"
        )
    return source[: found.start()], Pin(algorithm, digest)


def _records(folder: Path) -> dict[str, FileRecord]:
    return {
        path.relative_to(folder).as_posix(): record_file(path) for path in sorted(folder.rglob("*")) if path.is_file()
    }
