"""Stage `train`, once for each learner."""

from typing import Annotated

import typer
from prefect import Flow

from flows.running.stage import as_flow, main
from rlrec.settings.config import Config
from tasks.beliefs import job_of
from tasks.train import task_runner, train_learner


def flow_of(learner: str) -> Flow[[], None]:
    """The flow that trains a learner."""

    def train(config: Config) -> None:
        """Trains the learner: local agents in parallel, one global model."""
        train_learner(job_of(config, learner))

    return as_flow(train, learner)


def run(learner: Annotated[str, typer.Argument(metavar="LEARNER", help="Its name in params.yaml.")]) -> None:
    """Trains a learner of params.yaml into data/models/LEARNER: local agents in parallel, one global model."""
    main(flow_of(learner), task_runner)


if __name__ == "__main__":
    typer.run(run)
