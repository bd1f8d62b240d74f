"""The download stage as one function: from a source's name to the three canonical tables."""

from pathlib import Path

from rlrec.data.dataset.cleaning import clean
from rlrec.data.dataset.provenance import Provenance
from rlrec.data.dataset.tables import Columns, Tables, save_tables
from rlrec.data.dataset.vocabulary import save_vocabulary
from rlrec.data.own.extra import add_users
from rlrec.data.reading.parse import read_data_set
from rlrec.data.sources.download import download
from rlrec.data.sources.genome import fetch_violence
from rlrec.data.sources.naming import name_of, named
from rlrec.data.sources.source import DEFAULT_ENDPOINTS, Endpoints
from rlrec.data.sources.transfer import OnBytes
from rlrec.settings.dataset import DataConfig
from rlrec.storage.files import atomic_folder


def prepare(
    config: DataConfig,
    raw: Path,
    folder: Path,
    on_bytes: OnBytes | None = None,
    endpoints: Endpoints = DEFAULT_ENDPOINTS,
) -> tuple[Provenance, Tables]:
    """Downloads the data set to `raw`, parses and cleans it, adds users and violence, and saves the tables in `folder`.

    Returns:
        Where the data come from (also in `raw/provenance.json`), and the tables (also in `folder`, with the vocabulary
        of ids that are no numbers).

    Raises:
        DataError: see `download`, `read_data_set`, `clean`, `add_users` and `fetch_violence`. Tables that were in
            `folder` before are still whole then.
    """
    provenance = download(config, raw, on_bytes, endpoints)
    with named({raw / config.name: name_of(provenance.source, provenance.location)}):
        tables, vocabulary, told = read_data_set(raw / config.name, config.name, config)
    largest = int(tables.users[Columns.ORIGINAL_ID].max())
    tables, cleaning = clean(tables, config)
    tables, extra = add_users(tables, Path(config.extra), largest + 1)
    if "user" in vocabulary:
        vocabulary = {**vocabulary, "user": (*vocabulary["user"], *(one.file for one in extra))}
    violence, record = fetch_violence(config, raw, tables.movies, provenance, on_bytes, endpoints)
    tables = Tables(tables.ratings, tables.users, tables.movies.assign(**{Columns.VIOLENCE: violence}))
    provenance = provenance.model_copy(
        update={"violence": record, "reading": told, "cleaning": cleaning, "extra": extra}
    )
    provenance.save(raw)
    with atomic_folder(folder) as fresh:  # never the ratings of one data set beside the movies of another
        save_tables(tables, fresh)
        save_vocabulary(vocabulary, fresh)
    return provenance, tables
