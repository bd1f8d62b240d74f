"""`params.yaml` as one frozen model: every value typed, bounded, and named by its path when it is wrong."""

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator
from pydantic import ValidationError as PydanticError

from rlrec.errors import ConfigError
from rlrec.settings.beliefs import BeliefConfig, Beliefs
from rlrec.settings.dataset import DataConfig
from rlrec.settings.explain import explain, unit
from rlrec.settings.learner import LearnerConfig, LoggedConfig
from rlrec.settings.learners import A3CConfig, Learner, LearnerName
from rlrec.settings.memory import Matrices
from rlrec.settings.sections import Count, Features, Fraction, InnerShare, Observation, Positive, Reward, Section, Split
from rlrec.settings.value_based import ValueBasedConfig
from rlrec.settings.yaml import read_settings

PARAMS_FILE = Path("params.yaml")


class WorldConfig(Section):
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
    split: Split = "user"
    """Where the future begins: `user`, after that share of each test user's ratings; `time`, after that of all ratings,
    at a moment from which on nobody's are learned from."""

    @model_validator(mode="after")
    def _some_test_users(self) -> Self:
        if self.train_users + self.validation_users >= 1:
            raise ValueError(
                f"world.train_users ({self.train_users:g}) and world.validation_users ({self.validation_users:g}) "
                f"must leave test users: their sum must be below 1"
            )
        return self


class ScenarioConfig(Section):
    """The Markov decision process: how users react and what an agent sees."""

    slate_size: Annotated[int, Field(ge=1, le=100), unit("movies")] = 1
    """Movies recommended at each step of training (K)."""
    observation: Observation = "history"
    """What an agent sees: all it needs to infer a hidden taste, or the thesis's 25 numbers."""
    features: Features = "world"
    """What an agent knows of movies: the vectors that the world is made of, vectors fitted to training users' ratings
    only, genre flags and popularity, who watched what, or the second and the last of these."""
    delta: Annotated[float, Field(ge=-1, le=10), unit("per liked movie")] = 1.0
    """Growth of a genre affinity: > 0 addiction, < 0 boredom, 0 a static user."""
    threshold: Annotated[float, Field(ge=1, le=5), unit("stars")] = 3.0
    """Lowest rating that moves the taste."""
    affinity_cap: Annotated[float, Field(gt=0, le=1e30), unit("stars")] = 5.0
    """Genre affinities are clipped to plus or minus this."""
    recovery: Annotated[Fraction, unit("per step")] = 0.0
    """Share of the way back to its start that a taste goes; 0 in the original: nothing is forgotten."""
    noise: Annotated[float, Field(ge=0, le=5), unit("stars")] | Literal["fitted"] = 0.0
    """Standard deviation of ratings around the taste's, before they are clipped; `fitted` is the world's own."""
    reward: Reward = "rating"
    """What an answer is worth: its stars, or all if it is above 3.5 stars (liked), or all if it was rated (seen)."""
    belief: BeliefConfig | None = None
    """What agents take users for: null is estimated from training users' sessions, as what bandits take them for is."""
    lambda_non_violent: Fraction = 0.0
    """Weight of non-violence in the reward; needs the tag genome."""
    allow_repeats: bool = False
    """Whether a movie may be shown twice in one session."""
    episode_length: Annotated[int, Field(ge=1, le=10_000), unit("steps")] = 50
    """Recommendations a session (T)."""

    @model_validator(mode="after")
    def _only_stars_are_weighed(self) -> Self:
        if self.reward != "rating" and self.lambda_non_violent:
            raise ValueError(
                f"scenario.lambda_non_violent ({self.lambda_non_violent:g}) weighs stars against violence: it needs "
                f"scenario.reward: rating, but that is {self.reward}"
            )
        return self


class RayConfig(Section):
    """Where the local agents run with `training.executor: ray`."""

    address: (
        Annotated[str, Field(pattern=r"^(auto|ray://[^\s/:]+:\d{1,5})$", examples=["auto", "ray://host:10001"])] | None
    ) = None
    """Cluster to run on: null starts one on this machine, on loopback only; `auto` takes the one running here."""


