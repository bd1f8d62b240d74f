"""The settings of LIRD, list-wise recommendation with an actor that proposes vectors (arXiv 1801.00209)."""

from typing import Annotated, Literal

from pydantic import Field

from rlrec.settings.explain import unit
from rlrec.settings.learner import ColdConfig, LearnerConfig
from rlrec.settings.sections import Count, Fraction, Width


class ListwiseConfig(LearnerConfig):
    """A vector for each position of a slate, and a critic of states and slates, trained on what was played before."""

    rollout: Annotated[int, Field(ge=1, le=10_000), unit("steps")] = 5
    """Steps an agent plays before it sends a gradient."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 1e-4
    """Step size at the start; from nothing, ten times as much learns faster."""
    final_learning_rate: Fraction = 1e-5
    """Step size at the end of the budget; linear in between."""
    gamma: Fraction = 0.3
    """Discount of future rewards."""
    hidden: Width = 256
    """Width of the actor's and of the critic's hidden layer."""
    start: Literal["belief", "zero"] | None = None
    """What it begins as: greedy on what is believed of the user, which it then improves on, or knowing nothing. Null is
    the former where it sees a belief."""
    sharpness: Annotated[float, Field(gt=0, le=1000), unit("per star")] = 40.0
    """Read with a start from the belief only: how much a movie's score rises with its expected rating."""
    exploration: Annotated[float, Field(ge=0, le=100)] = 1.0
    """Standard deviation of the noise on each number of a proposed vector."""
    through: Literal["choice", "proposal"] = "choice"
    """What the critic judges when the actor learns: the movies that are chosen, softly, or as in the paper the proposed
    vectors in their place."""
    entropy: Annotated[float, Field(ge=0, le=10)] = 0.005
    """Read with `choice` only: weight of the soft choice's entropy. With 1 / (5 sharpness) a start from the belief
    stays as it is where nothing else is learned."""
    buffer: Annotated[Count, unit("steps")] = 10_000
    """Steps that each agent keeps, the oldest going first."""
    batch: Annotated[int, Field(ge=1, le=65_536), unit("steps")] = 640
    """Steps behind a gradient, drawn from these in pieces of `rollout` steps."""
    tau: Fraction = 0.05
    """Share of the weights that the target weights take over at each gradient; 1 is all."""


class LirdConfig(ListwiseConfig):
    """LIRD: deep deterministic policy gradient for slates."""

    algorithm: Literal["lird"] = "lird"
    learns_from: Literal["simulated"] = "simulated"


class LoggedLirdConfig(ColdConfig, ListwiseConfig):
    """LIRD in cold sessions with real people, who answer as they did."""

    algorithm: Literal["lird"] = "lird"
    rollout: Annotated[int, Field(ge=1, le=10_000), unit("slates")] = 5
    """Slates that an agent shows before it sends a gradient."""
    sharpness: Annotated[float, Field(gt=0, le=1000), unit("per star")] = 10.0
    """Read with a start from the belief only: how much a movie's score rises with its expected reward."""
    entropy: Annotated[float, Field(ge=0, le=10)] = 0.02
    """Read with `choice` only: weight of the soft choice's entropy: 1 / (5 sharpness) here too."""
    gamma: Fraction = 0.0
    """Discount of future rewards; a slate's own is not discounted."""
