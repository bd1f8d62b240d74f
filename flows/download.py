"""Stage `download`."""

from flows.stage import as_flow, main
from rlrec.config import Config
from tasks.data import fetch_and_parse


@as_flow
def download(config: Config) -> None:
    """Real MovieLens ratings as three tables, with their provenance."""
    fetch_and_parse(config.data)


if __name__ == "__main__":
    main(download)
