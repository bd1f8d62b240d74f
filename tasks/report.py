"""Task of the stage `report`."""

import logging

from prefect import task
from prefect.cache_policies import NO_CACHE

from rlrec.reporting.inputs import load_inputs
from rlrec.reporting.report import write_figures, write_report
from rlrec.settings.config import Config
from tasks.artifacts import publish_figure
from tasks.paths import DATA, FIGURES, PAGE
from tasks.progress import progress_bar

log = logging.getLogger(__name__)


@task(name="build page", cache_policy=NO_CACHE)
def write_page(config: Config) -> None:
    """Puts what all stages found on one page, and draws the figures as files of their own."""
    inputs = load_inputs(DATA)
    with progress_bar("drawing"):
        figures = write_figures(inputs, FIGURES)
        write_report(inputs, config, PAGE)
    for name, path in figures.items():
        publish_figure(f"{name}-figure", name.replace("-", ", "), path)
    log.info("the report is %s", PAGE.absolute().as_uri())
