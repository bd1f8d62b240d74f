"""What a filled grid leaves in files: the class of `matrix.json`, the columns of the tables."""

from typing import Annotated

from pydantic import Field

from rlrec.evaluation.results import CONTRAST, CURVES, INTERVAL, PolicyNote, Share
from rlrec.experiments.grid import Grid
from rlrec.storage.csv_files import Columns

MATRIX: Columns = {
    "scenario": str,
    "policy": str,
    "slate_size": int,
    "runs": int,
    "metric": str,
    "mean": float,
    **INTERVAL,
    **CONTRAST,
}
"""`matrix.csv`: a row for each scenario, policy and metric."""
MATRIX_REGRET: Columns = {"scenario": str, **CURVES}
"""`regret.csv` beside it."""


class FilledGrid(Grid):
    """`matrix.json`: the grid that was asked for, and how it was filled."""

    confidence: Share
    """Level of the intervals."""
    n_users: dict[str, Annotated[int, Field(ge=1)]]
    """Test users, by scenario."""
    skipped: dict[str, str]
    """Why the world cannot play those scenarios that it cannot, by name."""
    policies: dict[str, PolicyNote] = Field(default_factory=dict)
    """Who is in the tables."""
