"""Shapes of the JSON files that the report is made of: what the page uses of them. Files may hold more."""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12


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


OverUsers = tuple[float, float] | None
"""An interval over users; None where there was but one."""


class Errors(TypedDict):
    """Errors of predictions, or differences of errors, in stars."""

    rmse: float
    rmse_ci: OverUsers
    mae: float
    mae_ci: OverUsers


class Candidate(Errors):
    """A ridge penalty that was tried."""

    penalty: float


class CalibrationBin(TypedDict):
    """Held-out ratings of about one prediction."""

    predicted: float
    real: float
    real_ci: OverUsers
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
    confidence: float
    held_out: HeldOut
    model_minus_bias: Errors
    candidates: list[Candidate]
    calibration: list[CalibrationBin]
    distribution: Distributions
    has_violence: bool


class Point(TypedDict):
    """The part of a learning curve's point that the page names."""

    version: int
    steps: int
    validation_return: float
    validation_ci_low: float | None
    validation_ci_high: float | None


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
    confidence: float
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


class MatrixScenario(TypedDict):
    """The part of a scenario of the matrix that the page tells."""

    title: str


class MatrixSettings(TypedDict):
    """`matrix/matrix.json`."""

    seeds: int
    bootstrap_samples: int
    confidence: Annotated[float, Field(gt=0, lt=1)]
    n_users: int
    scenarios: dict[str, MatrixScenario]
    skipped: dict[str, str]
