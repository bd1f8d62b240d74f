"""Runs the trials of a search, several at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.study import Study
from optuna.trial import Trial

from rlrec.errors import RlrecError
from rlrec.experiments.search.space import Plan, Values
from rlrec.experiments.search.study import COMPLETED, FAILED, PRUNED, claim, fail, put_back
from rlrec.experiments.workers import Died, Pruned, Report

Objective = Callable[[Values, Report], float]
"""What settings are worth, the more the better; see `rlrec.experiments.search.training.Trainer`."""
Submit = Callable[[str, Callable[[], Any]], "Future[Any]"]
"""Runs a named piece of work beside others."""

DIED = "died"


@dataclass(frozen=True)
class Outcome:
    """What came of a trial.

    Attributes:
        number: of the trial.
        state: completed, pruned, failed, or `again`: its process died, and it is run once more.
        values: its settings.
        value: what they are worth; of a pruned trial its last point.
        reason: why it failed.
        curve: by number of the point, what it was worth.
    """

    number: int
    state: str
    values: Values
    value: float | None = None
    reason: str | None = None
    curve: dict[int, float] = field(default_factory=dict)


def run_trials(
    study: Study,
    plan: Plan,
    objective: Objective,
    *,
    parallel: int,
    submit: Submit,
    on_outcome: Callable[[Outcome], None] | None = None,
    stop: Callable[[], None] = lambda: None,
) -> None:
    """Runs what is missing of the trials that were asked for.

    Args:
        study: from `study.opened`.
        plan: what is searched.
        objective: called by several threads at once. An `RlrecError` fails the trial for good.
        parallel: trials at once.
        submit: runs a trial.
        on_outcome: told of each that has ended.
        stop: called where this is interrupted: makes those under way raise `Stopped`.
    """
    running: set[Future[Outcome]] = set()
    try:
        while True:
            while len(running) < parallel and (trial := claim(study, plan)) is not None:
                running.add(submit(f"trial {trial.number}", _running(study, plan, trial, objective)))
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                outcome = future.result()
                if on_outcome:
                    on_outcome(outcome)
    except BaseException:
        stop()
        wait(running)
        raise


def _running(study: Study, plan: Plan, trial: Trial, objective: Objective) -> Callable[[], Outcome]:
    return lambda: run_trial(study, plan, trial, objective)


def run_trial(study: Study, plan: Plan, trial: Trial, objective: Objective) -> Outcome:
    """Runs one trial and tells the study what came of it.

    Raises:
        Stopped: it was interrupted, and counts as under way.
    """
    values, curve = plan.values(trial.params), {}

    def report(number: int, value: float) -> bool:
        curve[number] = value
        trial.report(value, number)
        return not trial.should_prune()

    try:
        value = objective(values, report)
    except Pruned:
        study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        return Outcome(trial.number, PRUNED, values, curve[max(curve)], curve=curve)
    except Died as error:
        if DIED not in trial.user_attrs:  # a segmentation fault is chance, two of them with the same values are not
            put_back(study, study.trials[trial.number], **{DIED: str(error)})
            return Outcome(trial.number, "again", values, reason=str(error), curve=curve)
        fail(study, trial, f"{error}, twice")
        return Outcome(trial.number, FAILED, values, reason=f"{error}, twice", curve=curve)
    except RlrecError as error:
        fail(study, trial, str(error))
        return Outcome(trial.number, FAILED, values, reason=str(error), curve=curve)
    study.tell(trial, value)
    return Outcome(trial.number, COMPLETED, values, value, curve=curve)
