"""What a source is: a function that fills a folder with a data set's files and says where they come from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rlrec.data.dataset.provenance import ArchiveRecord, SourceKind
from rlrec.data.registry import DATASETS
from rlrec.data.sources.transfer import DEFAULT_PATIENCE, OnBytes, Patience


def _pinned() -> dict[str, str]:
    return {name: facts.md5 for name, facts in DATASETS.items() if facts.md5 is not None}


@dataclass(frozen=True)
class Endpoints:
    """Where the automatic sources are."""

    grouplens: str = "https://files.grouplens.org/datasets"
    wheel: str = "recbole==1.2.1"
    """A wheel that carries a copy of ml-100k. It is downloaded and opened, never installed."""
    wheel_sha256: str = "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407"
    pip_options: tuple[str, ...] = ()
    pip_seconds: float = 300.0
    md5: Mapping[str, str] = field(default_factory=_pinned)
    """Checksums of GroupLens's archives by data set."""
    patience: Patience = DEFAULT_PATIENCE


DEFAULT_ENDPOINTS = Endpoints()


@dataclass(frozen=True)
class Order:
    """What a source is asked for.

    Attributes:
        name: of the data set.
        folder: where its files go; the source makes it.
        incoming: folder for what is on its way; a transfer that broke off there is continued.
        on_bytes: called while bytes arrive.
        endpoints: where the automatic sources are.
    """

    name: str
    folder: Path
    incoming: Path
    on_bytes: OnBytes | None
    endpoints: Endpoints


@dataclass(frozen=True)
class Served:
    """What a source has put into the folder; the fields go into the `Provenance` under the same names."""

    source: SourceKind
    location: str
    known: bool
    archive: ArchiveRecord | None
    notes: tuple[str, ...] = ()


Source = Callable[[Order], Served]
"""Raises DataError where it cannot serve, and WriteError where nobody could."""
