"""Stage `compare`."""

from flows.running.stage import as_flow, main
from rlrec.settings.config import Config
from tasks.compare import compare_interactive_policies, compare_offline_policies, compare_policies


@as_flow
def compare(config: Config) -> None:
    """The trained policies beside the baselines: in the simulator, on real ratings, and from a cold start."""
    compare_policies(config)
    compare_offline_policies(config)
    compare_interactive_policies(config)


if __name__ == "__main__":
    main(compare)
