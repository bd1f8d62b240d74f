"""LIRD (Zhao et al. 2018, arXiv 1801.00209): list-wise recommendation with deep deterministic policy gradients.

Local agents play with what their copy of the actor proposes, plus noise, and keep what they played. Every gradient is
of pieces drawn from that, of actor and critic at once; target weights follow the global ones slowly.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from rlrec.agents.agent import Agent, Step, earned, initial_weights, network_policy
from rlrec.agents.lird.playing import Player
from rlrec.agents.replay import Replay, added, drawn
from rlrec.agents.standardisation import standardisation
from rlrec.environments.compiled import Simulation
from rlrec.environments.compiled_logged import ColdSimulation
from rlrec.environments.observations import BELIEVING
from rlrec.policies.scored import NetworkPolicy
from rlrec.settings.config import Job
from rlrec.settings.lird import ListwiseConfig
from rlrec.worlds.dynamics import Floats
from rlrec.worlds.world import World


class Carry(NamedTuple):
    """What a local agent takes from one step to the next."""

    session: Any  # B sessions under way
    target: Any  # (P,) target weights; None before the first step
    replay: Replay  # of `Piece`s, a row a session


class Lird(Agent):
    """Plays a few steps, keeps them, and differentiates both losses on what it draws of all that it keeps."""

    label = "LIRD"
    figures = ("mean_return", "ctr", "critic_loss", "critic_target", "actor_value", "entropy")

    def __init__(self, world: World, job: Job) -> None:
        """Prepares the functions, which are compiled at their first call.

        Raises:
            WorldError: the world cannot play the scenario.
        """
        settings = job.learner
        assert isinstance(settings, ListwiseConfig)
        believes = job.scenario.observation in BELIEVING
        self.warm = settings.start == "belief" or (settings.start is None and believes)
        self._sharpness = settings.sharpness if self.warm else 0.0
        self._world, self._job, self._learner = world, job, settings
        self._center, self._scale, self._reward = standardisation(world, job, greedy=self.warm)
        users = Simulation if settings.learns_from == "simulated" else ColdSimulation
        self.player = Player(users(world, job.scenario, 1), settings, self._center, self._scale, self._sharpness)
        self.steps = settings.rollout_steps

    def initial(self) -> Callable[[], Floats]:
        """See `Agent`: vectors of zero, and a critic that expects of every slate what is earned before it has learned.

        That is r / (1 − γ), with the mean reward r of a step; with a belief, which says what a slate itself earns,
        r · γ / (1 − γ). A critic that began at zero would take what is shown most for the best: of all else it would go
        on saying what it had learned early, when it expected little of the future.
        """
        gamma, length = self._learner.gamma, self._job.scenario.episode_length
        worth = self._reward * ((length if gamma == 1 else 1 / (1 - gamma)) - self.warm)
        return partial(initial_weights, self.player.network, self._job.seed, worth)

    def start(self, seed: NDArray[np.int32]) -> Carry:
        """See `Agent`: new sessions of training users, and an empty buffer."""
        return Carry(self.player.start(tf.constant(seed)), None, Replay())

    def step(self, weights: Any, carry: Carry, seed: NDArray[np.int32]) -> Step:
        """See `Agent`: plays, keeps, draws, and differentiates."""
        learner, length = self._learner, self._job.scenario.episode_length
        flat, draws = tf.convert_to_tensor(weights), tf.constant(seed)
        session = carry.session
        if int(session.step) == length:
            session = self.player.start(draws)
        after, piece = self.player.play(flat, session, draws)
        replay = added(carry.replay, piece, max(learner.buffer // learner.rollout, 1))
        rows = drawn(replay, max(learner.batch // learner.rollout, 1), seed).rows
        target = flat if carry.target is None else carry.target
        learned = self.player.learn(flat, target, type(piece)(*map(tf.constant, rows)))
        told = {name: float(getattr(learned, name)) for name in self.figures[2:]}
        return Step(Carry(after, learned.target, replay), learned.flat.numpy(), earned(after, length) | told)

    def policy(self, weights: Floats) -> NetworkPolicy:
        """See `Agent`: ranks by the proposed vectors, position by position."""
        network = self.player.network
        return network_policy(
            self._world, self._job, self.label, network, weights, self._center, self._scale, self._sharpness
        )


class ColdLird(Lird):
    """LIRD in cold sessions with real people, who answer as they did."""

    label = "LIRD, cold start"
