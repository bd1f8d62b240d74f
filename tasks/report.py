"""Task of the stage `report`."""

import logging

from prefect import task
from prefect.cache_policies import NO_CACHE

from rlrec.config import Config
from rlrec.data.files import write_atomically
from rlrec.reporting.inputs import load_inputs
from rlrec.reporting.page import build_page
from tasks.paths import DATA, PAGE

log = logging.getLogger(__name__)


@task(name="build page", cache_policy=NO_CACHE)
def write_page(config: Config) -> None:
    """Puts what all stages found on one page."""
    write_atomically(PAGE, build_page(load_inputs(DATA), config).encode())
    log.info("the report is %s", PAGE.resolve().as_uri())
