"""Rollouts that are kept, and read again with other weights than they were played with.

What was shown is likely otherwise by then. To tell how likely, a trajectory has what logits are made of: states, and of
the belief the means and variances instead of what they are worth for every movie; and what could be shown at first.
With 50 steps of 64 users and 1,682 movies that is under 10 MB, where logits alone would be 22 MB.
"""

from typing import Any, NamedTuple

import tensorflow as tf

from rlrec.agents.actor_critic.loss import TENSORFLOW, replay
from rlrec.agents.actor_critic.plackett_luce import chances, entropy_slope, masses, without
from rlrec.agents.actor_critic.rollout import Carry, Player
from rlrec.policies.networks import Weights

Tensor = Any

_FOR_LATER = ("states", "slates", "believed", "answers", "rewards", "likelihoods", "firsts")


class Trajectory(NamedTuple):
    """A rollout of n steps by B sessions; what a network or a start does not need is of size 0."""

    states: Tensor  # (n + 1, B, S) standardised observations, the last one after the last step
    slates: Tensor  # (n, B, K) int32
    believed: Tensor  # (n, B, E) what the offsets of logits are made of; a start from the belief
    answers: Tensor  # (n, B, 2 F) what the memory took in; networks with a memory
    rewards: Tensor  # (n, B)
    likelihoods: Tensor  # (n, B) log μ(slate), with the weights that it was played with
    firsts: Tensor  # (n, B, K) the same of each of its movies as the first one
    values: Tensor  # (n + 1, B) the critic's V(s_t) then, the last 0 where the session has ended
    available: Tensor  # (B, M) bool before the first step
    memory: Tensor  # (B, memory) before the first step
    ended: Tensor  # () bool, whether the sessions are over after the last step

    def of(self, users: Tensor) -> "Trajectory":
        """The part of some of the sessions; `users` `(b,)` int32."""
        whole = self._asdict() | {"ended": None}
        first = {"available", "memory"}
        part = {
            name: tf.gather(array, users, axis=int(name not in first))
            for name, array in whole.items()
            if array is not None
        }
        return Trajectory(**part, ended=self.ended)


class Collected(NamedTuple):
    """A rollout that was played."""

    carry: Carry  # after it
    trajectory: Trajectory


class Reading(NamedTuple):
    """A trajectory with other weights than it was played with."""

    likelihoods: Tensor  # (n, B) log π(slate)
    firsts: Tensor  # (n, B, K) the same of each of its movies as the first one
    scores: Tensor  # (n, B, F) ∇_q log π(slate)
    expected: Tensor  # (n, B, F) E[x] of the first position
    entropies: Tensor  # (n, B) of the first position, nats
    slopes: Tensor  # (n, B, F) ∇_q of these


class Collector(Player):
    """Plays as `Player` does, but keeps the rollout instead of differentiating it."""

    def __init__(self, *arguments: Any) -> None:
        """As for `Player`; movies have fixed features."""
        super().__init__(*arguments)
        assert not self.network.trains_items
        self.collect = tf.function(self._collect, jit_compile=True)

    def _collect(self, flat: Tensor, carry: Carry, seed: Tensor) -> Collected:
        """Plays `learner.rollout` steps with the weights `flat` `(P,)`."""
        weights = self.network.unflatten(flat, TENSORFLOW)
        after, arrays, _ = self._roll(weights, carry, seed, _FOR_LATER)
        states = tf.concat([arrays.pop("states"), self._state(after.session)[None]], axis=0)
        available, ended = carry.session.available > 0, self._ended(after)
        played = Trajectory(
            states, **arrays, values=tf.zeros(()), available=available, memory=carry.memory, ended=ended
        )
        return Collected(after, played._replace(values=self.queries_and_values(weights, played)[1]))

    def queries_and_values(self, weights: Weights, trajectory: Trajectory) -> tuple[Tensor, Tensor]:
        """`(n, B, F)` and `(n + 1, B)` with these weights, by which they can be differentiated."""
        network, (steps, batch) = self.network, trajectory.rewards.shape
        memories = replay(network, weights, trajectory)
        if network.memory:
            last = network.remember(weights, memories[-1], trajectory.answers[-1], TENSORFLOW)
            memories = tf.concat([memories, last[None]], axis=0)
        else:
            memories = tf.zeros((steps + 1, batch, 0))
        states = tf.reshape(trajectory.states, (-1, network.state))
        memories = tf.reshape(memories, (-1, network.memory))
        rows = steps * batch
        queries = network.query(weights, states[:rows], memories[:rows], TENSORFLOW)
        values = tf.reshape(network.value(weights, states, memories, TENSORFLOW), (steps + 1, batch))
        last = tf.where(trajectory.ended, tf.zeros(batch), values[-1])
        return tf.reshape(queries, (steps, batch, -1)), tf.concat([values[:-1], last[None]], axis=0)

    def read(self, queries: Tensor, trajectory: Trajectory) -> Reading:
        """How likely its slates are with queries `(n, B, F)`, step by step: B rows of the catalogue fit a cache."""
        items, (steps, batch) = self.simulation.features, trajectory.rewards.shape
        k, features = trajectory.slates.shape[2], items.shape[1]
        sizes = ((), (k,), (features,), (features,), (), (features,))
        arrays = tuple(tf.TensorArray(tf.float32, steps, element_shape=(batch, *size)) for size in sizes)

        def step(t: Tensor, available: Tensor, arrays: tuple[Any, ...]) -> tuple[Any, ...]:
            logits = tf.matmul(queries[t], items, transpose_b=True)
            offsets, slates = self._offsets(trajectory.believed[t]), trajectory.slates[t]
            of = masses(logits if offsets is None else logits + offsets, available)
            left, chosen = without(available, slates), tf.gather(of.mass, slates, axis=1, batch_dims=1)
            found = chances(queries[t], items, offsets, of, left, slates, chosen)
            slope = entropy_slope(items, of, found.total)
            record = (found.likelihood, found.firsts, found.score, found.expected, found.entropy, slope)
            written = tuple(array.write(t, x) for array, x in zip(arrays, record, strict=True))
            return t + 1, available if self._scenario.allow_repeats else left, written

        available = tf.cast(trajectory.available, tf.float32)
        _, _, arrays = tf.while_loop(lambda t, *_: t < steps, step, (0, available, arrays), maximum_iterations=steps)
        return Reading(*(array.stack() for array in arrays))
