"""`params.yaml` as one frozen model: every value typed, bounded, and named by its path when it is wrong."""

import zlib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator
from pydantic import ValidationError as PydanticError
from pydantic_core import PydanticCustomError

from rlrec.errors import ConfigError
from rlrec.settings.explain import explain, unit
from rlrec.settings.yaml import read_settings

PARAMS_FILE = Path("params.yaml")

Observation = Literal["history", "thesis"]
Features = Literal["world", "training", "genres"]
NetworkKind = Literal["bilinear", "recurrent", "thesis"]
Width = Annotated[int, Field(ge=1, le=4096), unit("units")]
Fraction = Annotated[float, Field(ge=0, le=1)]
InnerShare = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1, le=10**12)]
Positive = Annotated[float, Field(gt=0, le=1_000_000)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, use_attribute_docstrings=True)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Pydantic would take true, which is what YAML makes of `on`, for 1."""
        values = value if isinstance(value, list | tuple) else [value]
        wanted = cls.model_fields[str(info.field_name)].annotation
        if wanted is not bool and any(isinstance(one, bool) for one in values):
            raise PydanticCustomError("truth_value", "a truth value")
        return value


class DataConfig(_Section):
    """Which ratings, and from where."""

    name: Literal["ml-100k", "ml-1m", "ml-latest-small", "ml-latest"] = "ml-100k"
    """Data set; decides the layout, the checksum and the expected row counts."""
    source: Annotated[str, Field(min_length=1)] = "auto"
    """`auto`, or the path or URL of an archive or folder that is used instead."""
    tag_genome: Annotated[str, Field(min_length=1)] = "auto"
    """Where violence comes from: `auto` (GroupLens), `none`, or the path or URL of `tag-genome.zip`."""


class WorldConfig(_Section):
    """How the simulated users and movies are fitted to the ratings."""

    latent_factors: Annotated[int, Field(ge=0, le=256), unit("dimensions")] = 16
    """Latent dimensions beside the biases and the 19 genres."""
    regularisation: Annotated[tuple[Annotated[Positive, unit("ratings")], ...], Field(min_length=1)] = (
        12.0,
        16.0,
        20.0,
    )
    """Ridge penalties to choose from; the held-out RMSE decides."""
    iterations: Annotated[int, Field(ge=1, le=1000), unit("sweeps")] = 15
    """Sweeps of alternating least squares."""
    holdout: InnerShare = 0.1
    """Share of ratings held out to choose the penalty and to measure fidelity."""
    train_users: InnerShare = 0.7
    """Share of users that agents are trained on."""
    validation_users: InnerShare = 0.15
    """Share of users that choices are made on; the rest are test users."""
    history: InnerShare = 0.8
    """Share of a test user's ratings to learn from: first by time; the rest is kept for the offline comparison."""

    @model_validator(mode="after")
    def _some_test_users(self) -> Self:
        if self.train_users + self.validation_users >= 1:
            raise ValueError(
                f"world.train_users ({self.train_users:g}) and world.validation_users ({self.validation_users:g}) "
                f"must leave test users: their sum must be below 1"
            )
        return self


class ScenarioConfig(_Section):
    """The Markov decision process: how users react and what an agent sees."""

    slate_size: Annotated[int, Field(ge=1, le=100), unit("movies")] = 1
    """Movies recommended at each step of training (K)."""
    observation: Observation = "history"
    """What an agent sees: all it needs to infer a hidden taste, or the thesis's 25 numbers."""
    features: Features = "world"
    """What an agent knows of movies: the vectors that the world is made of, vectors fitted to training users' ratings
    only, or genre flags and popularity."""
    delta: Annotated[float, Field(ge=-1, le=10), unit("per liked movie")] = 1.0
    """Growth of a genre affinity: > 0 addiction, < 0 boredom, 0 a static user."""
    threshold: Annotated[float, Field(ge=1, le=5), unit("stars")] = 3.0
    """Lowest rating that moves the taste."""
    affinity_cap: Annotated[float, Field(gt=0, le=1e30), unit("stars")] = 5.0
    """Genre affinities are clipped to plus or minus this."""
    recovery: Annotated[Fraction, unit("per step")] = 0.0
    """Share of the way back to its start that a taste goes; 0 in the original: nothing is forgotten."""
    lambda_non_violent: Fraction = 0.0
    """Weight of non-violence in the reward; needs the tag genome."""
    allow_repeats: bool = False
    """Whether a movie may be shown twice in one session."""
    episode_length: Annotated[int, Field(ge=1, le=10_000), unit("steps")] = 50
    """Recommendations a session (T)."""


