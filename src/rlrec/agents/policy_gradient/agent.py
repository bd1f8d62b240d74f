"""What algorithms have in common that keep what they played, and learn from it with the weights of later."""

from typing import Any, ClassVar, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from rlrec.agents.actor_critic.agent import ActorCritic
from rlrec.agents.actor_critic.learning import Credit, Learned, learn
from rlrec.agents.actor_critic.rollout import Carry, Player
from rlrec.agents.actor_critic.trajectories import Collected, Collector, Reading, Trajectory
from rlrec.agents.agent import Step
from rlrec.settings.config import Job
from rlrec.settings.policy_gradient import LaggedSettings
from rlrec.worlds.world import World

Tensor = Any

_NEW_SESSIONS = np.array([2**21, 0], np.int32)
"""Added to a seed, draws users that have nothing to do with what is drawn for them."""


class Going(NamedTuple):
    """Sessions that are played."""

    carry: Carry
    rollouts: int  # that were played of them


class Collecting(ActorCritic):
    """Plays rollouts to learn from them later; what is made of one is `credit`."""

    plays: ClassVar[type[Player]] = Collector
    player: Collector

    def __init__(self, world: World, job: Job) -> None:
        """As for `ActorCritic`."""
        super().__init__(world, job)
        self._a_session, self.lifetime = job.scenario.episode_length // job.learner.rollout, None

    def start(self, seed: NDArray[np.int32]) -> Any:
        """See `Agent`: new sessions of training users."""
        return Going(super().start(seed), 0)

    def credit(self, trajectory: Trajectory, reading: Reading, values: Tensor) -> Credit:
        """The algorithm, a `learning.Rule`."""
        raise NotImplementedError

    def learn(self, flat: Tensor, trajectory: Trajectory) -> Learned:
        """See `learning.learn`."""
        return learn(self.player, self._job.learner, self.credit, flat, trajectory)  # type: ignore[arg-type]

    def collect(self, flat: Tensor, going: Going, seed: NDArray[np.int32]) -> tuple[Going, Collected]:
        """A rollout, of new sessions where the last ones are over."""
        carry, played = going
        if played == self._a_session:
            carry, played = super().start(seed + _NEW_SESSIONS), 0
        collected = self.player.collect(flat, carry, tf.constant(seed))
        return Going(collected.carry, played + 1), collected


class Lagging(Collecting):
    """Learns from the rollout that was played `lag` steps before, with the weights of now."""

    def __init__(self, world: World, job: Job) -> None:
        """As for `ActorCritic`."""
        super().__init__(world, job)
        assert isinstance(job.learner, LaggedSettings)
        self._lag = job.learner.lag
        self._learned = tf.function(self.learn, jit_compile=True)

    def start(self, seed: NDArray[np.int32]) -> Any:
        """See `Agent`: new sessions, and no rollout yet."""
        return super().start(seed), ()

    def step(self, weights: Any, carry: Any, seed: NDArray[np.int32]) -> Step:
        """See `Agent`: as long as no rollout is old enough, the new one is learned from."""
        flat, (going, kept) = tf.convert_to_tensor(weights), carry
        going, collected = self.collect(flat, going, seed)
        kept = (*kept, collected.trajectory)[-1 - self._lag :]
        found = self._learned(flat, kept[0] if len(kept) > self._lag else kept[-1])
        told = self._earned(collected.carry) | {name: float(value) for name, value in found.figures.items()}
        return Step((going, kept), found.gradient.numpy(), told)


def ratios(trajectory: Trajectory, reading: Reading) -> Tensor:
    """`(n, B)`, π(slate) / μ(slate): how likely slates are now to how likely they were."""
    return tf.exp(tf.minimum(reading.likelihoods - trajectory.likelihoods, _LARGEST_LOG_RATIO))


_LARGEST_LOG_RATIO = 60.0  # a float32 ends at the exponential of 88
