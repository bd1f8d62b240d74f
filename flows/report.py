"""Stage `report`."""

from flows.running.stage import as_flow, main
from rlrec.settings.config import Config
from tasks.report import write_page


@as_flow
def report(config: Config) -> None:
    """One page of all that was found."""
    write_page(config)


if __name__ == "__main__":
    main(report)
