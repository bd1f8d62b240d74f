"""Proximal policy optimisation (Schulman et al. 2017, arXiv 1707.06347): several gradients a rollout, clipped."""

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from rlrec.agents.actor_critic.learning import Credit, Learned
from rlrec.agents.actor_critic.loss import advantages
from rlrec.agents.actor_critic.trajectories import Reading, Trajectory
from rlrec.agents.agent import Step
from rlrec.agents.policy_gradient.agent import Collecting, Going, ratios
from rlrec.settings.config import Job
from rlrec.settings.policy_gradient import PPOSettings
from rlrec.worlds.world import World

Tensor = Any

_LEAST_DEVIATION = 1e-8


class Learning(NamedTuple):
    """Sessions, and the rollout that is learned from."""

    going: Going
    trajectory: Trajectory | None
    used: int  # gradients that it gave
    seed: tuple[int, ...]  # of the order in which users come


def clipped_surrogate(ratio: Tensor, advantage: Tensor, clip: float) -> tuple[Tensor, Tensor]:
    """Equation 7: `min(r A, clip(r, 1 − ε, 1 + ε) A)`, and its derivative with respect to log π.

    Where the ratio has already gone beyond the clip in the advantage's direction, nothing pulls it further: there the
    derivative is 0, elsewhere it is r A.
    """
    free, bound = ratio * advantage, tf.clip_by_value(ratio, 1 - clip, 1 + clip) * advantage
    return tf.minimum(free, bound), tf.where(free <= bound, free, 0.0)


class PPO(Collecting):
    """A rollout is played once, and carried until every minibatch of every epoch gave its gradient."""

    label = "PPO"
    figures = ("mean_return", "ctr", "entropy", "policy_loss", "value_loss", "ratio", "clipped", "divergence")

    def __init__(self, world: World, job: Job) -> None:
        """As for `ActorCritic`."""
        super().__init__(world, job)
        assert isinstance(job.learner, PPOSettings)
        self._epochs, self._minibatches = job.learner.epochs, job.learner.minibatches
        self.steps = job.learner.rollout_steps // (self._epochs * self._minibatches)
        self._learned = tf.function(self._of_users, jit_compile=True)

    def start(self, seed: NDArray[np.int32]) -> Any:
        """See `Agent`: new sessions, and no rollout yet."""
        return Learning(super().start(seed), None, 0, ())

    def step(self, weights: Any, carry: Any, seed: NDArray[np.int32]) -> Step:
        """See `Agent`: plays at the first of every epochs times minibatches steps, and learns at all."""
        flat, (going, trajectory, used, drawn) = tf.convert_to_tensor(weights), carry
        told = {"mean_return": float("nan"), "ctr": float("nan")}
        if trajectory is None or used == self._epochs * self._minibatches:
            going, collected = self.collect(flat, going, seed)
            trajectory, used, drawn = collected.trajectory, 0, tuple(seed.tolist())
            told = self._earned(collected.carry)
        epoch, part = divmod(used, self._minibatches)
        order = np.random.default_rng([*drawn, epoch]).permutation(self._job.learner.users)
        found = self._learned(flat, trajectory, tf.constant(np.split(order, self._minibatches)[part], tf.int32))
        told |= {name: float(value) for name, value in found.figures.items()}
        return Step(Learning(going, trajectory, used + 1, drawn), found.gradient.numpy(), told)

    def credit(self, trajectory: Trajectory, reading: Reading, values: Tensor) -> Credit:
        """See `Collecting`; advantages are those with the critic that the rollout was played with."""
        learner, ratio = self._job.learner, ratios(trajectory, reading)
        assert isinstance(learner, PPOSettings)
        then = trajectory.values
        estimates = advantages(trajectory.rewards, then[:-1], then[-1], learner.gamma, learner.gae_lambda)
        targets = estimates + then[:-1]
        if learner.normalise:
            deviation = tf.math.reduce_std(estimates) + _LEAST_DEVIATION
            estimates = (estimates - tf.reduce_mean(estimates)) / deviation
        surrogate, weights = clipped_surrogate(ratio, estimates, learner.clip)
        figures = {
            "ratio": tf.reduce_mean(ratio),
            "clipped": tf.reduce_mean(tf.cast(tf.abs(ratio - 1) > learner.clip, tf.float32)),
            "divergence": tf.reduce_mean(ratio - 1 - (reading.likelihoods - trajectory.likelihoods)),
        }
        return Credit(weights[:, :, None] * reading.scores, targets, -tf.reduce_mean(surrogate), figures)

    def _of_users(self, flat: Tensor, trajectory: Trajectory, users: Tensor) -> Learned:
        return self.learn(flat, trajectory.of(users))


class ColdPPO(PPO):
    """The same in cold sessions with real people, who answer as they did."""

    label = "PPO, cold start"
