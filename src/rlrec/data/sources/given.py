"""What a user names in the settings instead of the automatic sources: an archive here or by URL, or a folder."""

import re
import shutil
from pathlib import Path

from rlrec.data.dataset.provenance import SourceKind, record_archive
from rlrec.data.reading.parse import detect_layout
from rlrec.data.reading.sheets import SUFFIXES
from rlrec.data.sources.naming import named
from rlrec.data.sources.source import Order, Served
from rlrec.data.sources.transfer import Pin, fetch
from rlrec.errors import DataError
from rlrec.settings.dataset import LOCAL, DataConfig
from rlrec.storage.archives import unpack

_PIN = re.compile(r"#(md5|sha256)=([0-9a-f]+)$", re.IGNORECASE)
GENOME_ARCHIVE = "tag-genome.zip"
_NOT_RATINGS = ("README.md", GENOME_ARCHIVE)
"""What may be in the folder `data/local` besides."""

LONE_FILES = (*SUFFIXES, ".inter")
"""Endings of files that are ratings by themselves."""

_DIGEST_LENGTHS = {"md5": 32, "sha256": 64}


def serve(order: Order, config: DataConfig) -> Served:
    """Unpacks the archive, or copies the folder, that `data.source` names.

    Args:
        order: what to get, and where to.
        config: its `source` is not `auto`.

    Raises:
        DataError: there is nothing at that place, the checksum is wrong, the archive is broken or unsafe, or the folder
            holds something else.
        WriteError: the folder cannot be written.
    """
    source: SourceKind
    location, pin = split_pin(config.source)
    if config.source == LOCAL:
        place, source = local_ratings(config), "path"
        if place.is_dir():
            return _copy(place, order)
        if place.suffix.lower() in LONE_FILES:
            return _copy_one(place, order)
        location, archive = str(place), place
    else:
        archive, source = order.incoming / f"{order.name}.zip", "url"
        fetch(location, archive, pin, order.on_bytes, order.endpoints.patience)
    with named({archive: location}):
        unpack(archive, order.folder)
    record = record_archive(archive, "pinned" if pin is not None else "unchecked")
    known = record.md5 == order.endpoints.md5.get(order.name)
    notes = () if known else ("not known to be GroupLens's own archive, so its row counts are not checked",)
    return Served(source, location, known, record, notes)


def local_ratings(config: DataConfig) -> Path:
    """What `data.local` means: an archive, the only archive of a folder, or a folder with the files of a data set.

    Raises:
        DataError: there is nothing, or there are several archives.
    """
    place = Path(config.local)
    if not place.exists():
        raise DataError(f"data.local: {place} does not exist")
    if place.is_file():
        return place
    if linked := sorted(path.name for path in place.iterdir() if path.is_symlink() and path.is_dir()):
        # DVC does not look behind such links: see findings/dvc_dependency_linked_folder.sh.
        raise DataError(f"data.local: {place / linked[0]} is a link to a folder: set data.local to the folder itself")
    mine = sorted(path for path in place.iterdir() if path.name not in _NOT_RATINGS and not path.name.startswith("."))
    archives = [path for path in mine if path.suffix.lower() == ".zip"]
    if len(archives) > 1:
        names = ", ".join(path.name for path in archives)
        raise DataError(f"data.local: {place} has several archives, {names}: set data.local to the path of one")
    if not mine:
        raise DataError(f"data.local: {place} is empty: put an archive or the files of {config.name} there")
    return archives[0] if archives else place


def _copy(folder: Path, order: Order) -> Served:
    inner, layout = detect_layout(folder, order.name)
    order.folder.mkdir(parents=True)
    for file in layout.present(inner):
        shutil.copyfile(inner / file, order.folder / file)
    return Served("folder", str(inner), False, None, ("a folder, so its row counts are not checked",))


def _copy_one(file: Path, order: Order) -> Served:
    order.folder.mkdir(parents=True)
    shutil.copyfile(file, order.folder / file.name)
    detect_layout(order.folder, order.name)
    return Served("file", str(file), False, None, ("a file of one's own",))


def split_pin(given: str, setting: str = "data.source") -> tuple[str, Pin | None]:
    """A URL without the checksum at its end, and that checksum; `setting` is where it was written.

    Raises:
        DataError: the checksum has the wrong length.
    """
    found = _PIN.search(given)
    if found is None:
        return given, None
    algorithm, digest = found.group(1).lower(), found.group(2).lower()
    if len(digest) != _DIGEST_LENGTHS[algorithm]:
        raise DataError(f"{setting}: {given}: a {algorithm} has {_DIGEST_LENGTHS[algorithm]} digits, not {len(digest)}")
    return given[: found.start()], Pin(algorithm, digest)
