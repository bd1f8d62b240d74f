"""What is in `data/raw/`, which source served it, and which ones were asked before."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from rlrec.errors import DataError
from rlrec.files import checksum, write_atomically

PROVENANCE_FILE = "provenance.json"

TERMS = (
    "MovieLens data are for research. They may not be redistributed or used commercially without permission of "
    "GroupLens Research, University of Minnesota, which endorses nothing that is made of them."
)
CITATION = (
    "F. Maxwell Harper and Joseph A. Konstan. 2015. The MovieLens Datasets: History and Context. ACM Transactions on "
    "Interactive Intelligent Systems 5, 4, Article 19. https://doi.org/10.1145/2827872"
)
GENOME_CITATION = (
    "Jesse Vig, Shilad Sen, and John Riedl. 2012. The Tag Genome: Encoding Community Knowledge to Support Novel "
    "Interaction. ACM Transactions on Interactive Intelligent Systems 2, 3, Article 13. https://doi.org/10.1145/2362394.2362395"
)

SourceKind = Literal["grouplens", "pypi", "path", "folder", "url"]
Compared = Literal["pinned", "published", "unchecked"]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FileRecord(_Record):
    """Size and checksum of one file in `data/raw/`."""

    bytes: int
    sha256: str


class ArchiveRecord(_Record):
    """The archive that the files came out of."""

    name: str
    bytes: int
    md5: str
    sha256: str
    checksum: Compared
    """What it was compared with: a checksum known beforehand, one that the server publishes, or none."""


class Attempt(_Record):
    """A source that was asked in vain."""

    source: str
    why: str
    unreachable: bool = False
    """Whether there was no connection to the server at all."""


class ViolenceRecord(_Record):
    """Where the movies' violence comes from."""

    available: bool
    requested: str
    """`data.tag_genome` at the time."""
    why: str | None = None
    """What stood in the way, where it is not available; violence is 0 for all movies then."""
    location: str | None = None
    archive: ArchiveRecord | None = None
    file: FileRecord | None = None
    tag: str | None = None
    matched: int = 0
    """Movies that the tag genome knows; the others' violence is 0."""
    citation: str = GENOME_CITATION


class Provenance(_Record):
    """`provenance.json`. It holds no time, so that equal files come with equal bytes of it."""

    dataset: str
    requested: str
    """`data.source` at the time."""
    source: SourceKind
    """Which source served."""
    location: str
    """URL, path, or requirement that was fetched."""
    known: bool
    """Whether this is the complete data set as published, so that its row counts are known."""
    archive: ArchiveRecord | None
    """None where the source is a folder."""
    files: dict[str, FileRecord]
    """Path inside `data/raw/`, sorted."""
    tried: tuple[Attempt, ...] = ()
    notes: tuple[str, ...] = ()
    terms: str = TERMS
    citation: str = CITATION
    violence: ViolenceRecord | None = None

    def save(self, raw: Path) -> None:
        """Writes `provenance.json` in `raw`, atomically.

        Raises:
            DataError: the folder cannot be written to.
        """
        write_atomically(raw / PROVENANCE_FILE, (self.model_dump_json(indent=2) + "\n").encode())


def load_provenance(raw: Path) -> Provenance:
    """Reads `raw/provenance.json`.

    Raises:
        DataError: it is missing or broken.
    """
    path = raw / PROVENANCE_FILE
    try:
        return Provenance.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing; the download stage makes it") from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    except ValidationError as error:
        raise DataError(f"{path} is no provenance record: {error.errors()[0]['msg']}") from error


def record_file(path: Path) -> FileRecord:
    """Size and checksum of a file as it is now."""
    return FileRecord(bytes=path.stat().st_size, sha256=checksum(path))


def record_archive(path: Path, compared: Compared) -> ArchiveRecord:
    """Size and checksums of an archive as it is now."""
    digests = {algorithm: checksum(path, algorithm) for algorithm in ("md5", "sha256")}
    return ArchiveRecord(name=path.name, bytes=path.stat().st_size, checksum=compared, **digests)


def still_there(path: Path, record: FileRecord) -> bool:
    """Whether the file is what its record says."""
    return path.is_file() and path.stat().st_size == record.bytes and checksum(path) == record.sha256
