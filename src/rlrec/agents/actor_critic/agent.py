"""The actor-critic algorithms: A3C, A2C, and A3C with the thesis's network.

They differ in the network, and in whether the global model waits for all agents; what an agent does is the same.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from rlrec.agents.actor_critic.rollout import Carry, Player, Rollout
from rlrec.agents.actor_critic.sampled import LeafSimulation, SampledPlayer, samples, standardised
from rlrec.agents.actor_critic.sampling import block_size
from rlrec.agents.agent import Agent, Step, earned, initial_weights, network_policy
from rlrec.agents.standardisation import standardisation
from rlrec.environments.compiled import Simulation
from rlrec.environments.compiled_logged import ColdSimulation
from rlrec.environments.observations import BELIEVING
from rlrec.policies.scored import NetworkPolicy
from rlrec.settings.config import Job
from rlrec.settings.learner import ActorCriticConfig, BilinearConfig, CatalogueConfig
from rlrec.worlds.dynamics import Floats
from rlrec.worlds.world import World


class ActorCritic(Agent):
    """Plays rollouts of n steps and differentiates the actor-critic loss, in one compiled function a rollout."""

    figures: ClassVar[tuple[str, ...]] = ("mean_return", "ctr", "entropy", "policy_loss", "value_loss")
    network: ClassVar[str] = "bilinear"
    """Of `NETWORKS`, where the settings leave no choice."""
    plays: ClassVar[type[Player]] = Player

    def __init__(self, world: World, job: Job) -> None:
        """Prepares the functions, which are compiled at their first call.

        Raises:
            WorldError: the world cannot play the scenario.
        """
        settings = job.learner
        assert isinstance(settings, ActorCriticConfig)
        kind, hidden, self._sharpness = self.network, 1, 0.0
        if isinstance(settings, BilinearConfig):
            kind, hidden, believes = settings.network, settings.hidden, job.scenario.observation in BELIEVING
            self.warm = settings.start == "belief" or (settings.start is None and believes)
            self._sharpness = settings.sharpness if self.warm else 0.0
        self._world, self._job, self._gamma = world, job, settings.gamma
        simulation: Simulation | ColdSimulation
        plays = self.plays
        if isinstance(settings, CatalogueConfig) and samples(settings, world.n_movies):
            plays, simulation = SampledPlayer, LeafSimulation(world, job, settings.candidates)
            self._center, self._scale, self._reward = standardised(world, job, simulation, self._sharpness)
        else:
            self._center, self._scale, self._reward = standardisation(world, job, greedy=self.warm)
            users = Simulation if settings.learns_from == "simulated" else ColdSimulation
            simulation = users(world, job.scenario, block_size(world.n_movies))
        self.player = plays(simulation, settings, kind, hidden, self._center, self._scale, self._sharpness)
        self.steps = settings.rollout_steps
        self.lifetime = job.scenario.episode_length // settings.rollout

    def initial(self) -> Callable[[], Floats]:
        """See `Agent`: hidden layers drawn at random, heads of zero.

        Who starts as the belief's greedy policy also starts with what that earns: with the mean reward r of a step, a
        discounted return of r / (1 − γ).
        """
        return partial(initial_weights, self.player.network, self._job.seed, self._worth())

    def start(self, seed: NDArray[np.int32]) -> Any:
        """See `Agent`: new sessions of training users."""
        return self.player.start(tf.constant(seed))

    def step(self, weights: Any, carry: Any, seed: NDArray[np.int32]) -> Step:
        """See `Agent`: a rollout and its gradient."""
        rollout = self.player.play(tf.convert_to_tensor(weights), carry, tf.constant(seed))
        return Step(rollout.carry, rollout.gradient.numpy(), self._told(rollout))

    def policy(self, weights: Floats) -> NetworkPolicy:
        """See `Agent`: ranks by the network's logits."""
        network = self.player.network
        return network_policy(
            self._world, self._job, self.label, network, weights, self._center, self._scale, self._sharpness
        )

    def _worth(self) -> float:
        """What a state is worth before anything is learned."""
        if not self.warm:
            return 0.0
        length = self._job.scenario.episode_length
        return self._reward * (length if self._gamma == 1 else 1 / (1 - self._gamma))

    def _told(self, rollout: Rollout) -> dict[str, float]:
        """The figures."""
        losses = {"policy_loss": float(rollout.policy_loss), "value_loss": float(rollout.value_loss)}
        return self._earned(rollout.carry) | {"entropy": float(rollout.entropy)} | losses

    def _earned(self, carry: Carry) -> dict[str, float]:
        """Return and click rate, where sessions ended."""
        return earned(carry.session, self._job.scenario.episode_length)


class A3C(ActorCritic):
    """Asynchronous advantage actor-critic (Mnih et al. 2016, arXiv 1602.01783, algorithm S3)."""

    label = "A3C"


class A2C(ActorCritic):
    """The same, synchronous: all agents wait for one another, and their mean gradient is applied."""

    label = "A2C"


class ColdA3C(A3C):
    """A3C in cold sessions with real people, who answer as they did."""

    label = "A3C, cold start"


class ColdA2C(A2C):
    """The same, synchronous."""

    label = "A2C, cold start"


class Thesis(ActorCritic):
    """A3C with the thesis's dense network: a trunk of 128 and 64, heads of 32, an output per movie."""

    label = "A3C, thesis"
    network = "thesis"
