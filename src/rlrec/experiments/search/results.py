"""What a search leaves to be read: the class of `<learner>.yaml`, and how its winner gets into `params.yaml`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError

from rlrec.errors import DataError
from rlrec.evaluation.results import Interval
from rlrec.experiments.grid import problems_of
from rlrec.experiments.search.finalists import DEFAULT, Entrants, Finals
from rlrec.experiments.search.space import Plan, Scalar
from rlrec.settings.config import parse_config
from rlrec.settings.edit import edited
from rlrec.settings.yaml import parse_yaml, read_settings, write_yaml
from rlrec.storage.files import write_atomically


class Finalist(BaseModel):
    """Settings that were trained anew.

    Attributes:
        settings: of what was searched.
        judged: mean over seeds and those who judge finalists.
        ahead: the same less that of the settings of `params.yaml`, paired.
    """

    model_config = ConfigDict(extra="forbid")

    settings: dict[str, Scalar]
    judged: Interval
    ahead: Interval


class OnTestUsers(BaseModel):
    """What test users say of the winner and of the settings of `params.yaml`.

    Attributes:
        figure: what was measured.
        winner: mean over seeds and users.
        default: likewise.
        difference: winner less default, paired.
        n_users: how many they are.
    """

    model_config = ConfigDict(extra="forbid")

    figure: str
    winner: Interval
    default: Interval
    difference: Interval
    n_users: int


class SearchResult(BaseModel):
    """`<learner>.yaml`.

    Attributes:
        learner: its name in `params.yaml`.
        algorithm: what it is.
        winner: name of a finalist; `default` where no trial was better.
        settings: the winner's.
        test: what test users say.
        finalists: by name.
        trials: how many were completed, pruned, failed.
        steps: of each trial.
        seed: that all trials were trained with.
        seeds: that finalists were trained with.
        judges_seed: of the draw of those who judge finalists.
        importances: how much each setting had to do with being among the best tenth of trials.
        confidence: level of the intervals.
    """

    model_config = ConfigDict(extra="forbid")

    learner: str
    algorithm: str
    winner: str
    settings: dict[str, Scalar]
    test: OnTestUsers
    finalists: dict[str, Finalist]
    trials: dict[str, int]
    steps: int
    seed: int
    seeds: list[int]
    judges_seed: int
    importances: dict[str, float]
    confidence: float


def result_of(
    plan: Plan, finals: Finals, finalists: Entrants, trials: pd.DataFrame, importances: dict[str, float]
) -> SearchResult:
    """All that is told of a search.

    Args:
        plan: what was searched.
        finals: from `hold_finals`.
        finalists: who was in it.
        trials: from `study.table`.
        importances: from `study.importances`.
    """
    first, seeds = plan.base.seed + 1, plan.settings.seeds
    return SearchResult(
        learner=plan.learner,
        algorithm=plan.base.learners[plan.learner].key,
        winner=finals.winner,
        settings=finalists[finals.winner],
        test=OnTestUsers(
            figure=finals.figure,
            winner=finals.tested[finals.winner],
            default=finals.tested[DEFAULT],
            difference=finals.difference,
            n_users=finals.n_users,
        ),
        finalists={
            name: Finalist(settings=values, judged=finals.judged[name], ahead=finals.ahead[name])
            for name, values in finalists.items()
        },
        trials=dict(sorted(Counter(trials["state"]).items())),
        steps=plan.settings.steps,
        seed=plan.base.seed,
        seeds=list(range(first, first + seeds)),
        judges_seed=first + seeds,
        importances=importances,
        confidence=plan.base.evaluate.confidence,
    )


def to_yaml(result: SearchResult) -> bytes:
    """The file, as a person reads it."""
    return write_yaml(result.model_dump(mode="json")).encode()


def read_result(path: Path) -> SearchResult:
    """What `to_yaml` has written.

    Raises:
        ConfigError: the file is missing, or no YAML.
        DataError: it does not hold what it should.
    """
    try:
        return SearchResult.model_validate(read_settings(path))
    except ValidationError as error:
        raise DataError(f"{path} is not what it should be:\n{problems_of(error)}") from error


def take_over(result: SearchResult, params: Path) -> dict[str, Scalar]:
    """Writes the winner's settings into `params.yaml`; comments, order and all else stay as they are.

    Returns:
        What is other than before, by path.

    Raises:
        ConfigError: the learner is not in `params.yaml` any more, or its other settings refuse these.
        WriteError: the file cannot be written.
    """
    before = read_settings(params)
    known = parse_config(before, str(params)).job(result.learner).learner
    changed = {
        f"learners.{result.learner}.{name}": value
        for name, value in result.settings.items()
        if getattr(known, name, None) != value
    }
    if changed:
        text = edited(params.read_text(encoding="utf-8"), changed, str(params))
        parse_config(parse_yaml(text, str(params)), str(params))
        write_atomically(params, text.encode())
    return changed
