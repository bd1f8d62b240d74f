"""Policy gradients that keep what was played: V-trace, REINFORCE and PPO, on simulated users and in cold sessions."""

from typing import Annotated, Literal

from pydantic import Field

from rlrec.settings.explain import unit
from rlrec.settings.learner import BilinearConfig, ColdConfig
from rlrec.settings.sections import Fraction

Clip = Annotated[float, Field(gt=0, le=1000)]
Rounds = Annotated[int, Field(ge=1, le=1000)]


class LaggedSettings(BilinearConfig):
    """Whoever learns from what was played before."""

    lag: Annotated[int, Field(ge=0, le=1000), unit("rollouts")] = 0
    """Rollouts of an agent between playing one and learning from it."""


class VTraceSettings(LaggedSettings):
    """Actor-critic with V-trace."""

    lag: Annotated[int, Field(ge=0, le=1000), unit("rollouts")] = 1
    """Rollouts of an agent between playing one and learning from it."""
    gae_lambda: Fraction = 1.0
    """Weight of later steps in the critic's targets: each c is multiplied with it."""
    rho_clip: Clip = 1.0
    """Largest ratio by which what was shown counts that is likelier now than then."""
    c_clip: Clip = 1.0
    """Largest ratio by which later rewards count for what was expected before."""


class ReinforceSettings(LaggedSettings):
    """Policy gradient of whole sessions, with a learned baseline."""

    gae_lambda: Annotated[float, Field(ge=1, le=1)] = 1.0
    """Nothing but what was earned to the end of the session counts."""
    correction: Literal["none", "off_policy", "top_k"] = "none"
    """How what was shown counts that is likelier now than then: as it is, by the ratio of the slate, or by the ratio of
    each of its movies, and how much more of it a slate can take."""
    cap: Clip = 20.0
    """Read with a correction only: largest ratio."""

    def check(self, path: str, length: int) -> None:
        """See `LearnerConfig`."""
        super().check(path, length)
        if self.rollout != length:
            whole = "scenario.episode_length" if self.learns_from == "simulated" else f"{path}.length"
            raise ValueError(f"{path}.rollout ({self.rollout}) must be {whole} ({length}): whole sessions are played")


class PPOSettings(BilinearConfig):
    """Several clipped gradients a rollout."""

    gae_lambda: Fraction = 0.95
    """Weight of later steps in the advantage estimate: 1 is the n-step return, less is GAE."""
    clip: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """How far a slate's likelihood may be pulled from what it was, as a share of it."""
    epochs: Annotated[Rounds, unit("epochs")] = 4
    """Times that a rollout is learned from."""
    minibatches: Annotated[Rounds, unit("minibatches")] = 4
    """Parts of `users` that it is divided into, each of which gives a gradient in every epoch."""
    normalise: bool = True
    """Whether the advantages of a minibatch are standardised."""

    def check(self, path: str, length: int) -> None:
        """See `LearnerConfig`."""
        super().check(path, length)
        if self.users % self.minibatches:
            raise ValueError(f"{path}.minibatches ({self.minibatches}) must divide {path}.users ({self.users})")
        gradients = self.epochs * self.minibatches
        if self.rollout_steps % gradients:
            raise ValueError(
                f"{path}.epochs times {path}.minibatches ({gradients}) must divide users times rollout "
                f"({self.rollout_steps}), since each gradient counts for a part of these"
            )


class ColdSettings(ColdConfig, BilinearConfig):
    """Learning in cold sessions with real people."""

    rollout: Annotated[int, Field(ge=1, le=10_000), unit("slates")] = 40
    """Slates that an agent shows before it sends a gradient (t_max)."""
    network: Literal["bilinear"] = "bilinear"
    """What makes the query: a linear path and a hidden layer."""
    gamma: Fraction = 0.0
    """Discount of future rewards."""
    entropy: Annotated[float, Field(ge=0, le=10)] = 0.0
    """Weight of the entropy bonus."""
    sharpness: Annotated[float, Field(gt=0, le=1000), unit("per star")] = 10.0
    """Read with a start from the belief only: how much a movie's logit rises with its expected reward."""


class ImpalaConfig(VTraceSettings):
    """V-trace: acting and learning apart, each gradient that of a rollout of older weights."""

    algorithm: Literal["impala"] = "impala"
    learns_from: Literal["simulated"] = "simulated"


class LoggedImpalaConfig(ColdSettings, VTraceSettings):
    """V-trace in cold sessions with real people."""

    algorithm: Literal["impala"] = "impala"


class ReinforceConfig(ReinforceSettings):
    """REINFORCE with a learned baseline, and if asked for, corrected for rollouts of older weights."""

    algorithm: Literal["reinforce"] = "reinforce"
    learns_from: Literal["simulated"] = "simulated"


class LoggedReinforceConfig(ColdSettings, ReinforceSettings):
    """REINFORCE in cold sessions with real people."""

    algorithm: Literal["reinforce"] = "reinforce"


class PPOConfig(PPOSettings):
    """Proximal policy optimisation."""

    algorithm: Literal["ppo"] = "ppo"
    learns_from: Literal["simulated"] = "simulated"


class LoggedPPOConfig(ColdSettings, PPOSettings):
    """Proximal policy optimisation in cold sessions with real people."""

    algorithm: Literal["ppo"] = "ppo"
