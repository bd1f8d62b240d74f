"""Learners that learn what slates are worth, and show the best: deep Q-learning, and its decomposition by position."""

from typing import Annotated, Literal

from pydantic import Field

from rlrec.settings.explain import unit
from rlrec.settings.learner import ColdConfig, LearnerConfig
from rlrec.settings.sections import Count, Fraction, Positive, Width


class ValueBasedConfig(LearnerConfig):
    """Q-learning from a replay buffer, with target weights."""

    rollout: Annotated[int, Field(ge=1, le=10_000), unit("steps")] = 10
    """Steps an agent plays at once, which go into its replay buffer."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.0001
    """Step size at the start: Q is of the size of a reward, of which a thousandth decides between movies."""
    final_learning_rate: Fraction = 0.00001
    """Step size at the end of the budget; linear in between."""
    updates: Annotated[int, Field(ge=1, le=1000), unit("gradients")] = 4
    """Gradients for each rollout, each of a batch drawn from the buffer; divides users times rollout."""
    batch: Annotated[int, Field(ge=1, le=65_536), unit("rows")] = 256
    """Rows behind a gradient: what a session was shown, and what came of it."""
    buffer: Annotated[Count, unit("rows")] = 50_000
    """Rows an agent keeps, the oldest going first."""
    gamma: Fraction = 0.3
    """Discount of future rewards."""
    n_step: Annotated[int, Field(ge=1, le=1000), unit("steps")] = 3
    """Rewards that a target adds up before it takes Q for what is left; up to the rollout's end."""
    double: bool = True
    """Whether the newest weights choose what the target weights value, or these do both."""
    target_every: Annotated[int, Field(ge=1, le=1_000_000), unit("gradients")] = 20
    """Gradients after which the newest weights are taken over as target weights."""
    prioritised: Fraction = 0.0
    """Power of a row's last error that its chance of being drawn goes with; 0 draws all alike."""
    correction: Fraction = 0.4
    """Read with `prioritised` above 0 only: how far weights make up for these chances, wholly at 1."""
    epsilon: Fraction = 1.0
    """Chance of a slate that is drawn instead of the best one, at the start."""
    final_epsilon: Fraction = 0.05
    """The same when exploration has ended; linear in between."""
    exploration: Annotated[Count, unit("steps")] = 80_000
    """Steps of a local agent over which that chance falls."""
    temperature: Positive | None = None
    """What drawn slates are drawn by, the softmax of Q over this; null draws all movies alike."""
    hidden: Width = 256
    """Width of the network's hidden layers."""
    start: Literal["belief", "zero"] | None = None
    """What Q begins as: the reward to be expected by what is believed of the user, or 0. Null is the former where it
    sees a belief."""


class DQNConfig(ValueBasedConfig):
    """Deep Q-learning: double, n-step, with a dueling network; of one movie at a time."""

    algorithm: Literal["dqn"] = "dqn"
    learns_from: Literal["simulated"] = "simulated"


class SlateQConfig(ValueBasedConfig):
    """The same for slates of any size, by what each of their positions is worth."""

    algorithm: Literal["slateq"] = "slateq"
    learns_from: Literal["simulated"] = "simulated"


class LoggedDQNConfig(ColdConfig, ValueBasedConfig):
    """Deep Q-learning in cold sessions with real people."""

    algorithm: Literal["dqn"] = "dqn"
    rollout: Annotated[int, Field(ge=1, le=10_000), unit("slates")] = 10
    """Slates an agent shows at once, which go into its replay buffer."""
    slate_size: Annotated[int, Field(ge=1, le=100), unit("movies")] = 1
    """Movies of a slate (K); DQN shows one."""


class LoggedSlateQConfig(LoggedDQNConfig):
    """The same for slates of any size."""

    algorithm: Literal["slateq"] = "slateq"  # type: ignore[assignment]
    slate_size: Annotated[int, Field(ge=1, le=100), unit("movies")] = 10
    """Movies of a slate (K)."""
