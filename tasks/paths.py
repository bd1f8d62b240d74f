"""Where a stage finds what another made, as in `dvc.yaml`."""

from dataclasses import dataclass
from pathlib import Path

DATA = Path("data")
RAW = DATA / "raw"
TABLES = DATA / "tables"
WORLD = DATA / "world" / "world.npz"
FIDELITY = DATA / "world" / "fidelity.json"
BELIEFS = DATA / "beliefs.json"
MODELS = DATA / "models"
"""A folder a learner."""
REPORTS = DATA / "reports"
"""A folder a stage, but for the page itself."""
VALIDATION = REPORTS / "validation"
WORLD_METRICS = REPORTS / "world" / "metrics.json"
BELIEF_TRIALS = REPORTS / "beliefs" / "beliefs.csv"
EVALUATION = REPORTS / "evaluate" / "evaluation.json"
SESSIONS = REPORTS / "evaluate" / "sessions.json"
EVALUATE_METRICS = REPORTS / "evaluate" / "metrics.json"
COMPARISON = REPORTS / "compare" / "comparison.csv"
REGRET = REPORTS / "compare" / "regret.csv"
OFFLINE = REPORTS / "compare" / "offline.csv"
INTERACTIVE = REPORTS / "compare" / "interactive.csv"
POLICIES = REPORTS / "compare" / "policies.json"
FIGURES = REPORTS / "figures"
PAGE = REPORTS / "index.html"
RUN_PAGES = REPORTS / "runs"
"""A folder with the page of each run with other parameters, whose other files are in DVC's cache only."""
MATRIX_SETTINGS = Path("matrix") / "scenarios.yaml"
MATRIX = REPORTS / "matrix"
SEARCH_SETTINGS = Path("matrix") / "search.yaml"
SEARCH = REPORTS / "search"


@dataclass(frozen=True)
class LearnerPaths:
    """What the training of a learner leaves, by the learner's name."""

    name: str

    @property
    def model(self) -> Path:
        """The policy."""
        return MODELS / self.name

    @property
    def checkpoints(self) -> Path:
        """Of the training while it is under way; not versioned."""
        return DATA / "checkpoints" / self.name

    @property
    def curve(self) -> Path:
        """The learning curve."""
        return self._reports / "curve.csv"

    @property
    def training(self) -> Path:
        """How it went."""
        return self._reports / "training.json"

    @property
    def metrics(self) -> Path:
        """The headline figures."""
        return self._reports / "metrics.json"

    @property
    def tensorboard(self) -> Path:
        """Events for TensorBoard."""
        return self._reports / "tensorboard"

    @property
    def _reports(self) -> Path:
        return REPORTS / "train" / self.name


@dataclass(frozen=True)
class SearchPaths:
    """What the search over a learner's settings leaves, by the learner's name."""

    name: str

    @property
    def result(self) -> Path:
        """The winner."""
        return SEARCH / f"{self.name}.yaml"

    @property
    def page(self) -> Path:
        """What there is to see."""
        return SEARCH / f"{self.name}.html"

    @property
    def folder(self) -> Path:
        """Its trials and figures."""
        return SEARCH / self.name

    def journal(self, key: str) -> Path:
        """Of the trials with one space, world and code."""
        return SEARCH / "runs" / f"{self.name}-{key}.journal"