class TrainingConfig(Section):
    """How any learner is trained: local agents around one global model."""

    executor: Literal["threads", "ray"] = "threads"
    """What runs the local agents: threads of one process, or processes of a Ray cluster."""
    ray: RayConfig = RayConfig()
    """Read with `executor: ray` only."""
    agents: Annotated[int, Field(ge=1, le=64), unit("agents")] = 2
    """Local agents, each with its own environments."""
    steps: Annotated[Count, unit("steps")] = 320_000
    """Budget of environment steps over all agents, of each learner that has none of its own."""
    checkpoint_every: Annotated[Count, unit("updates")] = 25
    """Updates between two checkpoints: each is judged and kept on disk until training has ended."""
    judging_users: Annotated[int, Field(ge=0, le=1_000_000), unit("users")] = 640
    """Simulated users, drawn as training users are spread, who judge checkpoints beside the validation users."""
    max_staleness: Annotated[int, Field(ge=0, le=10**12), unit("versions")] = 1000
    """Versions that a gradient may be behind when it arrives; older ones are refused."""
    max_refused: Annotated[int, Field(ge=0, le=10**12), unit("gradients")] = 10
    """Refused gradients after which a local agent is stopped; the others go on."""


class EvaluateConfig(Section):
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
    reference: LearnerName = "a3c"
    """The learner that all others, and all baselines, are compared with."""
    leave_out: tuple[Matrices, ...] = ()
    """Baselines that are not compared: of those with a matrix of movies by movies, where that would be too large."""
    recommender: LearnerName | None = None
    """The learner for people: all are compared with it on real ratings, and it answers `rlrec recommend`; null is the
    reference."""

    @property
    def for_people(self) -> str:
        """The recommender, or else the reference."""
        return self.recommender or self.reference


class ReportConfig(Section):
    """The report page."""

    example_sessions: Annotated[int, Field(ge=1, le=20), unit("sessions")] = 3
    """Test users whose session is told step by step."""


class Job(Section):
    """One training: a learner, the scenario as it meets it, and how it is trained."""

    seed: int = 7
    """Of all draws."""
    name: LearnerName = "a3c"
    """The learner's."""
    learner: Learner = A3CConfig()
    """Its algorithm and settings."""
    scenario: ScenarioConfig = ScenarioConfig()
    """With the learner's own observation and features."""
    training: TrainingConfig = TrainingConfig()
    """With the learner's own budget."""

    @model_validator(mode="after")
    def _rollouts_fit_sessions(self) -> Self:
        check_learner(self.name, self.learner, self.scenario, self.training)
        return self

    def rng(self, purpose: str) -> np.random.Generator:
        """See `Config.rng`."""
        return np.random.default_rng(derive_seed(self.seed, purpose))


class Config(Section):
    """All settings of a run."""

    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 7
    """Every random draw is derived from it."""
    data: DataConfig = DataConfig()
    world: WorldConfig = WorldConfig()
    scenario: ScenarioConfig = ScenarioConfig()
    learners: Annotated[dict[LearnerName, Learner], Field(min_length=1)] = Field(default={"a3c": A3CConfig()})
    """What learns, by name."""
    training: TrainingConfig = TrainingConfig()
    evaluate: EvaluateConfig = EvaluateConfig()
    report: ReportConfig = ReportConfig()

    @model_validator(mode="after")
    def _all_fits(self) -> Self:
        for name, learner in self.learners.items():
            check_learner(name, learner, self.scenario, self.training)
        reference, recommender = self.evaluate.reference, self.evaluate.recommender
        if reference not in self.learners:
            raise ValueError(f"evaluate.reference ({reference}) is none of the learners: {', '.join(self.learners)}")
        if recommender is not None and recommender not in self.learners:
            raise ValueError(
                f"evaluate.recommender ({recommender}) is none of the learners: {', '.join(self.learners)}"
            )
        return self

    def job(self, name: str, beliefs: Mapping[Features, Beliefs] | None = None) -> Job:
        """The training of a learner.

        Args:
            name: the learner's.
            beliefs: what was estimated, by features; its best is the agent's where the settings have no belief.

        Raises:
            ConfigError: there is no learner of that name.
        """
        if name not in self.learners:
            raise ConfigError(f"there is no learner {name!r}: learners has {', '.join(self.learners)}")
        learner = self.learners[name]
        scenario = self.scenario.model_copy(update=learner.scenario)
        if scenario.belief is None and beliefs and scenario.features in beliefs:
            found = beliefs[scenario.features]
            scenario = scenario.model_copy(update={"belief": found.of(found.best)})
        training = self.training.model_copy(update={"steps": learner.steps} if learner.steps else {})
        return Job(seed=self.seed, name=name, learner=learner, scenario=scenario, training=training)

    @property
    def for_cold_starts(self) -> str:
        """The learner for people of whom nothing is known: the first that learned from such, or else for all people."""
        cold = (name for name, one in self.learners.items() if isinstance(one, LoggedConfig) and one.sessions == "cold")
        return next(cold, self.evaluate.for_people)

    def rng(self, purpose: str) -> np.random.Generator:
        """A generator of its own for each purpose, so that one more draw in one place changes no other place."""
        return np.random.default_rng(derive_seed(self.seed, purpose))


