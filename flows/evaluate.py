"""Stage `evaluate`."""

from flows.running.stage import as_flow, main
from rlrec.settings.config import Config
from tasks.evaluate import evaluate_policies


@as_flow
def evaluate(config: Config) -> None:
    """The trained policy on test users."""
    evaluate_policies(config)


if __name__ == "__main__":
    main(evaluate)