class RayConfig(_Section):
    """Where the local agents run with `train.executor: ray`."""

    address: (
        Annotated[str, Field(pattern=r"^(auto|ray://[^\s/:]+:\d{1,5})$", examples=["auto", "ray://host:10001"])] | None
    ) = None
    """Cluster to run on: null starts one on this machine, on loopback only; `auto` takes the one running here."""


class TrainConfig(_Section):
    """Asynchronous advantage actor-critic."""

    executor: Literal["threads", "ray"] = "threads"
    """What runs the local agents: threads of one process, or processes of a Ray cluster."""
    ray: RayConfig = RayConfig()
    """Read with `executor: ray` only."""

    agents: Annotated[int, Field(ge=1, le=64), unit("agents")] = 2
    """Local agents, each with its own environments."""
    steps: Annotated[Count, unit("steps")] = 8_000_000
    """Budget of environment steps over all agents."""
    users: Annotated[int, Field(ge=1, le=65_536), unit("sessions")] = 64
    """Sessions an agent plays at once."""
    network: NetworkKind = "bilinear"
    """What scores the movies: a bilinear form over item features, the same with a GRU, or the thesis's dense layers."""
    rollout: Annotated[int, Field(ge=1, le=10_000), unit("steps")] = 50
    """Steps an agent plays before it sends a gradient (t_max)."""
    hidden: Width = 256
    """Width of the network's hidden layers."""
    gamma: Fraction = 0.3
    """Discount of future rewards."""
    gae_lambda: Fraction = 1.0
    """Weight of later steps in the advantage estimate: 1 is the paper's n-step return, less is GAE."""
    entropy: Annotated[float, Field(ge=0, le=10)] = 0.003
    """Weight of the entropy bonus."""
    value: Annotated[float, Field(ge=0, le=100)] = 0.5
    """Weight of the value loss."""
    optimizer: Literal["adam", "rmsprop"] = "adam"
    """Rule of the updates, its statistics kept by the global model."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.002
    """Step size at the start."""
    final_learning_rate: Fraction = 0.0001
    """Step size at the end of the budget; linear in between."""
    clip_norm: Positive = 1.0
    """Largest global norm of an applied gradient."""
    checkpoint_every: Annotated[Count, unit("updates")] = 50
    """Updates between two checkpoints: each is judged on validation users and kept on disk until training has ended."""
    synchronous: bool = False
    """A2C instead of A3C: all agents wait for one another and their mean gradient is applied."""
    max_staleness: Annotated[int, Field(ge=0, le=10**12), unit("versions")] = 1000
    """Versions that a gradient may be behind when it arrives; older ones are refused."""
    max_refused: Annotated[int, Field(ge=0, le=10**12), unit("gradients")] = 10
    """Refused gradients after which a local agent is stopped; the others go on."""

    @property
    def rollout_steps(self) -> int:
        """Environment steps of one rollout: `users` times `rollout`."""
        return self.users * self.rollout

    @model_validator(mode="after")
    def _one_process_where_agents_wait(self) -> Self:
        if self.synchronous and self.executor != "threads":
            raise ValueError(f"train.synchronous (true) needs train.executor: threads, but that is {self.executor}")
        return self


class EvaluateConfig(_Section):
    """How policies are judged."""

    slate_sizes: Annotated[tuple[Annotated[int, Field(ge=1, le=100), unit("movies")], ...], Field(min_length=1)] = (
        1,
        10,
    )
    """Slate sizes to evaluate (K)."""
    sessions_per_user: Annotated[int, Field(ge=1, le=1000), unit("sessions")] = 1
    """Sessions each test user plays; more than one only matters to policies that draw."""
    bootstrap_samples: Annotated[int, Field(ge=100, le=1_000_000), unit("resamples")] = 10_000
    """Resamples of the users behind each interval."""
    confidence: InnerShare = 0.95
    """Level of the intervals."""


class ReportConfig(_Section):
    """The report page."""

    example_sessions: Annotated[int, Field(ge=1, le=20), unit("sessions")] = 3
    """Test users whose session is told step by step."""


class Config(_Section):
    """All settings of a run."""

    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 7
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
        ConfigError: see `read_settings` and `parse_config`.
    """
    return parse_config(read_settings(path), str(path))


def parse_config(values: dict[str, Any], where: str) -> Config:
    """Checks settings by section and name; what is left out keeps its default.

    Args:
        values: as YAML has them, e.g. `{"train": {"gamma": 0.5}}`.
        where: they come from, for the error.

    Raises:
        ConfigError: a value is unknown, of the wrong type or out of range. Every wrong value is named by its path, e.g.
            `train.gamma`, with what is allowed.
    """
    try:
        return Config.model_validate(values)
    except PydanticError as error:
        problems = explain(error, Config)
        between = " " if len(problems) == 1 else "\n  "
        raise ConfigError(f"{where}:{between}" + "\n  ".join(problems)) from error
