"""The download stage as one function: from a source's name to the three canonical tables."""

from pathlib import Path

from rlrec.data.dataset.provenance import Provenance
from rlrec.data.dataset.tables import Columns, Tables, save_tables
from rlrec.data.reading.parse import parse
from rlrec.data.sources.download import DEFAULT_ENDPOINTS, Endpoints, download
from rlrec.data.sources.genome import fetch_violence
from rlrec.data.sources.transfer import Progress
from rlrec.settings.config import DataConfig
from rlrec.storage.files import atomic_folder


def prepare(
    config: DataConfig,
    raw: Path,
    folder: Path,
    progress: Progress | None = None,
    endpoints: Endpoints = DEFAULT_ENDPOINTS,
) -> tuple[Provenance, Tables]:
    """Downloads the data set to `raw`, parses it, adds violence, and saves the tables in `folder`.

    Returns:
        Where the data come from (also in `raw/provenance.json`), and the tables (also in `folder`).

    Raises:
        DataError: see `download`, `parse` and `fetch_violence`. Tables that were in `folder` before are still whole
            then.
    """
    provenance = download(config, raw, progress, endpoints)
    tables = parse(raw / config.name, config.name)
    violence, record = fetch_violence(config, raw, tables.movies, provenance, progress, endpoints)
    tables = Tables(tables.ratings, tables.users, tables.movies.assign(**{Columns.VIOLENCE: violence}))
    provenance = provenance.model_copy(update={"violence": record})
    provenance.save(raw)
    with atomic_folder(folder) as fresh:  # never the ratings of one data set beside the movies of another
        save_tables(tables, fresh)
    return provenance, tables
