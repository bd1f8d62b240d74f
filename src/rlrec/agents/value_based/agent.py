"""The value-based algorithms: DQN, and SlateQ, which is the same for slates."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from rlrec.agents.actor_critic.sampling import block_size
from rlrec.agents.agent import Agent, Step, earned, initial_weights, network_policy
from rlrec.agents.replay import Replay, added, drawn, prioritised
from rlrec.agents.standardisation import standardisation
from rlrec.agents.value_based.acting import Player, Transitions
from rlrec.agents.value_based.learning import Learning
from rlrec.agents.value_based.values import PER_STAR, Values
from rlrec.environments.compiled import Simulation
from rlrec.environments.compiled_logged import ColdSimulation
from rlrec.environments.observations import BELIEVING
from rlrec.policies.networks import Bilinear
from rlrec.policies.scored import NetworkPolicy
from rlrec.settings.config import Job
from rlrec.settings.value_based import ValueBasedConfig
from rlrec.worlds.dynamics import Floats
from rlrec.worlds.world import World

_STARTS, _ROWS = 1, 2
"""Beside a seed: draws of users, and of rows."""


class Carry(NamedTuple):
    """What a local agent takes from one gradient to the next."""

    gradients: int  # that it gave
    session: Any  # B sessions under way; None before the first
    replay: Replay  # of `Transitions`
    target: Any  # (P,) target weights; None before the first gradient


class ValueBased(Agent):
    """Q-learning: plays at every n-th step only, stores, and differentiates the error of rows that it draws."""

    figures = ("mean_return", "ctr", "loss", "td_error", "mean_q", "exploring")

    def __init__(self, world: World, job: Job) -> None:
        """Prepares the functions, which are compiled at their first call.

        Raises:
            WorldError: the world cannot play the scenario.
        """
        settings, scenario = job.learner, job.scenario
        assert isinstance(settings, ValueBasedConfig)
        self._world, self._job, self._learner = world, job, settings
        self.warm = settings.start == "belief" or (settings.start is None and scenario.observation in BELIEVING)
        self._center, self._scale, self._reward = standardisation(world, job, greedy=self.warm)
        users = Simulation if settings.learns_from == "simulated" else ColdSimulation
        simulation = users(world, scenario, block_size(world.n_movies))
        sizes = simulation.state_size, settings.hidden, simulation.features.shape[1], world.n_movies
        self._network = Bilinear(*sizes)
        self.values = Values(simulation, self._network, self.warm)
        self.player = Player(self.values, settings, self._center, self._scale)
        self.learning = Learning(self.values, settings)
        self.steps = settings.rollout_steps // settings.updates

    def initial(self) -> Callable[[], Floats]:
        """See `Agent`: hidden layers drawn at random, heads of zero.

        Who starts from the belief begins with what its greedy policy earns after a step: γ · r / (1 − γ).
        """
        return partial(initial_weights, self._network, self._job.seed, self._worth())

    def start(self, seed: NDArray[np.int32]) -> Carry:
        """See `Agent`: an empty buffer; sessions start at the first step."""
        return Carry(0, None, Replay(), None)

    def step(self, weights: Any, carry: Carry, seed: NDArray[np.int32]) -> Step:
        """See `Agent`: a rollout at every n-th, and the gradient of rows that are drawn from the buffer."""
        learner, flat = self._learner, tf.convert_to_tensor(weights)
        told = dict.fromkeys(self.figures, float("nan")) | {"exploring": self.epsilon(carry.gradients)}
        if carry.gradients % learner.target_every == 0:
            carry = carry._replace(target=np.array(weights))
        if carry.gradients % learner.updates == 0:
            session, transitions = self._play(flat, carry, seed)
            carry = carry._replace(session=session, replay=added(carry.replay, transitions, learner.buffer))
            told |= earned(session, self._job.scenario.episode_length)
        size, exponent, correction = learner.batch, learner.prioritised, learner.correction
        rows, places, counts = drawn(carry.replay, size, [*seed, _ROWS], exponent=exponent, correction=correction)
        tensors = Transitions(*map(tf.convert_to_tensor, rows))
        learned = self.learning.learn(flat, tf.convert_to_tensor(carry.target), tensors, tf.convert_to_tensor(counts))
        errors = learned.errors.numpy()
        if exponent:
            carry = carry._replace(replay=prioritised(carry.replay, places, errors))
        told |= {"loss": float(learned.loss), "td_error": float(errors.mean()), "mean_q": float(learned.value)}
        return Step(carry._replace(gradients=carry.gradients + 1), learned.gradient.numpy(), told)

    def policy(self, weights: Floats) -> NetworkPolicy:
        """See `Agent`: ranks by Q̄, of which V(s) is the same for all movies."""
        sharpness = PER_STAR if self.warm else 0.0
        return network_policy(
            self._world, self._job, self.label, self._network, weights, self._center, self._scale, sharpness
        )

    def epsilon(self, gradients: int) -> float:
        """Chance of a slate that is drawn, after so many gradients of one agent."""
        learner = self._learner
        left = max(1 - gradients * self.steps / learner.exploration, 0.0)
        return learner.final_epsilon + (learner.epsilon - learner.final_epsilon) * left

    def _play(self, flat: Any, carry: Carry, seed: NDArray[np.int32]) -> Any:
        """Sessions that were played on, or new ones, and what is to be stored."""
        session, learner = carry.session, self._learner
        if carry.gradients // learner.updates * learner.rollout % self._job.scenario.episode_length == 0:
            drawn_by = np.random.default_rng([*seed, _STARTS]).integers(2**31, size=2, dtype=np.int32)
            session = self.player.start(tf.constant(drawn_by))
        epsilon = tf.constant(self.epsilon(carry.gradients), tf.float32)
        return self.player.play(flat, session, tf.constant(seed), epsilon)

    def _worth(self) -> float:
        """V of a state before anything is learned."""
        gamma, length = self._learner.gamma, self._job.scenario.episode_length
        if not self.warm:
            return 0.0
        return self._reward * (length - 1 if gamma == 1 else gamma / (1 - gamma))


class DQN(ValueBased):
    """Deep Q-network (Mnih et al. 2015, *Nature* 518), double, dueling and n-step, of one movie a step."""

    label = "DQN"


class SlateQ(ValueBased):
    """SlateQ (Ie et al. 2019, arXiv 1905.12767)."""

    label = "SlateQ"


class ColdDQN(DQN):
    """DQN in cold sessions with real people, who answer as they did."""

    label = "DQN, cold start"


class ColdSlateQ(SlateQ):
    """SlateQ likewise."""

    label = "SlateQ, cold start"
