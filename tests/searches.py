"""Small searches, and what stands for trainings in them."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rlrec.experiments.search.space import Plan, Values, load_search
from rlrec.experiments.search.study import opened
from rlrec.experiments.search.trials import Outcome, run_trials
from rlrec.experiments.workers import Pruned, Report
from rlrec.settings.config import Config

SPACE = """
trials: {trials}
steps: 800
finalists: 2
seeds: 2
startup: 4
points: 4
warmup: 0.25
judging_users: 20
spaces:
  a3c:
    learning_rate: {{low: 1e-4, high: 1e-1, log: true}}
    gamma: {{low: 0, high: 0.9}}
    hidden: {{low: 8, high: 64}}
    network: [bilinear, recurrent]
"""


def plan_of(
    folder: Path, trials: int = 12, text: str = SPACE, base: Config | None = None, learner: str = "a3c"
) -> Plan:
    """What is searched, read from a file in the folder."""
    path = folder / "search.yaml"
    path.write_text(text.format(trials=trials))
    return load_search(path, base or Config(), learner)


def worth(values: Values) -> float:
    """Highest at a gamma of 0.5."""
    gamma = values["gamma"]
    assert isinstance(gamma, float)
    return -((gamma - 0.5) ** 2)


def quick(values: Values, report: Report) -> float:
    """An objective that rises to what the settings are worth, point by point."""
    for point in range(1, 5):
        if not report(point, worth(values) * 4 / point):
            raise Pruned
    return worth(values)


def slow(values: Values, report: Report) -> float:
    """The same, with pauses in which it may be killed."""
    for point in range(1, 5):
        time.sleep(0.02)
        if not report(point, worth(values) * 4 / point):
            raise Pruned
    return worth(values)


def search(folder: Path, plan: Plan, objective=quick, parallel: int = 2, on_outcome=None) -> None:
    """Runs the trials that are missing, in threads."""
    with ThreadPoolExecutor(parallel) as pool, opened(folder / "a.journal", plan) as study:
        run_trials(
            study,
            plan,
            objective,
            parallel=parallel,
            submit=lambda _, work: pool.submit(work),
            on_outcome=on_outcome,
        )


def main(folder: Path, trials: int) -> None:
    """Runs a slow search in a process of its own, and keeps a book of what has ended."""
    with (folder / "book").open("a") as book:

        def note(outcome: Outcome) -> None:
            print(outcome.number, outcome.state, outcome.value, file=book, flush=True)

        search(folder, plan_of(folder, trials), slow, on_outcome=note)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
