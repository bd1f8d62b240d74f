"""Stage `compare`."""

from flows.running.stage import as_flow, main
from rlrec.settings.config import Config
from tasks.compare import compare_offline_policies, compare_policies


@as_flow
def compare(config: Config) -> None:
    """The trained policy beside the baselines, in the simulator and on real ratings."""
    compare_policies(config)
    compare_offline_policies(config)


if __name__ == "__main__":
    main(compare)
