"""What learns: under a name, an algorithm with its settings.

A further algorithm is a class here, with its name as the only value of `algorithm`, and a line in `ALGORITHMS`.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Union

from pydantic import Discriminator, Field, Tag

from rlrec.settings.explain import unit
from rlrec.settings.sections import Count, Features, Fraction, Observation, Positive, Section, Width


class LearnerConfig(Section):
    """What every learner has, whatever its algorithm."""

    synchronous: ClassVar[bool] = False
    """Whether agents wait for one another, and their mean gradient is applied."""

    algorithm: str
    """What learns."""
    label: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    """Name in tables and figures; null for the algorithm's own."""
    learns_from: Literal["simulated"] = "simulated"
    """Whom it learns from: users simulated in the fitted world."""
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
    def rollout_steps(self) -> int:
        """Environment steps of one rollout: `users` times `rollout`."""
        return self.users * self.rollout


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


class A2CConfig(BilinearConfig):
    """The same, but all agents wait for one another and their mean gradient is applied."""

    synchronous: ClassVar[bool] = True

    algorithm: Literal["a2c"] = "a2c"


class ThesisConfig(ActorCriticConfig):
    """A3C with the thesis's network (dense, 128-64 and heads of 32) and, unless told otherwise, its 25 numbers."""

    algorithm: Literal["thesis"] = "thesis"
    observation: Observation | None = "thesis"
    """What it sees: the thesis's 25 numbers, or null for what `scenario.observation` says."""


ALGORITHMS: dict[str, type[LearnerConfig]] = {
    "a3c": A3CConfig,
    "a2c": A2CConfig,
    "thesis": ThesisConfig,
}
"""The settings of each algorithm."""


def _algorithm_of(values: Any) -> Any:
    """Which algorithm's settings these are; None where they do not say."""
    return values.get("algorithm") if isinstance(values, Mapping) else getattr(values, "algorithm", None)


if TYPE_CHECKING:
    Learner = LearnerConfig
else:
    _kinds = tuple(Annotated[kind, Tag(name)] for name, kind in ALGORITHMS.items())
    Learner = Annotated[Union[_kinds], Discriminator(_algorithm_of)]  # noqa: UP007 (of a tuple)
LearnerName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$", examples=["a3c"])]
"""Of a folder, a column and a stage: small letters, digits and underscores."""
