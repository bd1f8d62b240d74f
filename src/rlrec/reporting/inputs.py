"""What the report is made of: the files of the other stages, read and checked.

The shapes below name what the page uses, and are checked when a file is read. Files may hold more.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

from rlrec.data.provenance import Provenance, load_provenance
from rlrec.errors import DataError


class Check(TypedDict):
    """One expectation of one table and what came out."""

    column: str | None
    description: str
    success: bool
    failing_rows: int | None


class TableChecks(TypedDict):
    """A table's expectations."""

    rows: int
    expectations: int
    failed: int
    results: list[Check]


class Validation(TypedDict):
    """`validation/summary.json`."""

    dataset: str
    success: bool
    tables: dict[str, TableChecks]


class Errors(TypedDict):
    """Errors of predictions, in stars."""

    rmse: float
    mae: float


class Candidate(Errors):
    """A ridge penalty that was tried."""

    penalty: float


class CalibrationBin(TypedDict):
    """Held-out ratings of about one prediction."""

    predicted: float
    real: float
    count: int


class Distribution(TypedDict):
    """How some ratings are distributed; `stars` is the scale that all of them share."""

    shares: list[float]
    mean: float
    std: float


class Distributions(TypedDict):
    """Of real ratings, of the world's ratings of the same pairs, and of its ratings of random ones."""

    stars: list[int]
    real: Distribution
    simulated: Distribution
    random_pairs: Distribution


class HeldOut(TypedDict):
    """Errors of the world and of two simpler predictors on ratings that none of them has seen."""

    model: Errors
    user_item_bias: Errors
    global_mean: Errors


class Fidelity(TypedDict):
    """`fidelity.json`."""

    ratings: int
    users: int
    movies: int
    held_out_ratings: int
    latent_factors: int
    penalty: float
    held_out: HeldOut
    candidates: list[Candidate]
    calibration: list[CalibrationBin]
    distribution: Distributions
    has_violence: bool


class Point(TypedDict):
    """The part of a learning curve's point that the page names."""

    version: int
    steps: int
    validation_return: float


class Training(TypedDict):
    """`training.json`."""

    executor: str
    synchronous: bool
    agents: int
    steps: int
    steps_by_agent: dict[str, int]
    updates: int
    restarts_by_agent: dict[str, int]
    refused_by_agent: dict[str, int]
    refused: dict[str, str]
    failed_agents: dict[str, str]
    global_model_restarts: int
    lost_updates: int
    seconds: float
    prepared_seconds: float
    steps_per_second: float
    updates_per_second: float
    apply_seconds: float
    lock_wait_seconds: float
    wait_seconds: float
    staleness: dict[str, int]
    mean_staleness: float
    best: Point


class Interval(TypedDict):
    """A figure with its interval."""

    mean: float
    ci_low: float
    ci_high: float


class SlateFigures(TypedDict):
    """What was measured at one slate size."""

    metrics: dict[str, Interval]
    genre_exposure: dict[str, Interval]


class Scenario(TypedDict):
    """The part of a scenario that the page tells."""

    delta: float
    threshold: float
    lambda_non_violent: float
    allow_repeats: bool
    episode_length: int


class Evaluation(TypedDict):
    """`evaluation.json`."""

    policy: str
    scenario: Scenario
    slates: dict[str, SlateFigures]
    n_users: int
    confidence: Annotated[float, Field(gt=0, lt=1)]
    bootstrap_samples: int


class Movie(TypedDict):
    """A movie that was shown."""

    title: str
    genres: list[str]
    rating: float


class Step(TypedDict):
    """One recommendation."""

    step: int
    movies: Annotated[list[Movie], Field(min_length=1)]
    affinities_before: dict[str, float]
    affinities_after: dict[str, float]


# "return" is a keyword, so this one cannot be written as a class.
Session = TypedDict(
    "Session",
    {
        "user_id": int,
        "quantile": float,
        "return": float,
        "ctr": float,
        "genres": list[str],
        "steps": Annotated[list[Step], Field(min_length=1)],
    },
)
"""One session told step by step."""


class Sessions(TypedDict):
    """`sessions.json`."""

    policy: str
    n_users: int
    sessions: list[Session]


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
)
COMPARISON_FIGURES = ("mean", "ci_low", "ci_high", "diff_from_a3c", "diff_ci_low", "diff_ci_high")
COMPARISON_COLUMNS = ("policy", "slate_size", "metric", *COMPARISON_FIGURES)


@dataclass(frozen=True, eq=False)
class Inputs:
    """Everything that the page tells.

    Attributes:
        provenance: where the data come from.
        validation, fidelity, training, evaluation, sessions: the files of these names.
        curve: `training.csv`, one row a checkpoint, with `CURVE_COLUMNS`.
        comparison: `comparison.csv`, one row a policy, slate size and metric, with `COMPARISON_COLUMNS`.
    """

    provenance: Provenance
    validation: Validation
    fidelity: Fidelity
    curve: pd.DataFrame
    training: Training
    evaluation: Evaluation
    comparison: pd.DataFrame
    sessions: Sessions


def load_inputs(data: Path) -> Inputs:
    """Reads what the other stages left under `data`.

    Raises:
        DataError: a file is missing or not what it should be; names the file and the first wrong value.
    """
    reports = data / "reports"
    comparison = _table(reports / "comparison.csv", COMPARISON_COLUMNS, text=("policy", "metric"))
    if "a3c" not in set(comparison["policy"]):
        raise DataError(f"{reports / 'comparison.csv'} has no row of the policy 'a3c'")
    return Inputs(
        provenance=load_provenance(data / "raw"),
        validation=_json(reports / "validation" / "summary.json", Validation),
        fidelity=_json(data / "world" / "fidelity.json", Fidelity),
        curve=_table(reports / "training.csv", CURVE_COLUMNS),
        training=_json(reports / "training.json", Training),
        evaluation=_json(reports / "evaluation.json", Evaluation),
        comparison=comparison,
        sessions=_json(reports / "sessions.json", Sessions),
    )


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
    except ValueError as error:
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