def check_learner(name: str, learner: LearnerConfig, scenario: ScenarioConfig, training: TrainingConfig) -> None:
    """Refuses a learner that cannot be trained so.

    Raises:
        ValueError: its rollouts do not fit into sessions, its agents are to wait for one another on a cluster, or it is
            to start from a belief that it does not see.
    """
    scenario = scenario.model_copy(update=learner.scenario)
    if scenario.episode_length % learner.rollout:
        rollout, length = f"learners.{name}.rollout ({learner.rollout})", scenario.episode_length
        if learner.learns_from == "simulated":
            raise ValueError(f"{rollout} must divide scenario.episode_length ({length})")
        raise ValueError(f"{rollout} must divide learners.{name}.length ({length})")
    learner.check(f"learners.{name}", scenario.episode_length)
    seen, (believing, fitting) = scenario.observation, _SEEN[learner.learns_from, getattr(learner, "sessions", None)]
    if seen not in fitting:
        raise ValueError(
            f"learners.{name}: whoever learns from {learner.learns_from} users"
            f"{f' in {learner.sessions} sessions' if isinstance(learner, LoggedConfig) else ''} observes "
            f"{' or '.join(fitting)}, but observation is {seen}"
        )
    if getattr(learner, "start", None) == "belief" and seen != believing:
        raise ValueError(
            f"learners.{name}.start (belief) needs the observation {believing}, but that is {seen}: start from zero"
        )
    if getattr(learner, "start", None) == "regression" and seen != "recent":
        raise ValueError(f"learners.{name}.start (regression) needs the observation recent, but that is {seen}")
    if isinstance(learner, LoggedConfig) and learner.ranks == "rated":
        fits = learner.sessions == "continue", learner.reward != "seen", seen == "stars" or learner.start == "zero"
        needs = "sessions that continue", "the reward rating or liked", "the observation stars, or start: zero"
        if not all(fits):
            raise ValueError(f"learners.{name}.ranks (rated) needs {needs[fits.index(False)]}")
    if isinstance(learner, LoggedConfig) and learner.sessions == "continue" and learner.length != 1:
        raise ValueError(
            f"learners.{name}.length ({learner.length}) is 1 in sessions that continue: one slate is shown"
        )
    if isinstance(learner, ValueBasedConfig):
        _check_value_based(name, learner, scenario)
    if learner.synchronous and training.executor != "threads":
        raise ValueError(
            f"learners.{name}.algorithm ({learner.algorithm}) needs training.executor: threads, "
            f"but that is {training.executor}"
        )


def _check_value_based(name: str, learner: ValueBasedConfig, scenario: ScenarioConfig) -> None:
    if learner.algorithm == "dqn" and scenario.slate_size > 1:
        of_slates = f"learners.{name}" if isinstance(learner, LoggedConfig) else "scenario"
        raise ValueError(
            f"learners.{name}.algorithm (dqn) shows one movie at a time, but {of_slates}.slate_size is "
            f"{scenario.slate_size}: its like for slates is slateq"
        )
    if learner.rollout_steps % learner.updates:
        raise ValueError(
            f"learners.{name}.updates ({learner.updates}) must divide learners.{name}.users times "
            f"learners.{name}.rollout ({learner.users} x {learner.rollout})"
        )


_SEEN: dict[tuple[str, str | None], tuple[Observation | None, tuple[Observation, ...]]] = {
    ("simulated", None): ("history", ("history", "thesis")),
    ("logged", "continue"): ("stars", ("recent", "stars")),
    ("logged", "cold"): ("answers", ("answers",)),
}
"""By whom a learner learns from: the observation with a belief that it may start from, and all that it may have."""


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
        values: as YAML has them, e.g. `{"scenario": {"delta": 0.5}}`.
        where: they come from, for the error.

    Raises:
        ConfigError: a value is unknown, of the wrong type or out of range. Every wrong value is named by its path, e.g.
            `scenario.delta`, with what is allowed.
    """
    try:
        return Config.model_validate(values)
    except PydanticError as error:
        problems = explain(error, Config)
        between = " " if len(problems) == 1 else "\n  "
        raise ConfigError(f"{where}:{between}" + "\n  ".join(problems)) from error
