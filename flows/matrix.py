"""The experiment matrix: a flow of its own, no stage of `dvc.yaml`, whose status it leaves alone."""

from typing import Annotated

import typer
from prefect import Flow

from flows.running.stage import as_flow, main
from rlrec.settings.config import Config
from tasks.matrix import fill_matrix


def flow_of(
    only: list[str] | None = None, seeds: int | None = None, learners: list[str] | None = None
) -> Flow[[], None]:
    """The flow of the whole matrix, or of a part of it."""

    def matrix(config: Config) -> None:
        """All learners and baselines in all scenarios."""
        fill_matrix(config, only, seeds, learners)

    return as_flow(matrix)


matrix = flow_of()


def run(
    only: Annotated[
        list[str] | None, typer.Option(metavar="SCENARIO", help="Try this scenario only; may be repeated.")
    ] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Try with so many training seeds.")] = None,
    learners: Annotated[
        str | None,
        typer.Option(metavar="NAME,NAME", help="Train and compare these learners only, beside all baselines."),
    ] = None,
) -> None:
    """Fills the experiment matrix: every learner, with several seeds, and every baseline in every scenario.

    What is in it, and with which budgets, is in matrix/scenarios.yaml. Finished runs are kept in
    data/reports/matrix/runs: interrupted at any point, the next invocation makes only what is missing. A trial with
    --only, --seeds or --learners keeps its runs there too, and leaves its tables in data/reports/matrix/trial.
    """
    names = [name.strip() for name in learners.split(",") if name.strip()] if learners else None
    main(flow_of(only, seeds, names))


if __name__ == "__main__":
    typer.run(run)
