"""The search over a learner's settings: a flow of its own, no stage of `dvc.yaml`, whose status it leaves alone."""

import sys
from functools import partial
from typing import Annotated

import typer
from prefect import Flow

from flows.running.stage import as_flow, main
from rlrec.errors import RlrecError
from rlrec.settings.config import Config, load_config
from rlrec.settings.explain import as_text
from tasks.search import search_settings, take_winner_over, task_runner


def flow_of(learner: str) -> Flow[[], None]:
    """The flow that searches a learner's settings."""

    def search(config: Config) -> None:
        """Trials that validation users judge, then finalists with further seeds."""
        search_settings(config, learner)

    return as_flow(search, learner)


def run(
    learner: Annotated[
        str | None, typer.Argument(metavar="LEARNER", help="Its name in params.yaml; evaluate.reference where absent.")
    ] = None,
    take_over: Annotated[
        bool, typer.Option("--take-over", help="Write the winner of the finished search into params.yaml instead.")
    ] = False,
) -> None:
    """Searches settings of a learner by validation users, and reports the winner on test users.

    What is tried, and how often, is in matrix/search.yaml. Every finished trial is kept in data/reports/search/runs at
    once: interrupted at any point (Ctrl-C, a kill), the next invocation goes on from there, and one after all trials
    were done trains nothing. The winner is in data/reports/search/LEARNER.yaml, what there is to see in LEARNER.html
    beside it.
    """
    try:
        name = learner or load_config().evaluate.reference
        changed = take_winner_over(name) if take_over else {}
    except RlrecError as error:
        print(f"\nsearch failed: {error}\n", file=sys.stderr)
        sys.exit(1)
    if not take_over:
        main(flow_of(name), partial(task_runner, learner=name))
    for path, value in changed.items():
        print(f"{path}: {as_text(value)}")
    if take_over:
        print(f"params.yaml has the winner's settings now ({len(changed)} changed)")


if __name__ == "__main__":
    typer.run(run)
