"""What every algorithm looks like to what trains it: a few functions of weights, and the names of its figures.

An agent has flat weights, from which one number is like the other; what they mean only the agent knows. Training is a
loop over `step`: with the newest weights, and with what the agent *carries* from step to step (sessions under way, a
memory, a replay buffer, target weights, whatever it needs), each gives one gradient.

| an algorithm with …            | does it so                                                                         |
|--------------------------------|------------------------------------------------------------------------------------|
| one gradient a rollout         | `step` plays and differentiates                                                    |
| several gradients a rollout    | `step` plays at every n-th call only, and carries the rollout to the others        |
| a replay buffer                | the buffer is carried; `step` plays, stores, and differentiates what it draws      |
| target weights                 | they are carried; `step` takes the weights over at every n-th call                 |
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rlrec.policies.networks import NUMPY, Network
from rlrec.policies.scored import NetworkPolicy
from rlrec.settings.beliefs import BeliefConfig
from rlrec.settings.config import Job, derive_seed
from rlrec.worlds.knowledge import Knowledge
from rlrec.worlds.world import World

Floats = NDArray[np.float32]
Carry = Any
"""What an agent takes from one step to the next; nobody else looks inside."""


class Step(NamedTuple):
    """What a step gave."""

    carry: Carry  # for the next step
    gradient: Floats  # (P,) float32, of a loss that is to fall
    figures: Mapping[str, float]  # a number for each of `Agent.figures`; NaN where there is nothing to tell


class Agent(ABC):
    """An algorithm, made for one training. See `rlrec.agents.registry` for all there are.

    What is expensive (tensors of a catalogue, compiled functions) is made once, in the constructor or at the first
    call; all functions may then be called from several threads at once, each with a carry of its own. They change
    nothing of what they are given: a carry that is used twice gives the same twice.

    `rlrec.testing.AgentTests` holds an algorithm to this.

    Attributes:
        label: the algorithm's name for people.
        figures: names of what each step tells, columns of the learning curve; the first is what a session earned.
        steps: environment steps that a gradient counts for in the budget.
        lifetime: steps that a carry lasts, after which `start` gives a new one; None where it lasts for good.
        warm: whether the initial weights are a policy that is worth keeping: a checkpoint is kept if it is better.
        doubt: standard errors by which it must be better then.
    """

    label: ClassVar[str]
    figures: ClassVar[tuple[str, ...]]
    steps: int
    lifetime: int | None = None
    warm: bool = False
    doubt: float = 2.0

    @abstractmethod
    def initial(self) -> Callable[[], Floats]:
        """What gives the weights to start with, `(P,)`: small enough to be sent to the process that keeps them."""

    @abstractmethod
    def start(self, seed: NDArray[np.int32]) -> Carry:
        """What is carried to the first step; draws depend on `seed`, `(2,)`, alone."""

    @abstractmethod
    def step(self, weights: Any, carry: Carry, seed: NDArray[np.int32]) -> Step:
        """One gradient at the weights, `(P,)` float32 (an array, or a tensor within a process)."""

    @abstractmethod
    def policy(self, weights: Floats) -> NetworkPolicy:
        """The recommender that the weights are, `(P,)`."""


def initial_weights(network: Network, seed: int, worth: float = 0.0) -> Floats:
    """Flat weights `(P,)` to start with, for `Agent.initial`: the critic expects `worth` of every state."""
    weights = network.initial_weights(np.random.default_rng(derive_seed(seed, "initial weights")))
    weights["value_offset"] += np.float32(worth)
    return network.flatten(weights)


def earned(session: Any, length: int) -> dict[str, float]:
    """Mean return and click rate of B sessions of so many steps where these have ended, NaN where they go on.

    Args:
        session: of a compiled simulation, at `step`, with sums of `rewards` and `clicks` `(B,)`.
        length: T.
    """
    ended = int(session.step) == length
    return {
        "mean_return": float(np.mean(session.rewards)) if ended else float("nan"),
        "ctr": float(np.mean(session.clicks)) / length if ended else float("nan"),
    }


def network_policy(
    world: World,
    job: Job,
    label: str,
    network: Network,
    weights: Floats,
    center: Floats,
    scale: Floats,
    sharpness: float = 0.0,
) -> NetworkPolicy:
    """The recommender that a network with these weights is, for `Agent.policy`.

    Args:
        world: that it was trained in.
        job: the training.
        label: the algorithm's, where the learner has none of its own.
        network: sizes and functions.
        weights: `(P,)`.
        center: `(S,)`, subtracted from an observation.
        scale: `(S,)`, divides it then.
        sharpness: see `NetworkPolicy`.
    """
    scenario = job.scenario
    return NetworkPolicy(
        network=network,
        weights=network.unflatten(weights, NUMPY),
        center=center,
        scale=scale,
        observation=scenario.observation,
        features=scenario.features,
        belief=scenario.belief or BeliefConfig(),
        reward=scenario.reward,
        length=scenario.episode_length,
        sharpness=sharpness,
        fingerprint=Knowledge.of(world).representation(scenario.features).fingerprint,
        algorithm=job.learner.algorithm,
        name=job.name,
        label=job.learner.label or label,
    )
