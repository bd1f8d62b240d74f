"""The task of the stage `validate`."""

import logging

from prefect import task
from prefect.cache_policies import NO_CACHE

from rlrec.data.checking.expectations import validate
from rlrec.data.dataset.provenance import load_provenance
from rlrec.data.dataset.tables import load_tables, without_users
from rlrec.data.dataset.vocabulary import load_vocabulary
from tasks.artifacts import publish_table
from tasks.paths import RAW, TABLES, VALIDATION

log = logging.getLogger(__name__)


@task(name="check expectations", cache_policy=NO_CACHE)
def check_expectations(name: str) -> None:
    """Holds the tables against their expectations; the Data Docs are written either way."""
    provenance = load_provenance(RAW)
    cleaned = bool(provenance.cleaning)
    whole = provenance.known and not cleaned
    tables = without_users(load_tables(TABLES), [one.user for one in provenance.extra])
    called = {what: load_vocabulary(TABLES, what) for what in ("user", "movie")}
    summary = validate(tables, name, VALIDATION, check_counts=whole, cleaned=cleaned, called=called)
    rows = [
        {"table": table, "rows": f"{found.rows:,}", "expectations": found.expectations, "failed": found.failed}
        for table, found in summary.tables.items()
    ]
    publish_table("expectations", f"Expectations over {name}", rows)
    log.info("%d expectations hold", sum(found.expectations for found in summary.tables.values()))
