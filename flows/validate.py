"""Stage `validate`."""

from flows.running.stage import as_flow, main
from rlrec.settings.config import Config
from tasks.validate import check_expectations


@as_flow
def validate(config: Config) -> None:
    """Holds the tables against their expectations."""
    check_expectations(config.data.name)


if __name__ == "__main__":
    main(validate)
