"""Stage `compare`."""

from flows.stage import as_flow, main
from rlrec.config import Config
from tasks.evaluation import compare_policies


@as_flow
def compare(config: Config) -> None:
    """The trained policy beside the baselines."""
    compare_policies(config)


if __name__ == "__main__":
    main(compare)
