"""Stage `train`."""

from flows.stage import as_flow, main
from rlrec.config import Config
from tasks.training import task_runner, train_agents


@as_flow
def train(config: Config) -> None:
    """Trains the policy: local agents in parallel, one global model."""
    train_agents(config)


if __name__ == "__main__":
    main(train, task_runner)
