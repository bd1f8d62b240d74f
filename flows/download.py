"""Stage `download`."""

from flows.running.stage import as_flow, main
from rlrec.settings.config import Config
from tasks.download import fetch_and_parse


@as_flow
def download(config: Config) -> None:
    """Real MovieLens ratings as three tables, with their provenance."""
    fetch_and_parse(config.data)


if __name__ == "__main__":
    main(download)
