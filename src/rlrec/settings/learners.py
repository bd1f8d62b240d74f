"""What learns: under a name, an algorithm with its settings.

A further algorithm is a class, with its name as the only value of `algorithm`, and a line in `ALGORITHMS`. An algorithm
that learns from logged answers as well as from simulated users is a class for each of them.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Union

from pydantic import Discriminator, Field, Tag

from rlrec.settings.explain import tagged, unit
from rlrec.settings.learner import ActorCriticConfig, BilinearConfig, CatalogueConfig, LearnerConfig, LoggedConfig
from rlrec.settings.lird import LirdConfig, LoggedLirdConfig
from rlrec.settings.policy_gradient import (
    ImpalaConfig,
    LoggedImpalaConfig,
    LoggedPPOConfig,
    LoggedReinforceConfig,
    PPOConfig,
    ReinforceConfig,
)
from rlrec.settings.sections import Count, Fraction, Observation, Width
from rlrec.settings.value_based import DQNConfig, LoggedDQNConfig, LoggedSlateQConfig, SlateQConfig


class A3CConfig(CatalogueConfig):
    """Asynchronous advantage actor-critic: agents wait for nobody."""

    algorithm: Literal["a3c"] = "a3c"
    learns_from: Literal["simulated"] = "simulated"


class A2CConfig(CatalogueConfig):
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
    "impala": ImpalaConfig,
    "reinforce": ReinforceConfig,
    "ppo": PPOConfig,
    "logged a3c": LoggedA3CConfig,
    "logged a2c": LoggedA2CConfig,
    "logged cross_entropy": CrossEntropyConfig,
    "logged impala": LoggedImpalaConfig,
    "logged reinforce": LoggedReinforceConfig,
    "logged ppo": LoggedPPOConfig,
    "lird": LirdConfig,
    "logged lird": LoggedLirdConfig,
    "dqn": DQNConfig,
    "slateq": SlateQConfig,
    "logged dqn": LoggedDQNConfig,
    "logged slateq": LoggedSlateQConfig,
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
