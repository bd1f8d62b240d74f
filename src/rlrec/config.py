"""`params.yaml` as one frozen model: every value typed, bounded, and named by its path when it is wrong."""

import zlib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic import ValidationError as PydanticError

from rlrec.errors import ConfigError

PARAMS_FILE = Path("params.yaml")

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, use_attribute_docstrings=True)


class DataConfig(_Section):
    """Which ratings, and from where."""

    name: Literal["ml-100k", "ml-1m", "ml-latest-small", "ml-latest"] = "ml-100k"
    """Data set; decides the layout, the checksum and the expected row counts."""
    source: str = "auto"
    """`auto`, or the path or URL of an archive that is used instead."""
    tag_genome: str = "auto"
    """Where violence comes from: `auto` (GroupLens), `none`, or the path or URL of `tag-genome.zip`."""


class WorldConfig(_Section):
    """How the simulated users and movies are fitted to the ratings."""

    latent_factors: Annotated[int, Field(ge=0, le=256)] = 16
    """Latent dimensions beside the biases and the 19 genres."""
    regularisation: Annotated[tuple[Positive, ...], Field(min_length=1)] = (12.0, 16.0, 20.0)
    """Ridge penalties to choose from, in units of ratings; the held-out RMSE decides."""
    iterations: Annotated[int, Field(ge=1, le=1000)] = 15
    """Sweeps of alternating least squares."""
    holdout: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Share of ratings held out to choose the penalty and to measure fidelity."""
    train_users: Annotated[float, Field(gt=0, lt=1)] = 0.7
    """Share of users that agents are trained on."""
    validation_users: Annotated[float, Field(gt=0, lt=1)] = 0.15
    """Share of users that choices are made on; the rest are test users."""
    history: Annotated[float, Field(gt=0, lt=1)] = 0.8
    """Share of a test user's ratings, first by time, that anything may learn from; the rest is kept for the offline
    comparison."""

    @model_validator(mode="after")
    def _some_test_users(self) -> Self:
        share = self.train_users + self.validation_users
        if share >= 1:
            raise ValueError(f"train_users + validation_users must leave test users, but is {share:g}")
        return self


class ScenarioConfig(_Section):
    """The Markov decision process: how users react and what an agent sees."""

    slate_size: Annotated[int, Field(ge=1, le=100)] = 1
    """Movies recommended at each step (K) in training."""
    observation: Literal["history", "thesis"] = "history"
    """What an agent sees: all it needs to infer a hidden taste, or the thesis's 25 numbers."""
    features: Literal["world", "training", "genres"] = "world"
    """What an agent knows of movies: the vectors that the world is made of, vectors fitted to training users' ratings
    only, or genre flags and popularity."""
    delta: Annotated[float, Field(ge=-1, le=10)] = 1.0
    """Growth of a genre affinity per liked movie: > 0 addiction, < 0 boredom, 0 a static user."""
    threshold: Annotated[float, Field(ge=1, le=5)] = 3.0
    """Lowest rating that moves the taste."""
    affinity_cap: Positive = 5.0
    """Genre affinities are clipped to plus or minus this."""
    recovery: Fraction = 0.0
    """Share of the way back to its start that a taste goes after each step; 0 in the original: nothing is forgotten."""
    lambda_non_violent: Fraction = 0.0
    """Weight of non-violence in the reward; needs the tag genome."""
    allow_repeats: bool = False
    """Whether a movie may be shown twice in one session."""
    episode_length: Annotated[int, Field(ge=1, le=10_000)] = 50
    """Recommendations a session (T)."""


class RayConfig(_Section):
    """Where the local agents run with `train.executor: ray`."""

    address: Annotated[str, Field(pattern=r"^(auto|ray://[^\s/:]+:\d{1,5})$")] | None = None
    """None starts a cluster on this machine, on loopback only; `auto` takes the one running here; or `ray://host:port`."""


