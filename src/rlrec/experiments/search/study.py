"""The trials of a search as Optuna keeps them: in a journal file to which every step is added and synced at once.

One process writes it, and whatever kills that process, no finished trial is lost and none is run twice: a trial that
was under way is marked as failed and its values are put in line again. (Optuna's heartbeat does that for databases
only.) A line that the kill has torn, and a lock that it has left, are removed: Optuna can read nothing behind the
first, and waits half a minute for the second.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.pruners import MedianPruner
from optuna.samplers import TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from rlrec.errors import RlrecError
from rlrec.experiments.search.space import Plan, Scalar, whole
from rlrec.settings.config import derive_seed
from rlrec.storage.files import writing

COMPLETED, PRUNED, FAILED = "completed", "pruned", "failed"
STATES = {TrialState.COMPLETE: COMPLETED, TrialState.PRUNED: PRUNED, TrialState.FAIL: FAILED}
"""Of trials that have ended."""
REASON = "reason"
"""Attribute of a trial that failed for good: why."""
AGAIN = "again"
"""Attribute of a trial that has the values of one that was under way when its process died: the number of that one."""

optuna.logging.set_verbosity(optuna.logging.WARNING)


@contextmanager
def opened(journal: Path, plan: Plan) -> Iterator[Study]:
    """The study in a file, in order again after whatever ended the last search; no other process can open it meanwhile.

    The first trial is that of the settings in `params.yaml`, as far as they lie in the space.

    Raises:
        RlrecError: another process searches there.
        WriteError: the file cannot be written.
    """
    with writing(journal), _alone(journal):
        _mend(journal)
        storage = JournalStorage(JournalFileBackend(str(journal), JournalFileOpenLock(str(journal))))
        settings = plan.settings
        study = optuna.create_study(
            storage=storage,
            study_name=plan.learner,
            load_if_exists=True,
            direction="maximize",
            pruner=MedianPruner(
                n_startup_trials=settings.startup,
                n_warmup_steps=round(settings.warmup * settings.points),
                n_min_trials=min(3, settings.startup),
            ),
        )
        for trial in study.get_trials(states=(TrialState.RUNNING,)):
            put_back(study, trial)
        if not study.trials:
            study.enqueue_trial({name: value for name, value in plan.default.items() if value in plan.space[name]})
        yield study


def claim(study: Study, plan: Plan) -> Trial | None:
    """The next trial, with its values; None where there are as many as were asked for.

    Values come from a tree-structured Parzen estimator (Bergstra et al. 2011, NeurIPS 24), with a seed of its own for
    each trial: a search that goes on would otherwise draw again what it drew at its start.
    """
    trials = study.get_trials(deepcopy=False)
    if sum(_counts(trial) for trial in trials) >= plan.settings.trials:
        return None
    seed = derive_seed(plan.base.seed, f"trial {len(trials)}").generate_state(1)
    study.sampler = TPESampler(n_startup_trials=plan.settings.startup, seed=int(seed[0]))
    return study.ask(distributions(plan))


def put_back(study: Study, trial: FrozenTrial, **more: Any) -> None:
    """Marks a trial that is under way as failed and puts its values in line again, once, whoever interrupts this."""
    if not any(other.user_attrs.get(AGAIN) == trial.number for other in study.get_trials(deepcopy=False)):
        known = {**trial.system_attrs.get("fixed_params", {}), **trial.params}
        study.enqueue_trial(known, user_attrs={**trial.user_attrs, AGAIN: trial.number, **more})
    study.tell(trial.number, state=TrialState.FAIL)


def fail(study: Study, trial: Trial, reason: str) -> None:
    """Ends a trial for good: tried again, it would fail again."""
    trial.set_user_attr(REASON, reason)
    study.tell(trial, state=TrialState.FAIL)


def ended(study: Study) -> list[FrozenTrial]:
    """All trials that have ended for good, by number."""
    return [trial for trial in study.get_trials(deepcopy=False) if trial.state.is_finished() and _counts(trial)]


def best_of(study: Study, plan: Plan, number: int) -> list[tuple[int, dict[str, Scalar]]]:
    """Numbers and settings of the best completed trials, no settings twice, and not those of `params.yaml`."""
    done = [trial for trial in ended(study) if trial.state == TrialState.COMPLETE]
    found: list[tuple[int, dict[str, Scalar]]] = []
    for trial in sorted(done, key=lambda trial: (-(trial.value or 0.0), trial.number)):
        values = plan.values(trial.params)
        if len(found) < number and values != plan.default and values not in [other for _, other in found]:
            found.append((trial.number, values))
    return found


def table(study: Study, plan: Plan) -> pd.DataFrame:
    """A row for each trial that has ended for good: `trial`, `state`, `value`, `seconds`, `reason`, its settings."""
    rows = []
    for trial in ended(study):
        seconds = trial.duration.total_seconds() if trial.duration else None
        told = {"trial": trial.number, "state": STATES[trial.state], "value": trial.value, "seconds": seconds}
        rows.append({**told, "reason": trial.user_attrs.get(REASON), **plan.values(trial.params)})
    columns = ["trial", "state", "value", "seconds", "reason", *plan.space]
    return pd.DataFrame(rows, columns=columns).astype({"value": float})


def importances(study: Study) -> dict[str, float]:
    """How much each setting has to do with being among the best tenth (PED-ANOVA, Watanabe et al. 2023, IJCAI): 0 to 1.

    Empty where too few trials were completed, or all earned the same.
    """
    done = [trial.value for trial in ended(study) if trial.state == TrialState.COMPLETE]
    if len(done) < 10 or len(set(done)) < 2:
        return {}
    return optuna.importance.get_param_importances(study)


def distributions(plan: Plan) -> dict[str, BaseDistribution]:
    """The space as Optuna has it."""
    learner, found = plan.base.learners[plan.learner], dict[str, BaseDistribution]()
    for name, one in plan.space.items():
        if one.choices is not None:
            found[name] = CategoricalDistribution(one.choices)
            continue
        assert one.low is not None
        assert one.high is not None
        if whole(learner, name):
            found[name] = IntDistribution(int(one.low), int(one.high), log=one.log)
        else:
            found[name] = FloatDistribution(one.low, one.high, log=one.log)
    return found


def _counts(trial: FrozenTrial) -> bool:
    """Whether a trial is one of those that were asked for: not one that waits, nor one that was put back."""
    if trial.state == TrialState.FAIL:
        return REASON in trial.user_attrs
    return trial.state != TrialState.WAITING


@contextmanager
def _alone(journal: Path) -> Iterator[None]:
    journal.parent.mkdir(parents=True, exist_ok=True)
    with journal.with_suffix(".owner").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the system frees it when the process ends
        except BlockingIOError:
            raise RlrecError(f"another process searches already: {journal} is in use") from None
        yield


def _mend(journal: Path) -> None:
    """Cuts off a line that a kill has torn, and removes what is left of Optuna's lock."""
    for left in journal.parent.glob(f"{journal.name}.lock*"):
        left.unlink()
    with suppress(FileNotFoundError), journal.open("r+b") as file:
        file.truncate(file.read().rfind(b"\n") + 1)
