"""Task of the stage `report`."""

import logging

from prefect import task
from prefect.cache_policies import NO_CACHE

from rlrec.reporting.page import write_report
from rlrec.settings.config import Config
from tasks.paths import DATA

log = logging.getLogger(__name__)


@task(name="build page", cache_policy=NO_CACHE)
def write_page(config: Config) -> None:
    """Puts what all stages found on one page."""
    log.info("the report is %s", write_report(DATA, config).resolve().as_uri())
