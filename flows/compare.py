"""Stage `compare`."""

from flows.stage import as_flow, main
from rlrec.config import Config
from tasks.evaluation import compare_policies
from tasks.offline import compare_offline_policies


@as_flow
def compare(config: Config) -> None:
    """The trained policy beside the baselines, in the simulator and on real ratings."""
    compare_policies(config)
    compare_offline_policies(config)


if __name__ == "__main__":
    main(compare)
