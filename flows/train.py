"""Stage `train`."""

from flows.running.stage import as_flow, main
from rlrec.settings.config import Config
from tasks.train import task_runner, train_agents


@as_flow
def train(config: Config) -> None:
    """Trains the policy: local agents in parallel, one global model."""
    train_agents(config)


if __name__ == "__main__":
    main(train, task_runner)
