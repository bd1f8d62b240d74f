"""V-trace: actor-critic from rollouts of older weights (IMPALA, Espeholt et al. 2018, arXiv 1802.01561)."""

from typing import Any, NamedTuple

import tensorflow as tf

from rlrec.agents.actor_critic.learning import Credit
from rlrec.agents.actor_critic.trajectories import Reading, Trajectory
from rlrec.agents.policy_gradient.agent import Lagging, ratios
from rlrec.settings.policy_gradient import VTraceSettings

Tensor = Any


class Traced(NamedTuple):
    """What V-trace makes of a rollout."""

    targets: Tensor  # (n, B) v_s
    advantages: Tensor  # (n, B) ρ_s (r_s + γ v_{s+1} − V(x_s))


def v_trace(
    rewards: Tensor,
    values: Tensor,
    ratio: Tensor,
    gamma: float,
    trace_lambda: float = 1.0,
    rho_clip: float = 1.0,
    c_clip: float = 1.0,
) -> Traced:
    """Targets of the critic (equation 1, in the recursive form of remark 1), and advantages (section 4.2).

    Args:
        rewards: `(n, B)`.
        values: `(n + 1, B)`, V(x_s), the last one 0 where the session has ended.
        ratio: `(n, B)`, π / μ.
        gamma: discount.
        trace_lambda: remark 2: c is multiplied with it.
        rho_clip: the largest ρ, by which values are those of a policy between μ and π.
        c_clip: the largest c, by which later differences count less.
    """
    rho, c = tf.minimum(ratio, rho_clip), trace_lambda * tf.minimum(ratio, c_clip)
    errors = rho * (rewards + gamma * values[1:] - values[:-1])

    def before(later: Tensor, at: tuple[Tensor, Tensor]) -> Tensor:
        error, trace = at
        return error + gamma * trace * later

    corrections = tf.scan(before, (errors, c), tf.zeros_like(errors[0]), reverse=True)
    targets = values[:-1] + corrections
    following = tf.concat([targets[1:], values[-1:]], axis=0)
    return Traced(targets, rho * (rewards + gamma * following - values[:-1]))


class Impala(Lagging):
    """Acting and learning apart: what was played by older weights counts by how likely it is now."""

    label = "IMPALA"
    figures = ("mean_return", "ctr", "entropy", "policy_loss", "value_loss", "ratio", "clipped")

    def credit(self, trajectory: Trajectory, reading: Reading, values: Tensor) -> Credit:
        """See `Collecting`."""
        learner, ratio = self._job.learner, ratios(trajectory, reading)
        assert isinstance(learner, VTraceSettings)
        clips = learner.rho_clip, learner.c_clip
        traced = v_trace(trajectory.rewards, values, ratio, learner.gamma, learner.gae_lambda, *clips)
        figures = {
            "ratio": tf.reduce_mean(tf.minimum(ratio, learner.rho_clip)),
            "clipped": tf.reduce_mean(tf.cast(ratio > learner.rho_clip, tf.float32)),
        }
        loss = -tf.reduce_mean(traced.advantages * reading.likelihoods)
        return Credit(traced.advantages[:, :, None] * reading.scores, traced.targets, loss, figures)


class ColdImpala(Impala):
    """The same in cold sessions with real people, who answer as they did."""

    label = "IMPALA, cold start"
