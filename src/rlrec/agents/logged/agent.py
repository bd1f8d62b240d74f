"""Who learns from logged answers in sessions that continue: A3C and A2C by slates that are drawn, or cross-entropy."""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from rlrec.agents.actor_critic.sampling import block_size
from rlrec.agents.agent import Agent, Step, initial_weights, network_policy
from rlrec.agents.logged.gradients import LikelihoodGradient, Parts, SlateGradient
from rlrec.agents.logged.start import Start, greedy, regression
from rlrec.environments.compiled_logged import Moments
from rlrec.policies.networks import NUMPY, Network
from rlrec.policies.scored import NetworkPolicy
from rlrec.settings.config import Job
from rlrec.settings.learner import LoggedConfig
from rlrec.settings.learners import CrossEntropyConfig, LoggedA3CConfig
from rlrec.worlds.dynamics import Floats
from rlrec.worlds.world import World

_BATCHES, _DRAWN = 8, 64
_PER_STAR = 4.0
"""Sharpness of a start from the belief where the settings have none."""


class Continuing(Agent):
    """One gradient of moments that are drawn anew at every step: nothing is carried from one to the next."""

    lifetime = None
    doubt = 0.0  # start and what is learned from it are about as good on people: the one that finds more is kept
    sharpness: ClassVar[float]
    """Of the start, see `regression`."""

    def __init__(self, world: World, job: Job, gradient: Callable[[Parts], Any], hidden: int) -> None:
        """Prepares the functions, which are compiled at their first call.

        Raises:
            WorldError: it is not known what training users really rated.
        """
        assert isinstance(job.learner, LoggedConfig)
        self._world, self._job = world, job
        self._moments = Moments(world, job.scenario, block_size(world.n_movies), job.learner.ranks)
        self._center, self._scale = _standardisation(self._moments, job)
        self._parts = Parts(self._moments, hidden, self._center, self._scale)
        self._gradient = gradient(self._parts)
        self.steps = job.learner.rollout_steps
        self.warm = job.learner.start != "zero"

    def initial(self) -> Callable[[], Floats]:
        """See `Agent`: hidden layers drawn at random, heads of zero, and the linear path as the start has it."""
        seed, network, learner = self._job.seed, self._parts.network, self._job.learner
        assert isinstance(learner, LoggedConfig)
        if learner.start == "zero":
            return partial(initial_weights, network, seed)
        if self._job.scenario.observation == "stars":
            per_star = learner.sharpness if isinstance(learner, LoggedA3CConfig) else _PER_STAR
            return partial(_begun, network, seed, greedy(self._center, self._scale, per_star))
        key = self._job.rng("regression").integers(2**31, size=2, dtype=np.int32)
        return partial(
            _begun,
            network,
            seed,
            regression(self._moments, self._center, self._scale, learner.slate_size, self.sharpness, key),
        )

    def start(self, seed: NDArray[np.int32]) -> Any:
        """See `Agent`: nothing is carried."""
        return ()

    def step(self, weights: Any, carry: Any, seed: NDArray[np.int32]) -> Step:
        """See `Agent`."""
        found = self._gradient.play(tf.convert_to_tensor(weights), tf.constant(seed))
        return Step((), found.gradient.numpy(), {name: float(found.figures[name]) for name in self.figures})

    def policy(self, weights: Floats) -> NetworkPolicy:
        """See `Agent`: ranks by the network's logits."""
        return network_policy(
            self._world, self._job, self.label, self._parts.network, weights, self._center, self._scale
        )


class LoggedA3C(Continuing):
    """Asynchronous advantage actor-critic on logged answers, by slates."""

    label = "A3C, logged answers"
    figures = ("mean_return", "ctr", "entropy", "policy_loss", "value_loss")
    sharpness = 400.0  # slates drawn by softer logits are hardly better than chance, and teach what is popular

    def __init__(self, world: World, job: Job) -> None:
        settings = job.learner
        assert isinstance(settings, LoggedA3CConfig)
        super().__init__(world, job, partial(SlateGradient, learner=settings), settings.hidden)


class LoggedA2C(LoggedA3C):
    """The same, synchronous."""

    label = "A2C, logged answers"


class CrossEntropy(Continuing):
    """Supervised: what policy gradient has to beat."""

    label: ClassVar[str] = "cross-entropy, logged answers"
    figures = ("mean_return", "entropy", "cross_entropy")
    sharpness = 150.0  # about the most likely

    def __init__(self, world: World, job: Job) -> None:
        settings = job.learner
        assert isinstance(settings, CrossEntropyConfig)
        super().__init__(world, job, partial(LikelihoodGradient, learner=settings), settings.hidden)


def _begun(network: Network, seed: int, start: Start) -> Floats:
    """Flat weights `(P,)`, those of the linear path being the start's."""
    weights = network.unflatten(initial_weights(network, seed), NUMPY)
    return network.flatten(weights | {"linear": start.linear, "query_bias": start.bias})


def _standardisation(moments: Moments, job: Job) -> tuple[Floats, Floats]:
    """Mean `(S,)` of states, and one deviation for all of them: the entries' own would make the least count as much."""
    keys = job.rng("standardisation").integers(2**31, size=(_BATCHES, 2), dtype=np.int32)
    draw = tf.function(lambda seed: moments.draw(_DRAWN, seed).states, jit_compile=True)
    states = np.concatenate([draw(tf.constant(key)).numpy() for key in keys])
    deviation = float(np.sqrt(states.var(axis=0).mean()))
    return states.mean(axis=0), np.full(states.shape[1], max(deviation, 1e-3), np.float32)
