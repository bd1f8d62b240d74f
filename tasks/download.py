"""The task of the stage `download`."""

import logging
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from rlrec.data.prepare import prepare
from rlrec.errors import RlrecError
from rlrec.settings.dataset import DataConfig
from tasks.artifacts import publish_table
from tasks.paths import RAW, TABLES
from tasks.progress import progress_bar

log = logging.getLogger(__name__)


def _not_the_users_error(task: Any, run: Any, state: Any) -> bool:
    return not isinstance(state.result(raise_on_failure=False), RlrecError)


@task(name="fetch and parse", retries=1, retry_condition_fn=_not_the_users_error, cache_policy=NO_CACHE)
def fetch_and_parse(config: DataConfig) -> None:
    """Downloads what is not there yet and writes the tables. A source that falters is retried where it is asked."""
    with progress_bar(f"downloading {config.name}") as advance:
        provenance, tables = prepare(config, RAW, TABLES, lambda done, total: advance(done, total, "bytes"))
    rows = [{"table": name, "rows": f"{len(frame):,}"} for name, frame in vars(tables).items()]
    publish_table("tables", f"{config.name}, served by {provenance.source}", rows)
    log.info("%s served by %s (%s)", config.name, provenance.source, provenance.location)
