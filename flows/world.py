"""Stage `world`."""

from flows.running.stage import as_flow, main
from rlrec.settings.config import Config
from tasks.world import fit


@as_flow
def world(config: Config) -> None:
    """Fits the simulated users and movies to the ratings."""
    fit(config)


if __name__ == "__main__":
    main(world)
