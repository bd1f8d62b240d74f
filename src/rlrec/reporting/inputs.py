"""What the report is made of: the files of the other stages, read by the classes that they were written with."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import pandas as pd

from rlrec.agents.results import CurvePoint, TrainingSummary
from rlrec.data.checking.results import Summary
from rlrec.data.dataset.provenance import Provenance, load_provenance
from rlrec.errors import DataError
from rlrec.evaluation.results import COMPARISON, INTERACTIVE, OFFLINE, REGRET, Evaluation, Policies, Sessions
from rlrec.experiments.results import MATRIX, MATRIX_REGRET, FilledGrid
from rlrec.reporting.cast import Cast
from rlrec.storage.csv_files import Columns, read_csv
from rlrec.storage.json_files import read_json
from rlrec.worlds.fidelity import Fidelity

CURVE: Columns = {field.name: float for field in fields(CurvePoint) if field.name != "figures"}
"""Columns of every learner's curve; all others are figures of its own."""


@dataclass(frozen=True, eq=False)
class Trained:
    """A learner's training.

    Attributes:
        summary: `training.json`.
        curve: `curve.csv`, one row a checkpoint, with at least the columns `CURVE`.
    """

    summary: TrainingSummary
    curve: pd.DataFrame

    @property
    def figures(self) -> list[str]:
        """Columns of the curve that are the learner's own."""
        return [str(name) for name in self.curve.select_dtypes("number") if name not in CURVE]


@dataclass(frozen=True, eq=False)
class Matrix:
    """The experiment matrix.

    Attributes:
        grid: `matrix.json`.
        comparison: `matrix.csv`, with the columns `MATRIX`.
        regret: `regret.csv`, with the columns `MATRIX_REGRET`.
        cast: who is in it.
    """

    grid: FilledGrid
    comparison: pd.DataFrame
    regret: pd.DataFrame
    cast: Cast


@dataclass(frozen=True, eq=False)
class Inputs:
    """Everything that the page tells.

    Attributes:
        provenance: where the data come from.
        validation: what judging the tables came to.
        fidelity: of the world.
        learners: their trainings by name, the reference first.
        evaluation: how they did on test users.
        cast: who is in the tables.
        people: the same, with the learner as the reference that all are compared with in `offline`.
        cold: likewise, in `interactive`.
        comparison: `comparison.csv`, with the columns `COMPARISON`.
        regret: `regret.csv`, with the columns `REGRET`.
        offline: `offline.csv`, with the columns `OFFLINE`.
        interactive: `interactive.csv`, with the columns `INTERACTIVE`.
        sessions: examples, with the reference.
        matrix: the experiment matrix, where it was filled.
    """

    provenance: Provenance
    validation: Summary
    fidelity: Fidelity
    learners: Mapping[str, Trained]
    evaluation: Evaluation
    cast: Cast
    people: Cast
    cold: Cast
    comparison: pd.DataFrame
    regret: pd.DataFrame
    offline: pd.DataFrame
    interactive: pd.DataFrame
    sessions: Sessions
    matrix: Matrix | None = None


def load_inputs(data: Path) -> Inputs:
    """Reads what the other stages left under `data`.

    Raises:
        DataError: a file is missing or not what it should be; names the file and the first wrong value.
    """
    reports = data / "reports"
    compared, evaluated = reports / "compare", reports / "evaluate"
    policies = read_json(compared / "policies.json", Policies)
    cast = Cast(policies.reference, policies.policies)
    offline, people = _on_people(compared / "offline.csv", OFFLINE, policies)
    interactive, cold = _on_people(compared / "interactive.csv", INTERACTIVE, policies)
    evaluation = read_json(evaluated / "evaluation.json", Evaluation)
    if cast.reference not in evaluation.learners:
        raise DataError(f"{evaluated / 'evaluation.json'} has no learner {cast.reference!r}, the reference")
    names = sorted(evaluation.learners, key=lambda name: name != cast.reference)
    return Inputs(
        provenance=load_provenance(data / "raw"),
        validation=read_json(reports / "validation" / "summary.json", Summary),
        fidelity=read_json(data / "world" / "fidelity.json", Fidelity),
        learners={name: _trained(reports / "train" / name) for name in names},
        evaluation=evaluation,
        cast=cast,
        people=people,
        cold=cold,
        comparison=_compared(compared / "comparison.csv", COMPARISON, cast),
        regret=_compared(compared / "regret.csv", REGRET, cast),
        offline=offline,
        interactive=interactive,
        sessions=read_json(evaluated / "sessions.json", Sessions),
        matrix=load_matrix(reports / "matrix", cast),
    )


def load_matrix(folder: Path, cast: Cast) -> Matrix | None:
    """Reads the tables of the experiment matrix; None where it was not filled.

    Args:
        folder: of the tables.
        cast: who is in the other tables, for those that the matrix has no notes of.

    Raises:
        DataError: a file is missing beside `matrix.csv`, or not what it should be.
    """
    if not (folder / "matrix.csv").exists():
        return None
    grid = read_json(folder / "matrix.json", FilledGrid)
    comparison = read_csv(folder / "matrix.csv", MATRIX)
    notes = {**cast.notes, **grid.policies}
    there = Cast(grid.reference, {name: notes[name] for name in comparison["policy"].unique() if name in notes})
    return Matrix(
        grid=grid,
        comparison=_checked(folder / "matrix.csv", comparison, there),
        regret=_compared(folder / "regret.csv", MATRIX_REGRET, there),
        cast=there,
    )


def _trained(folder: Path) -> Trained:
    return Trained(read_json(folder / "training.json", TrainingSummary), read_csv(folder / "curve.csv", CURVE))


def _on_people(path: Path, columns: Columns, policies: Policies) -> tuple[pd.DataFrame, Cast]:
    """A table of real people, and who is in it, the reference being the one that it names."""
    table = read_csv(path, columns)
    named = table["reference"].dropna().unique()
    cast = Cast(str(named[0]) if len(named) else policies.reference, policies.policies)
    return _checked(path, table, cast), cast


def _compared(path: Path, columns: Columns, cast: Cast) -> pd.DataFrame:
    return _checked(path, read_csv(path, columns), cast)


def _checked(path: Path, table: pd.DataFrame, cast: Cast) -> pd.DataFrame:
    """A table of policies, the reference among them."""
    if cast.reference not in set(table["policy"]):
        raise DataError(f"{path} has no row of the policy {cast.reference!r}, the reference")
    if others := set(table.get("reference", ())) - {cast.reference}:
        raise DataError(f"{path} compares with {min(map(str, others))!r}, but the reference is {cast.reference!r}")
    return table
