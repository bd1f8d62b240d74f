"""What a user names in the settings instead of the automatic sources: an archive by path or URL, or a folder."""

import re
import shutil
from pathlib import Path

from rlrec.data.dataset.provenance import SourceKind, record_archive
from rlrec.data.reading.parse import detect_layout
from rlrec.data.sources.source import Order, Served
from rlrec.data.sources.transfer import Pin, fetch, is_url
from rlrec.errors import DataError
from rlrec.storage.archives import unpack

_PIN = re.compile(r"#(md5|sha256)=([0-9a-fA-F]+)$")
_DIGEST_LENGTHS = {"md5": 32, "sha256": 64}


def serve(order: Order, given: str) -> Served:
    """Unpacks the archive, or copies the folder, that `data.source` names.

    Args:
        order: what to get, and where to.
        given: `data.source`, with the checksum at its end, if any.

    Raises:
        DataError: there is nothing at that place, the checksum is wrong, the archive is broken or unsafe, or the folder
            holds something else.
        WriteError: the folder cannot be written.
    """
    location, pin = split_pin(given)
    source: SourceKind
    if is_url(location):
        archive, source = order.incoming / f"{order.name}.zip", "url"
        fetch(location, archive, pin, order.on_bytes, order.endpoints.patience)
    else:
        archive, source = local_path(location, "data.source"), "path"
        if archive.is_dir():
            if pin is not None:
                raise DataError(f"data.source: {location} is a folder, which cannot have a checksum")
            return _copy(archive, order)
        if not archive.is_file():
            raise DataError(f"data.source: {location} does not exist")
        if pin is not None:
            pin.check(archive, location)
    unpack(archive, order.folder)
    record = record_archive(archive, "pinned" if pin is not None else "unchecked")
    known = record.md5 == order.endpoints.md5.get(order.name)
    notes = () if known else ("not known to be GroupLens's own archive, so its row counts are not checked",)
    return Served(source, location, known, record, notes)


def _copy(folder: Path, order: Order) -> Served:
    inner, layout = detect_layout(folder, order.name)
    order.folder.mkdir(parents=True)
    for file in layout.files:
        shutil.copyfile(inner / file, order.folder / file)
    return Served("folder", str(folder), False, None, ("a folder, so its row counts are not checked",))


def local_path(location: str, setting: str) -> Path:
    """The path that a setting names, with `~` and `~name` followed.

    Raises:
        DataError: nobody has that name.
    """
    try:
        return Path(location).expanduser()
    except RuntimeError as error:
        raise DataError(f"{setting}: {location}: {error}") from error


def split_pin(given: str, setting: str = "data.source") -> tuple[str, Pin | None]:
    """A path or URL without the checksum at its end, and that checksum; `setting` is where it was written.

    Raises:
        DataError: the checksum has the wrong length.
    """
    found = _PIN.search(given)
    if found is None:
        return given, None
    algorithm, digest = found.group(1), found.group(2).lower()
    if len(digest) != _DIGEST_LENGTHS[algorithm]:
        raise DataError(f"{setting}: {given}: a {algorithm} has {_DIGEST_LENGTHS[algorithm]} digits, not {len(digest)}")
    return given[: found.start()], Pin(algorithm, digest)
