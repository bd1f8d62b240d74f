"""Violence of movies, from GroupLens's tag genome: how well the tag 'violence' fits, matched by title and year."""

import logging
import zipfile
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.csv  # type: ignore[import-untyped]

from rlrec.data.dataset.provenance import Provenance, ViolenceRecord, record_archive, record_file, still_there
from rlrec.data.dataset.tables import Columns
from rlrec.data.dataset.titles import read_title
from rlrec.data.sources.given import GENOME_ARCHIVE, split_pin
from rlrec.data.sources.naming import named
from rlrec.data.sources.source import DEFAULT_ENDPOINTS, Endpoints
from rlrec.data.sources.transfer import OnBytes, fetch, incoming_beside
from rlrec.errors import DataError, WriteError
from rlrec.settings.dataset import LOCAL, DataConfig
from rlrec.settings.explain import printable
from rlrec.storage.archives import check_members, is_left_behind, path_of
from rlrec.storage.files import write_atomically

logger = logging.getLogger(__name__)

VIOLENCE_FILE = "violence.tsv"
TAGS = ("violence", "violent")
"""The first of them that the genome has is the measure."""

_HEADER = "title\trelevance\n"


class _Key(NamedTuple):
    name: str
    year: int | None


def fetch_violence(
    config: DataConfig,
    raw: Path,
    movies: pd.DataFrame,
    provenance: Provenance,
    on_bytes: OnBytes | None = None,
    endpoints: Endpoints = DEFAULT_ENDPOINTS,
) -> tuple[npt.NDArray[np.float32], ViolenceRecord]:
    """Violence of each movie, kept in `raw/violence.tsv` for all titles of the genome.

    `config.tag_genome` is `auto` (GroupLens; violence is 0 for all movies where it cannot be had), `none`, `local`
    (`tag-genome.zip` in the folder `config.local`) or its URL, with `#md5=…` or `#sha256=…` to pin it. GroupLens is not
    asked again where `provenance` says that it could not be reached for the ratings.

    Returns:
        Violence as `(N,)` in [0, 1], 0 for movies that the genome does not know; and the record for the provenance.

    Raises:
        DataError: a path or URL that was given cannot be read, or is no tag genome.
        WriteError: `raw` cannot be written.
    """
    requested = config.tag_genome
    none = np.zeros(len(movies), dtype=np.float32)
    if requested == "none":
        return none, ViolenceRecord(available=False, requested=requested, why="data.tag_genome is none")
    old = provenance.violence
    if requested == "auto" and any(attempt.unreachable for attempt in provenance.tried):
        why = "GroupLens could not be reached for the ratings, so it was not asked for the tag genome"
        return none, ViolenceRecord(available=False, requested=requested, why=why)
    try:
        if old is not None and requested != LOCAL and old.requested == requested and _still_there(raw, old):
            record = old
        else:
            record = _fetch_genome(config, raw, on_bytes, endpoints)
        violence, matched = match_violence(movies, _load(raw / VIOLENCE_FILE))
    except DataError as error:
        if requested != "auto" or isinstance(error, WriteError):
            raise
        logger.warning("no violence: %s", error)
        return none, ViolenceRecord(available=False, requested=requested, why=str(error))
    logger.info("violence of %d of %d movies from %s", matched, len(movies), record.location)
    return violence, record.model_copy(update={"matched": matched})


def match_violence(movies: pd.DataFrame, relevance: "pd.Series[float]") -> tuple[npt.NDArray[np.float32], int]:
    """Relevance by title, carried over to the movies' titles.

    Titles are compared without case, accents, punctuation and the place of the article; a title in brackets counts as
    another name of the movie. Years may differ by one, since data sets date some releases differently.

    Args:
        movies: the canonical table.
        relevance: in [0, 1], indexed by title with year, e.g. `Postman, The (Postino, Il) (1994)`.

    Returns:
        Violence as `(N,)`, and how many movies were found.
    """
    known: dict[_Key, float] = {}
    for rank in range(2):  # main titles before other names, so that none of these hides a movie's own title
        for title, value in relevance.items():
            for key in title_keys(str(title))[rank : None if rank else 1]:
                known.setdefault(key, float(value))
    found = [_look_up(known, title_keys(title)) for title in movies[Columns.TITLE]]
    violence = np.array([0.0 if value is None else value for value in found], dtype=np.float32)
    return violence, sum(value is not None for value in found)


def _look_up(known: dict[_Key, float], keys: list[_Key]) -> float | None:
    shifts = [_Key(key.name, key.year + by) for by in (-1, 1) for key in keys if key.year is not None]
    return next((known[key] for key in [*keys, *shifts] if key in known), None)


def title_keys(title: str) -> list[_Key]:
    """What a title is compared by: its names, each with its year."""
    read = read_title(title)
    return [_Key(name, read.year) for name in read.names]


