"""Stage `beliefs`."""

from flows.running.stage import as_flow, main
from rlrec.settings.config import Config
from tasks.beliefs import estimate_beliefs


@as_flow
def beliefs(config: Config) -> None:
    """Estimates what bandits and agents take users for, from sessions of training users."""
    estimate_beliefs(config)


if __name__ == "__main__":
    main(beliefs)
