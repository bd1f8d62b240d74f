"""Rollouts whose cost hardly grows with the catalogue: a slate is drawn from candidates that stand for all movies.

What candidates there are is drawn first, and then a slate from their softmax, each of them with the mass that it stands
for. To the policy gradient the former is luck like any other: `x_a − E[x]` over the candidates is the score of what was
drawn given them. Two things are left, and measured (`benchmarks.catalogue`): slates are drawn nearly as the exact
softmax draws them, and that candidates move with the weights is not differentiated.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from rlrec.agents.actor_critic.candidates import Candidates, Shortlist
from rlrec.agents.actor_critic.leaves import LEAF, Leaves
from rlrec.agents.actor_critic.loss import TENSORFLOW
from rlrec.agents.actor_critic.rollout import Carry, Drawn, Player
from rlrec.agents.actor_critic.sampling import draw_slates
from rlrec.environments.compiled import Simulation
from rlrec.errors import ConfigError
from rlrec.settings.config import Job
from rlrec.settings.learner import CatalogueConfig
from rlrec.worlds.dynamics import Floats
from rlrec.worlds.knowledge import Knowledge
from rlrec.worlds.world import World

Tensor = Any

FEWEST = 20_000
"""Movies from which on `softmax: auto` samples; with fewer the exact softmax is about as fast."""
_GROUPS = 4
"""Parts of a batch whose candidates are drawn with luck of their own."""
_SESSIONS = 256
_NOISE = [2**21, 0]  # added to a seed, see `rollout`


def samples(learner: CatalogueConfig, n_movies: int) -> bool:
    """Whether a learner draws from candidates in a catalogue of so many movies."""
    return learner.softmax == "sampled" or (learner.softmax == "auto" and n_movies >= FEWEST)


class LeafSimulation(Simulation):
    """Simulated users, of whom it is kept by leaves what they may be shown: a bit a movie."""

    def __init__(self, world: World, job: Job, candidates: int, leaf: int = LEAF) -> None:
        """Prepares a world, and sorts its movies.

        Args:
            world: whose users and movies.
            job: the training, for its scenario and seed.
            candidates: how many there are to be, about.
            leaf: movies of a leaf, on average.

        Raises:
            ConfigError: there are too few movies for so many candidates.
        """
        super().__init__(world, job.scenario, 1)
        known = Knowledge.of(world).representation(job.scenario.features)
        mean = known.prior.mean.astype(np.float64)
        buckets, rng = max(1, round(candidates / 2 / leaf)), job.rng("leaves")
        if world.n_movies < (needed := 2 * buckets * leaf):
            path = f"learners.{job.name}"
            raise ConfigError(
                f"{path}.candidates: {candidates} are sampled from {needed:,} movies or more, but there are "
                f"{world.n_movies:,}; lower it, or set {path}.softmax: exact"
            )
        self.leaves = Leaves.of(known.vectors, np.outer(mean, mean) + known.prior.covariance, buckets, rng, leaf)
        self._present = tf.constant(self.leaves.present)
        features = np.zeros((known.features.shape[1], known.vectors.shape[1]), np.float32)
        features[np.arange(len(features)), known.prior.columns] = 1 / known.prior.scale
        self.slopes = tf.constant(features)  # (F, D): of features by vectors, up to a constant

    def available(self, batch: int) -> Tensor:
        """`(B, leaves)` int32, bits of what may be shown in new sessions."""
        return tf.tile(self._present[None], (batch, 1))


class SampledPlayer(Player):
    """A `Player` that draws from candidates."""

    simulation: LeafSimulation

    def __init__(self, simulation: LeafSimulation, *arguments: Any) -> None:
        """As for `Player`; movies have fixed features."""
        super().__init__(simulation, *arguments)
        assert not self.network.trains_items
        self.shortlist = Shortlist(simulation.leaves, simulation, self._sharpness)

    def _noise(self, seed: Tensor) -> Sequence[Tensor]:
        # A seed for each step: XLA would draw the noise of all steps again in every one of them.
        shape = (self._learner.rollout, 2)
        return [tf.random.stateless_uniform(shape, seed + tf.constant(_NOISE), None, None, tf.int32)]

    def _show(
        self,
        queries: Tensor,
        items: Tensor,
        believed: Tensor,
        available: Tensor,
        uniforms: Tensor,
        noise: Sequence[Tensor],
    ) -> Drawn:
        luck = self.shortlist.noise(math.gcd(self._learner.users, _GROUPS), noise[0])
        found = self.shortlist.find(queries @ self.simulation.slopes, believed, available, luck)
        places, chosen = draw_slates(found.mass, uniforms, self.shortlist.slots)
        return self._told(found, places, chosen, available)

    def _told(self, found: Candidates, places: Tensor, chosen: Tensor, available: Tensor) -> Drawn:
        """The slates of `(B, K)` candidates with masses `chosen`, see `plackett_luce.chances`."""
        count, slots = found.mass.shape[1], self.shortlist.slots
        rest = found.mass
        for k in range(places.shape[1]):
            rest = tf.where(tf.range(count)[None] == places[:, k, None], 0.0, rest)
        total, moment = tf.reduce_sum(rest, axis=1), _moment(rest, found.vectors)  # (B,), (B, D)
        of_offsets, of_logits = (tf.reduce_sum(rest * one, axis=1) for one in (found.offsets, found.logits))
        drawn, offsets, logits = (
            tf.gather(one, places, axis=1, batch_dims=1) for one in (found.vectors, found.offsets, found.logits)
        )
        score, likelihood, firsts = tf.zeros_like(moment), tf.zeros_like(total), tf.math.log(chosen)
        surprise, lead = score, likelihood
        for k in reversed(range(places.shape[1])):  # sums of what was left, as in `plackett_luce.chances`
            mass = chosen[:, k]
            total += mass
            moment += mass[:, None] * drawn[:, k]
            of_offsets += mass * offsets[:, k]
            of_logits += mass * logits[:, k]
            surprise, lead = drawn[:, k] - moment / total[:, None], offsets[:, k] - of_offsets / total
            score += surprise
            likelihood += firsts[:, k] - tf.math.log(total)
        entropy = tf.math.log(total) + found.top[:, 0] - of_logits / total
        leaf = tf.gather(found.leaves, places // slots, axis=1, batch_dims=1)
        slot = places % slots
        rows = tf.tile(tf.range(leaf.shape[0])[:, None], (1, leaf.shape[1]))
        bits = tf.bitwise.left_shift(tf.ones_like(slot), slot)
        left = tf.tensor_scatter_nd_sub(available, tf.stack([rows, leaf], axis=2), bits)
        slates = tf.gather_nd(self.shortlist.members, tf.stack([leaf, slot], axis=2))
        slopes = self.simulation.slopes
        return Drawn(
            slates,
            left,
            tf.matmul(score, slopes, transpose_b=True),
            tf.matmul(surprise, slopes, transpose_b=True),
            lead,
            tf.reduce_mean(entropy),
            likelihood,
            firsts - tf.math.log(total)[:, None],
        )


def _moment(mass: Tensor, vectors: Tensor) -> Tensor:
    return tf.matmul(vectors, mass[:, :, None], transpose_a=True)[:, :, 0]


def standardised(world: World, job: Job, simulation: LeafSimulation, sharpness: float) -> tuple[Floats, Floats, float]:
    """What `agents.standardisation` says, of sessions that are played with candidates: an untrained network's.

    Returns:
        Mean and standard deviation `(S,)` of what is observed, and the mean reward of a step.
    """
    length, size = job.scenario.episode_length, simulation.state_size
    learner = job.learner.model_copy(update={"rollout": length})
    untouched = np.zeros(size, np.float32), np.ones(size, np.float32)
    player = SampledPlayer(simulation, learner, "bilinear", 1, *untouched, sharpness)
    nothing = player.network.unflatten(tf.zeros(player.network.size()), TENSORFLOW)

    def play(carry: Carry, seed: Tensor) -> tuple[Tensor, Tensor]:
        arrays = player._roll(nothing, carry, seed, ("states", "rewards"))[1]
        return arrays["states"], arrays["rewards"]

    played = tf.function(play)  # once for all sessions, but not worth compiling
    rng, states, rewards = job.rng("standardisation"), [], []
    for _ in range(max(1, -(-_SESSIONS // learner.users))):
        begin, seed = rng.integers(2**31 - 2**22, size=(2, 2)).astype(np.int32)
        observed, paid = played(player._start(tf.constant(begin)), tf.constant(seed))
        states.append(observed.numpy().reshape(-1, size))
        rewards.append(float(tf.reduce_mean(paid)))
    observed = np.concatenate(states)
    deviation = observed.std(axis=0)
    scale = np.where(deviation > 1e-3, deviation, np.float32(1)).astype(np.float32)
    return observed.mean(axis=0), scale, float(np.mean(rewards))