class TrainConfig(_Section):
    """Asynchronous advantage actor-critic."""

    executor: Literal["threads", "ray"] = "threads"
    """What runs the local agents: threads of one process, or processes of a Ray cluster."""
    ray: RayConfig = RayConfig()
    """Read with `executor: ray` only."""

    agents: Annotated[int, Field(ge=1, le=64)] = 2
    """Local agents, each with its own environments."""
    steps: Annotated[int, Field(ge=1)] = 8_000_000
    """Budget of environment steps over all agents."""
    users: Annotated[int, Field(ge=1, le=65_536)] = 64
    """Sessions an agent plays at once."""
    network: Literal["bilinear", "recurrent", "thesis"] = "bilinear"
    """What scores the movies: a bilinear form over item features, the same with a GRU, or the thesis's dense layers."""
    rollout: Annotated[int, Field(ge=1, le=10_000)] = 50
    """Steps an agent plays before it sends a gradient (t_max)."""
    hidden: Annotated[int, Field(ge=1, le=4096)] = 256
    """Width of the network's hidden layers."""
    gamma: Annotated[float, Field(ge=0, le=1)] = 0.3
    """Discount of future rewards."""
    gae_lambda: Fraction = 1.0
    """Advantage estimator: 1 is the paper's n-step return, less is GAE."""
    entropy: Annotated[float, Field(ge=0, le=10)] = 0.003
    """Weight of the entropy bonus."""
    value: Annotated[float, Field(ge=0, le=100)] = 0.5
    """Weight of the value loss."""
    optimizer: Literal["adam", "rmsprop"] = "adam"
    """Whose shared statistics the global model keeps."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.002
    """Step size at the start."""
    final_learning_rate: Annotated[float, Field(ge=0, le=1)] = 0.0001
    """Step size at the end of the budget; linear in between."""
    clip_norm: Positive = 1.0
    """Largest global norm of an applied gradient."""
    checkpoint_every: Annotated[int, Field(ge=1)] = 50
    """Updates between two checkpoints, each judged on validation users and kept on disk until training has ended."""
    synchronous: bool = False
    """A2C instead of A3C: all agents wait for one another and their mean gradient is applied."""
    max_staleness: Annotated[int, Field(ge=0)] = 1000
    """Versions that a gradient may be behind when it arrives; older ones are refused."""
    max_refused: Annotated[int, Field(ge=0)] = 10
    """Refused gradients after which a local agent is stopped; the others go on."""

    @property
    def rollout_steps(self) -> int:
        """Environment steps of one rollout: `users` times `rollout`."""
        return self.users * self.rollout

    @model_validator(mode="after")
    def _one_process_where_agents_wait(self) -> Self:
        if self.synchronous and self.executor != "threads":
            raise ValueError(f"synchronous training needs executor: threads, not {self.executor}")
        return self


class EvaluateConfig(_Section):
    """How policies are judged."""

    slate_sizes: Annotated[tuple[Annotated[int, Field(ge=1, le=100)], ...], Field(min_length=1)] = (1, 10)
    """Slate sizes to evaluate."""
    sessions_per_user: Annotated[int, Field(ge=1, le=1000)] = 1
    """Sessions each test user plays; more than one only matters to policies that draw."""
    bootstrap_samples: Annotated[int, Field(ge=100, le=1_000_000)] = 2000
    """Resamples of the users behind each interval."""
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """Level of the intervals."""


class ReportConfig(_Section):
    """The report page."""

    example_sessions: Annotated[int, Field(ge=1, le=20)] = 3
    """Test users whose session is told step by step."""


class Config(_Section):
    """All settings of a run."""

    seed: Annotated[int, Field(ge=0, lt=2**32)] = 7
    """Every random draw is derived from it."""
    data: DataConfig = DataConfig()
    world: WorldConfig = WorldConfig()
    scenario: ScenarioConfig = ScenarioConfig()
    train: TrainConfig = TrainConfig()
    evaluate: EvaluateConfig = EvaluateConfig()
    report: ReportConfig = ReportConfig()

    @model_validator(mode="after")
    def _rollouts_fit_sessions(self) -> Self:
        if self.scenario.episode_length % self.train.rollout:
            raise ValueError(
                f"train.rollout ({self.train.rollout}) must divide "
                f"scenario.episode_length ({self.scenario.episode_length})"
            )
        return self

    def rng(self, purpose: str) -> np.random.Generator:
        """A generator of its own for each purpose, so that one more draw in one place changes no other place."""
        return np.random.default_rng(derive_seed(self.seed, purpose))


def derive_seed(seed: int, purpose: str) -> np.random.SeedSequence:
    """The seed sequence of `purpose` under the run's `seed`."""
    return np.random.SeedSequence([seed, zlib.crc32(purpose.encode())])


def load_config(path: Path = PARAMS_FILE) -> Config:
    """Reads and checks the settings.

    Raises:
        ConfigError: the file is missing or not YAML, or a value is unknown, of the wrong type or out of range; every
            wrong value is named by its path, e.g. `train.gamma`.
    """
    try:
        text = path.read_text(encoding="utf-8")
        values = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error
    except (yaml.YAMLError, ValueError) as error:  # a ValueError, e.g., for the date 2001-99-99
        raise ConfigError(f"{path} is not valid YAML: {error}") from error
    except RecursionError as error:
        raise ConfigError(f"{path} is nested too deeply") from error
    if values is None:
        values = {}
    if not isinstance(values, dict):
        raise ConfigError(f"{path} must hold settings by name, but holds {type(values).__name__}")
    try:
        return Config.model_validate(values)
    except PydanticError as error:
        raise ConfigError(f"{path}:\n" + "\n".join(f"  {_describe(e)}" for e in error.errors())) from error


def _describe(error: Any) -> str:
    where = ".".join(str(part) for part in error["loc"]) or "settings"
    if error["type"] == "extra_forbidden":
        return f"{where}: unknown setting"
    message = error["msg"].removeprefix("Value error, ")
    return f"{where}: {message[0].lower()}{message[1:]} (is {_shorten(error['input'])})"


def _shorten(value: object, limit: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
