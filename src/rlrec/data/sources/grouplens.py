"""GroupLens's own archives, compared with the checksum that is pinned or that is published beside them."""

import re

from rlrec.data.dataset.provenance import Compared, record_archive
from rlrec.data.registry import DATASETS
from rlrec.data.sources.naming import named
from rlrec.data.sources.source import Endpoints, Order, Served
from rlrec.data.sources.transfer import FetchError, Pin, UnreachableError, fetch, fetch_text
from rlrec.storage.archives import unpack


def serve(order: Order) -> Served:
    """Fetches and unpacks the data set's archive.

    Raises:
        UnreachableError: there is no connection to GroupLens.
        DataError: it refuses, the checksum is wrong, or the archive is broken or unsafe.
        WriteError: the folder cannot be written.
    """
    url = f"{order.endpoints.grouplens}/{DATASETS[order.name].at or f'movielens/{order.name}.zip'}"
    pin, notes = _pin(order.name, url, order.endpoints)
    archive = order.incoming / f"{order.name}.zip"
    fetch(url, archive, pin, order.on_bytes, order.endpoints.patience)
    with named({archive: url}):
        unpack(archive, order.folder)
    compared: Compared = "unchecked" if pin is None else "pinned" if order.name in order.endpoints.md5 else "published"
    return Served("grouplens", url, True, record_archive(archive, compared), notes)


def _pin(name: str, url: str, endpoints: Endpoints) -> tuple[Pin | None, tuple[str, ...]]:
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
