"""What the report is made of: the files of the other stages, read and checked."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import TypeAdapter, ValidationError

from rlrec.data.dataset.provenance import Provenance, load_provenance
from rlrec.errors import DataError
from rlrec.reporting.shapes import Evaluation, Fidelity, MatrixSettings, Sessions, Training, Validation

CURVE_COLUMNS = (
    "version",
    "steps",
    "seconds",
    "mean_return",
    "ctr",
    "entropy",
    "policy_loss",
    "value_loss",
    "staleness",
    "validation_return",
    "validation_ci_low",
    "validation_ci_high",
)
INTERVAL = ("ci_low", "ci_high")
DIFFERENCE = ("diff_from_a3c", "diff_ci_low", "diff_ci_high", "p_holm", "d_z", "share_gaining")
COMPARISON_COLUMNS = ("policy", "slate_size", "metric", "mean", *INTERVAL, *DIFFERENCE)
OFFLINE_COLUMNS = ("protocol", "policy", "metric", "mean", *INTERVAL, *DIFFERENCE, "n_users")
REGRET_COLUMNS = ("slate_size", "policy", "step", "regret", *INTERVAL)


@dataclass(frozen=True, eq=False)
class Matrix:
    """The experiment matrix.

    Attributes:
        settings: `matrix/matrix.json`.
        comparison: `matrix/matrix.csv`, as `Inputs.comparison` with a column `scenario`.
        regret: `matrix/regret.csv`, likewise `scenario` in place of `slate_size`.
    """

    settings: MatrixSettings
    comparison: pd.DataFrame
    regret: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Inputs:
    """Everything that the page tells.

    Attributes:
        provenance: where the data come from.
        validation, fidelity, training, evaluation, sessions: the files of these names.
        curve: `training.csv`, one row a checkpoint, with `CURVE_COLUMNS`.
        comparison: `comparison.csv`, one row a policy, slate size and metric, with `COMPARISON_COLUMNS`.
        regret: `regret.csv`, one row a policy, slate size and step, with `REGRET_COLUMNS`.
        offline: `offline.csv`, one row a protocol, policy and metric, with `OFFLINE_COLUMNS`.
        matrix: the experiment matrix, where it was filled.
    """

    provenance: Provenance
    validation: Validation
    fidelity: Fidelity
    curve: pd.DataFrame
    training: Training
    evaluation: Evaluation
    comparison: pd.DataFrame
    regret: pd.DataFrame
    offline: pd.DataFrame
    sessions: Sessions
    matrix: Matrix | None = None


def load_inputs(data: Path) -> Inputs:
    """Reads what the other stages left under `data`.

    Raises:
        DataError: a file is missing or not what it should be; names the file and the first wrong value.
    """
    reports = data / "reports"
    return Inputs(
        provenance=load_provenance(data / "raw"),
        validation=_json(reports / "validation" / "summary.json", Validation),
        fidelity=_json(data / "world" / "fidelity.json", Fidelity),
        curve=_table(reports / "training.csv", CURVE_COLUMNS),
        training=_json(reports / "training.json", Training),
        evaluation=_json(reports / "evaluation.json", Evaluation),
        comparison=_compared(reports / "comparison.csv", COMPARISON_COLUMNS, text=("policy", "metric")),
        regret=_compared(reports / "regret.csv", REGRET_COLUMNS, text=("policy",)),
        offline=_compared(reports / "offline.csv", OFFLINE_COLUMNS, text=("protocol", "policy", "metric")),
        sessions=_json(reports / "sessions.json", Sessions),
        matrix=load_matrix(reports / "matrix"),
    )


def load_matrix(folder: Path) -> Matrix | None:
    """Reads the tables of the experiment matrix; None where it was not filled.

    Raises:
        DataError: a file is missing beside `matrix.csv`, or not what it should be.
    """
    if not (folder / "matrix.csv").exists():
        return None
    by_scenario = ("scenario", *COMPARISON_COLUMNS)
    regret = tuple("scenario" if name == "slate_size" else name for name in REGRET_COLUMNS)
    return Matrix(
        settings=_json(folder / "matrix.json", MatrixSettings),
        comparison=_compared(folder / "matrix.csv", by_scenario, text=("scenario", "policy", "metric")),
        regret=_compared(folder / "regret.csv", regret, text=("scenario", "policy")),
    )


def _compared(path: Path, columns: tuple[str, ...], text: tuple[str, ...]) -> pd.DataFrame:
    """A table of policies, the trained one among them."""
    table = _table(path, columns, text)
    if "a3c" not in set(table["policy"]):
        raise DataError(f"{path} has no row of the policy 'a3c'")
    return table


def _json(path: Path, kind: Any) -> Any:
    try:
        return TypeAdapter(kind).validate_python(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing; the stages before the report make it") from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    except ValidationError as error:  # a ValueError as well, so it has to come first
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise DataError(f"{path} is not what the report needs: {where}: {first['msg']}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not valid JSON: {error}") from error


def _table(path: Path, columns: tuple[str, ...], text: tuple[str, ...] = ()) -> pd.DataFrame:
    try:
        table = pd.read_csv(path)
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing; the stages before the report make it") from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:  # pandas' parser errors and wrong encodings are ones
        raise DataError(f"{path} is not a table: {error}") from error
    if missing := [name for name in columns if name not in table]:
        raise DataError(f"{path} has no column {', '.join(map(repr, missing))}")
    if table.empty:
        raise DataError(f"{path} has no rows")
    for name in columns:
        if name not in text and not pd.api.types.is_numeric_dtype(table[name]):
            raise DataError(f"{path}: the column {name!r} must hold numbers, but holds {table[name].iloc[0]!r}")
    return table
