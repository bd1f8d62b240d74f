"""What learns: under a name, an algorithm with its settings.

A further algorithm is a class here, with its name as the only value of `algorithm`, and a line in `ALGORITHMS`. An
algorithm that learns from logged answers as well as from simulated users is a class for each of them.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Union

from pydantic import Discriminator, Field, Tag

from rlrec.settings.explain import tagged, unit
from rlrec.settings.sections import Count, Features, Fraction, Observation, Positive, Reward, Section, Width


class LearnerConfig(Section):
    """What every learner has, whatever its algorithm."""

    synchronous: ClassVar[bool] = False
    """Whether agents wait for one another, and their mean gradient is applied."""

    algorithm: str
    """What learns."""
    label: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    """Name in tables and figures; null for the algorithm's own."""
    learns_from: Literal["simulated", "logged"] = "simulated"
    """Whom it learns from: users simulated in the fitted world, or real ones, by what they really answered."""
    observation: Observation | None = None
    """What it sees, if not what `scenario.observation` says."""
    features: Features | None = None
    """What it knows of movies, if not what `scenario.features` says."""
    steps: Annotated[Count, unit("steps")] | None = None
    """Its budget over all agents, if not `training.steps`."""
    users: Annotated[int, Field(ge=1, le=65_536), unit("sessions")] = 64
    """Sessions an agent plays at once."""
    rollout: Annotated[int, Field(ge=1, le=10_000), unit("steps")] = 50
    """Steps an agent plays before it sends a gradient (t_max)."""
    optimizer: Literal["adam", "rmsprop"] = "adam"
    """Rule of the updates, its statistics kept by the global model."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.001
    """Step size at the start."""
    final_learning_rate: Fraction = 0.0001
    """Step size at the end of the budget; linear in between."""
    clip_norm: Positive = 1.0
    """Largest global norm of an applied gradient."""

    @property
    def key(self) -> str:
        """The algorithm, and whom it learns from: its name in `ALGORITHMS`."""
        return self.algorithm if self.learns_from == "simulated" else f"{self.learns_from} {self.algorithm}"

    @property
    def rollout_steps(self) -> int:
        """Environment steps of one rollout: `users` times `rollout`."""
        return self.users * self.rollout

    @property
    def scenario(self) -> dict[str, Any]:
        """What is otherwise for it in the scenario, by the names of its settings."""
        return {name: kind for name in ("observation", "features") if (kind := getattr(self, name)) is not None}


class ActorCriticConfig(LearnerConfig):
    """A policy and a critic, trained on n-step returns."""

    gamma: Fraction = 0.3
    """Discount of future rewards."""
    gae_lambda: Fraction = 1.0
    """Weight of later steps in the advantage estimate: 1 is the paper's n-step return, less is GAE."""
    entropy: Annotated[float, Field(ge=0, le=10)] = 0.003
    """Weight of the entropy bonus."""
    value: Annotated[float, Field(ge=0, le=100)] = 0.5
    """Weight of the value loss."""


class BilinearConfig(ActorCriticConfig):
    """An actor-critic whose query is multiplied with the movies' features."""

    network: Literal["bilinear", "recurrent"] = "bilinear"
    """What makes the query: a linear path and a hidden layer, or the same with a GRU."""
    hidden: Width = 256
    """Width of the network's hidden layers."""
    start: Literal["belief", "zero"] | None = None
    """What it begins as: greedy on what is believed of the user, which it then improves on, or knowing nothing. Null is
    the former where it sees a belief: where the observation is `history`."""
    sharpness: Annotated[float, Field(gt=0, le=1000), unit("per star")] = 40.0
    """Read with a start from the belief only: how much a movie's logit rises with its expected rating."""


class A3CConfig(BilinearConfig):
    """Asynchronous advantage actor-critic: agents wait for nobody."""

    algorithm: Literal["a3c"] = "a3c"
    learns_from: Literal["simulated"] = "simulated"


class A2CConfig(BilinearConfig):
    """The same, but all agents wait for one another and their mean gradient is applied."""

    synchronous: ClassVar[bool] = True

    algorithm: Literal["a2c"] = "a2c"
    learns_from: Literal["simulated"] = "simulated"


class ThesisConfig(ActorCriticConfig):
    """A3C with the thesis's network (dense, 128-64 and heads of 32) and, unless told otherwise, its 25 numbers."""

    algorithm: Literal["thesis"] = "thesis"
    learns_from: Literal["simulated"] = "simulated"
    observation: Observation | None = "thesis"
    """What it sees: the thesis's 25 numbers, or null for what `scenario.observation` says."""


