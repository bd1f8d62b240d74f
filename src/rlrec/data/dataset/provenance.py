"""What is in `data/raw/`, which source served it, and which ones were asked before."""

from pathlib import Path, PurePath
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from rlrec.errors import DataError
from rlrec.settings.explain import as_text
from rlrec.storage.files import checksum, write_atomically
from rlrec.storage.untrusted import read_file

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

LARGEST_PROVENANCE = 2**20
"""Bytes of `provenance.json`."""

OWN_TERMS = "These are no data of GroupLens: what may be done with them is for whoever gave them to say."

SourceKind = Literal["grouplens", "pypi", "path", "folder", "file", "url"]
Compared = Literal["pinned", "published", "unchecked"]


def _inside(name: str) -> str:
    path = PurePath(name)
    if not path.parts or path.is_absolute() or ".." in path.parts or "\0" in name:
        raise ValueError(f"{as_text(name)} is not a path inside the folder")
    return name


Inside = Annotated[str, AfterValidator(_inside)]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FileRecord(_Record):
    """Size and checksum of one file in `data/raw/`."""

    bytes: Annotated[int, Field(ge=0)]
    sha256: str


class ArchiveRecord(_Record):
    """The archive that the files came out of."""

    name: str
    bytes: Annotated[int, Field(ge=0)]
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


class ExtraUser(_Record):
    """Somebody whose ratings were added to the data set."""

    user: int
    """Original id in the tables."""
    file: str
    ratings: int
    not_found: tuple[str, ...]
    """Movies that the data set does not have, or that could be several, as they were named."""


class CleaningStep(_Record):
    """What one step of the clean-up left, of how much."""

    step: str
    """In words, with its setting."""
    ratings: int
    users: int
    movies: int
    """Rows of the tables after it."""
    ratings_before: int
    users_before: int
    movies_before: int


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
    """Whether this is the complete data set as published, so that its row counts are known; `cleaning` aside."""
    archive: ArchiveRecord | None
    """None where the source is a folder."""
    files: dict[Inside, FileRecord]
    """Path inside `data/raw/`, sorted."""
    tried: tuple[Attempt, ...] = ()
    notes: tuple[str, ...] = ()
    reading: tuple[str, ...] = ()
    """How the files were understood, where they do not say it themselves."""
    cleaning: tuple[CleaningStep, ...] = ()
    """What was left out of what was read, step by step."""
    extra: tuple[ExtraUser, ...] = ()
    """Who was added to it (`data.extra`)."""
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
        return Provenance.model_validate_json(read_file(path, LARGEST_PROVENANCE))
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing; the download stage makes it") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = "".join(f"{as_text(part)}: " for part in first["loc"])
        raise DataError(f"{path} is no provenance record: {where}{first['msg']}") from error
    except DataError as error:
        raise DataError(f"{path} is no provenance record: {error}") from error


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