def _still_there(raw: Path, record: ViolenceRecord) -> bool:
    return record.available and record.file is not None and still_there(raw / VIOLENCE_FILE, record.file)


def _fetch_genome(config: DataConfig, raw: Path, on_bytes: OnBytes | None, endpoints: Endpoints) -> ViolenceRecord:
    requested = config.tag_genome
    location, pin = split_pin(requested, "data.tag_genome")
    if requested == "auto":
        location = f"{endpoints.grouplens}/tag-genome/{GENOME_ARCHIVE}"
    with incoming_beside(raw) as incoming:
        if requested == LOCAL:
            archive = Path(config.local) / GENOME_ARCHIVE
            location = str(archive)
            if not archive.is_file():
                raise DataError(f"data.tag_genome: {location} is no file")
        else:
            archive = incoming / GENOME_ARCHIVE
            fetch(location, archive, pin, on_bytes, endpoints.patience)
        with named({archive: location}):
            tag, relevance = read_genome(archive)
        lines = (f"{title}\t{value:.6g}\n" for title, value in relevance.items())
        write_atomically(raw / VIOLENCE_FILE, (_HEADER + "".join(lines)).encode())
        return ViolenceRecord(
            available=True,
            requested=requested,
            location=location,
            archive=record_archive(archive, "pinned" if pin is not None else "unchecked"),
            file=record_file(raw / VIOLENCE_FILE),
            tag=tag,
        )


def read_genome(archive: Path) -> tuple[str, "pd.Series[float]"]:
    """The relevance of the first of `TAGS` for each movie of a `tag-genome.zip`.

    Returns:
        The tag, and its relevance in [0, 1] indexed by title with year, sorted.

    Raises:
        DataError: the archive is broken or unsafe, lacks a file or the tags, or a relevance is not in [0, 1].
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = {
                path.name: member for member in check_members(opened) if not is_left_behind(path := path_of(member))
            }
            if missing := [name for name in ("tags.dat", "movies.dat", "tag_relevance.dat") if name not in members]:
                raise DataError(f"{archive} is no tag genome: it lacks {', '.join(missing)}")
            tags = dict(_rows(archive, "tags.dat", opened.read(members["tags.dat"])))
            titles = dict(_rows(archive, "movies.dat", opened.read(members["movies.dat"])))
            ids = {word: int(number) for number, word in tags.items()}
            tag = next((word for word in TAGS if word in ids), None)
            if tag is None:
                raise DataError(f"{archive}: tags.dat has none of the tags {', '.join(TAGS)}")
            with opened.open(members["tag_relevance.dat"]) as stream:
                values = _relevance_of(stream, ids[tag])
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError) as error:
        raise DataError(
            f"{archive} is not a whole zip archive (truncated or corrupt): {printable(str(error))}"
        ) from error
    except (pa.ArrowInvalid, ValueError) as error:
        raise DataError(
            f"{archive}: tag_relevance.dat or tags.dat is not what it should be: {printable(str(error))}"
        ) from error
    outside = values[~values.between(0, 1)]
    if len(outside):
        raise DataError(f"{archive}: relevance {outside.iloc[0]} in tag_relevance.dat is not from 0 to 1")
    titled = {titles[str(movie)]: value for movie, value in values.items() if str(movie) in titles}
    named = pd.Series(titled, dtype=float)
    if named.empty:
        raise DataError(f"{archive}: tag_relevance.dat has no relevance of {tag!r}")
    return tag, named.sort_index()


def _rows(archive: Path, name: str, content: bytes) -> list[tuple[str, str]]:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    rows: list[tuple[str, str]] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        fields = line.split("\t")
        if len(fields) < 2 or not fields[0].isdecimal():
            raise DataError(f"{archive}: {name}, line {number}: expected id, tab, text; is {line[:80]!r}")
        rows.append((fields[0], fields[1]))
    return rows


def _relevance_of(stream: IO[bytes], tag: int) -> "pd.Series[float]":
    # 11 million lines, of which one in a thousand is wanted: read in batches and filtered on the way.
    columns = {"movie": pa.int64(), "tag": pa.int64(), "relevance": pa.float64()}
    reader = pa.csv.open_csv(
        stream,
        pa.csv.ReadOptions(column_names=list(columns), block_size=1 << 22),
        pa.csv.ParseOptions(delimiter="\t", quote_char=False),
        pa.csv.ConvertOptions(column_types=columns, null_values=[]),
    )
    parts = [frame[frame["tag"] == tag] for frame in (batch.to_pandas() for batch in reader)]
    relevance: pd.Series[float] = pd.concat(parts).set_index("movie")["relevance"]
    return relevance


def _load(path: Path) -> "pd.Series[float]":
    lines = path.read_text(encoding="utf-8").split("\n")[1:-1]
    pairs = (line.rpartition("\t") for line in lines)
    return pd.Series({title: float(value) for title, _, value in pairs}, dtype=float)