class LoggedConfig(LearnerConfig):
    """What every learner has that learns from what real people answered: training users, as the world's log has them.

    In a session that *continues*, somebody's ratings up to some moment are known, and a slate is shown of what the
    person may have rated next. In a *cold* one nothing is known, and movies are shown one after another.
    """

    learns_from: Literal["logged"] = "logged"
    sessions: Literal["continue", "cold"] = "continue"
    """Whether a session continues what somebody rated, or begins with nothing."""
    reward: Reward = "seen"
    """What an answer is worth: its stars (rating), or all above 3.5 stars (liked), or all if it was rated (seen)."""
    observation: Observation | None = None
    """What it sees; null is `recent` in sessions that continue, and `answers` in cold ones."""
    features: Features | None = "watched"
    """What it knows of movies, or null for what `scenario.features` says."""
    steps: Annotated[Count, unit("steps")] | None = 307_200
    """Its budget over all agents, or null for `training.steps`."""
    users: Annotated[int, Field(ge=1, le=65_536), unit("sessions")] = 128
    """People at a time, in sessions that continue each at a moment of the log."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 2e-5
    """Step size at the start: ten times as much unlearns the regression that sessions which continue start from."""
    final_learning_rate: Fraction = 2e-6
    """Step size at the end of the budget; linear in between."""
    slate_size: Annotated[int, Field(ge=1, le=100), unit("movies")] = 10
    """Movies of a slate (K)."""
    length: Annotated[int, Field(ge=1, le=10_000), unit("slates")] = 1
    """Slates of a session (T); sessions that continue have one."""
    start: Literal["regression", "belief", "zero"] | None = None
    """What it begins as: in sessions that continue, a ridge regression of what comes next; in cold ones, greedy on what
    is believed of the user; or knowing nothing. Null is the first or the second."""

    @property
    def scenario(self) -> dict[str, Any]:
        """See `LearnerConfig`; how simulated users react does not matter here."""
        seen = self.observation or ("recent" if self.sessions == "continue" else "answers")
        return super().scenario | {
            "observation": seen,
            "reward": self.reward,
            "slate_size": self.slate_size,
            "episode_length": self.length,
            "noise": 0.0,
            "lambda_non_violent": 0.0,
            "allow_repeats": False,
        }


class LoggedA3CConfig(LoggedConfig, BilinearConfig):
    """Asynchronous advantage actor-critic on logged answers."""

    algorithm: Literal["a3c"] = "a3c"
    rollout: Annotated[int, Field(ge=1, le=10_000), unit("slates")] = 1
    """Slates that an agent shows before it sends a gradient (t_max)."""
    slates: Annotated[int, Field(ge=1, le=100), unit("slates")] = 4
    """Read in sessions that continue: slates drawn for each of `users`; what the others earn is what one is held
    against, and with one alone what the critic expects."""
    network: Literal["bilinear"] = "bilinear"
    """What makes the query: a linear path and a hidden layer."""
    entropy: Annotated[float, Field(ge=0, le=10)] = 0.0
    """Weight of the entropy bonus."""
    gamma: Fraction = 0.0
    """Discount of future rewards; within a slate nothing is discounted but by position."""

    @property
    def rollout_steps(self) -> int:
        """Environment steps, that is slates, of one gradient."""
        return self.users * (self.slates if self.sessions == "continue" else self.rollout)


class LoggedA2CConfig(LoggedA3CConfig):
    """The same, but all agents wait for one another and their mean gradient is applied."""

    synchronous: ClassVar[bool] = True

    algorithm: Literal["a2c"] = "a2c"  # type: ignore[assignment]


class CrossEntropyConfig(LoggedConfig):
    """No reinforcement: what was answered is made likely, on the states of sessions that continue."""

    algorithm: Literal["cross_entropy"] = "cross_entropy"
    sessions: Literal["continue"] = "continue"
    """Of sessions that continue what somebody rated."""
    steps: Annotated[Count, unit("steps")] | None = 38_400
    """Its budget over all agents, or null for `training.steps`."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 1e-5
    """Step size at the start."""
    final_learning_rate: Fraction = 1e-6
    """Step size at the end of the budget; linear in between."""
    rollout: Literal[1] = 1
    """It shows nothing."""
    hidden: Width = 256
    """Width of the network's hidden layer."""


ALGORITHMS: dict[str, type[LearnerConfig]] = {
    "a3c": A3CConfig,
    "a2c": A2CConfig,
    "thesis": ThesisConfig,
    "logged a3c": LoggedA3CConfig,
    "logged a2c": LoggedA2CConfig,
    "logged cross_entropy": CrossEntropyConfig,
}
"""The settings of each algorithm, by its name; on logged answers it is `logged` and its name."""


def _key_of(values: Any) -> Any:
    """Which algorithm's settings these are; None where they do not say."""
    if not isinstance(values, Mapping):
        return getattr(values, "key", None)
    algorithm, origin = values.get("algorithm"), values.get("learns_from", "simulated")
    if not isinstance(algorithm, str):
        return None
    logged = f"logged {algorithm}"
    return logged if origin == "logged" or (algorithm not in ALGORITHMS and logged in ALGORITHMS) else algorithm


if TYPE_CHECKING:
    Learner = LearnerConfig
else:
    _kinds = tuple(Annotated[kind, Tag(name), tagged(name)] for name, kind in ALGORITHMS.items())
    Learner = Annotated[Union[_kinds], Discriminator(_key_of)]  # noqa: UP007 (of a tuple)
LearnerName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$", examples=["a3c"])]
"""Of a folder, a column and a stage: small letters, digits and underscores."""
