"""Playing a rollout and computing its gradient, as one compiled TensorFlow function.

A local agent calls it from its own thread; TensorFlow releases the GIL while it runs, so agents scale over cores. All
agents share one compiled function and pass their weights as an argument: compiling costs seconds.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from rlrec.agents.actor_critic.loss import TENSORFLOW, Experience, loss_gradient
from rlrec.agents.actor_critic.plackett_luce import chances, masses, without
from rlrec.agents.actor_critic.sampling import block_size, draw_slates
from rlrec.environments.compiled import Simulation
from rlrec.environments.compiled_logged import ColdSimulation
from rlrec.metrics.stars import CLICK_THRESHOLD
from rlrec.policies.networks import NETWORKS, Weights
from rlrec.settings.learner import ActorCriticConfig

Tensor = Any

_OTHER_DRAWS = [2**20, 0]  # added to a seed, gives draws that have nothing to do with it
_FOR_THE_LOSS = ("states", "scores", "surprises", "leads", "slates", "available", "answers", "rewards")


class Carry(NamedTuple):
    """B sessions under way, and what the network remembers of them."""

    session: Any  # a `Session`, or a `ColdSession`, as the simulation has them
    memory: Tensor  # (B, memory)


class Rollout(NamedTuple):
    """What a local agent gets back."""

    carry: Carry  # after the rollout
    gradient: Tensor  # (P,) float32, to be pushed
    entropy: Tensor  # () mean entropy of a slate's first position, nats
    policy_loss: Tensor  # ()
    value_loss: Tensor  # ()


class Player:
    """The compiled functions of simulated or logged users and a network: `start` sessions and `play` them on."""

    def __init__(
        self,
        simulation: Simulation | ColdSimulation,
        learner: ActorCriticConfig,
        network: str,
        hidden: int,
        center: Any,
        scale: Any,
        sharpness: float = 0.0,
    ) -> None:
        """Prepares the functions; they are compiled at their first call.

        With a `sharpness` β a movie's logit is β · E[reward] + q · x: what is believed of the user is an offset, which
        is not trained, and a network whose query is 0 is greedy on the belief.

        Args:
            simulation: who is played, and how; its catalogue is padded to whole blocks, see `block_size`.
            learner: sizes and coefficients.
            network: its kind, of `NETWORKS`.
            hidden: width of its hidden layers.
            center: `(S,)`, subtracted from an observation.
            scale: `(S,)`, divides it then.
            sharpness: logits per star of what is expected by the session's belief.
        """
        self.simulation, n_movies = simulation, simulation.n_movies
        self.network = NETWORKS[network](simulation.state_size, hidden, simulation.features.shape[1], n_movies)
        self._block, self._scenario, self._learner = block_size(n_movies), simulation.scenario, learner
        self._center, self._scale, self._sharpness = tf.constant(center), tf.constant(scale), sharpness
        self.start = tf.function(self._start, jit_compile=True)
        self.play = tf.function(self._play, jit_compile=True)

    def _start(self, seed: Tensor) -> Carry:
        """New sessions of training users drawn with `seed` `(2,)` int32."""
        memory = tf.zeros((self._learner.users, self.network.memory))
        return Carry(self.simulation.start(self._learner.users, seed), memory)

    def _play(self, flat: Tensor, carry: Carry, seed: Tensor) -> Rollout:
        """Plays `learner.rollout` steps with the weights `flat` `(P,)` and differentiates the loss."""
        network = self.network
        weights = network.unflatten(flat, TENSORFLOW)
        after, arrays, entropy = self._roll(weights, carry, seed, _FOR_THE_LOSS)
        expected = network.value(weights, self._state(after.session), after.memory, TENSORFLOW)[:, 0]
        bootstrap = tf.where(self._ended(after), tf.zeros_like(expected), expected)
        experience = Experience(**arrays, memory=carry.memory, bootstrap=bootstrap)
        gradient, policy_loss, value_loss = loss_gradient(network, weights, experience, self._learner)
        flat_gradient = tf.concat([tf.reshape(gradient[name], (-1,)) for name in network.shapes()], axis=0)
        return Rollout(after, flat_gradient, entropy, policy_loss, value_loss)

    def _roll(
        self, weights: Weights, carry: Carry, seed: Tensor, kept: Sequence[str]
    ) -> tuple[Carry, dict[str, Tensor], Tensor]:
        """The sessions after `learner.rollout` steps, what is `kept` of each, and the mean entropy of first positions.

        What may be kept is an array `(n, B, …)` by the name it has in `loss.Experience` or `trajectories.Trajectory`.
        """
        network, steps = self.network, self._learner.rollout
        items = self._items(weights)
        shape = (steps, self._learner.users, self._scenario.slate_size)
        uniforms, luck, noise = tf.random.stateless_uniform(shape, seed), None, self._noise(seed)
        if self.simulation.noise:
            luck = tf.random.stateless_normal(shape, seed + tf.constant(_OTHER_DRAWS))

        def step(t: Tensor, carry: Carry, arrays: tuple[Any, ...], entropy: Tensor) -> tuple[Any, ...]:
            session = carry.session
            state, believed = self._state(session), self._believed(session)
            queries = network.query(weights, state, carry.memory, TENSORFLOW)
            drawn = self._show(queries, items, believed, session.available, uniforms[t], [one[t] for one in noise])
            by_luck = None if luck is None else luck[t]
            after, ratings, rewards = self.simulation.transition(session, drawn.slates, drawn.available, by_luck)
            answer = self._answer(drawn.slates, ratings)
            memory = network.remember(weights, carry.memory, answer, TENSORFLOW)
            record = {
                "states": state, "scores": drawn.score, "surprises": drawn.surprise, "leads": drawn.lead,
                "slates": drawn.slates, "available": (session.available > 0)[:, : self._kept_available],
                "answers": answer, "rewards": rewards, "believed": believed, "likelihoods": drawn.likelihood,
                "firsts": drawn.firsts,
            }  # fmt: skip
            written = tuple(array.write(t, record[name]) for name, array in zip(kept, arrays, strict=True))
            return t + 1, Carry(after, memory), written, entropy + drawn.entropy

        # A loop in the graph: unrolled, fifty steps take over a minute to compile.
        arrays = self._arrays(items, self._believed(carry.session), kept)
        _, after, arrays, entropy = tf.while_loop(
            lambda t, *_: t < steps, step, (0, carry, arrays, tf.zeros(())), maximum_iterations=steps
        )
        stacked = {name: array.stack() for name, array in zip(kept, arrays, strict=True)}
        return after, stacked, entropy / steps

    def _ended(self, carry: Carry) -> Tensor:
        """`()` bool, whether the sessions are over."""
        return carry.session.step == self._scenario.episode_length

    def _believed(self, session: Any) -> Tensor:
        """`(B, E)`, what the offsets of logits are made of; `(B, 0)` where there are none."""
        return self.simulation.believed(session) if self._sharpness else tf.zeros((self._learner.users, 0))

    def _offsets(self, believed: Tensor) -> Tensor | None:
        """`(B, M)`, what is not trained of the logits, if anything."""
        return self._sharpness * self.simulation.expected_of(believed) if self._sharpness else None

    def _items(self, weights: Weights) -> Tensor:
        """`(M, F)`, padded to whole blocks."""
        if not self.network.trains_items:
            return self.simulation.features
        items = self.network.items(weights, None)
        return tf.pad(items, ((0, self.simulation.padded - items.shape[0]), (0, 0)))

    @property
    def _kept_available(self) -> int:
        return self.simulation.padded if self.network.trains_items else 0

    def _arrays(self, items: Tensor, believed: Tensor, kept: Sequence[str]) -> tuple[Any, ...]:
        batch, k = self._learner.users, self._scenario.slate_size
        answer = 2 * self.network.features if self.network.memory else 0
        sizes = {
            "states": (self.network.state,), "scores": (items.shape[1],), "surprises": (items.shape[1],), "leads": (),
            "slates": (k,), "available": (self._kept_available,), "answers": (answer,), "rewards": (),
            "believed": (believed.shape[1],), "likelihoods": (), "firsts": (k,),
        }  # fmt: skip
        kinds = {"slates": tf.int32, "available": tf.bool, "believed": believed.dtype}
        return tuple(
            tf.TensorArray(kinds.get(name, tf.float32), self._learner.rollout, element_shape=(batch, *sizes[name]))
            for name in kept
        )

    def _answer(self, slates: Tensor, ratings: Tensor) -> Tensor:
        """`(B, 2 F)`, what a network with a memory takes in; `(B, 0)` for others."""
        if not self.network.memory:
            return tf.zeros((slates.shape[0], 0))
        features = tf.gather(self.simulation.features, slates)
        weighted = (ratings - CLICK_THRESHOLD)[:, :, None] * features
        return tf.concat([tf.reduce_mean(features, axis=1), tf.reduce_mean(weighted, axis=1)], axis=1)

    def _state(self, session: Any) -> Tensor:
        return (self.simulation.observe(session) - self._center) / self._scale

    def _noise(self, seed: Tensor) -> Sequence[Tensor]:
        """What else slates are drawn with, `(n, …)` each."""
        return ()

    def _show(
        self,
        queries: Tensor,
        items: Tensor,
        believed: Tensor,
        available: Tensor,
        uniforms: Tensor,
        noise: Sequence[Tensor],
    ) -> "Drawn":
        """Draws a slate for each user: `(B, F)` queries, `(B, E)` beliefs, what is `available`, `(B, K)` uniforms."""
        return self._draw(queries, items, self._offsets(believed), available, uniforms)

    def _draw(
        self, queries: Tensor, items: Tensor, offsets: Tensor | None, available: Tensor, uniforms: Tensor
    ) -> "Drawn":
        logits = tf.matmul(queries, items, transpose_b=True)  # (B, M)
        if offsets is not None:
            logits += offsets
        of = masses(logits, available)
        slates, chosen = draw_slates(of.mass, uniforms, self._block)
        left = without(available, slates)
        of_slates = chances(queries, items, offsets, of, left, slates, chosen)
        return Drawn(
            slates,
            left,
            of_slates.score,
            of_slates.surprise,
            of_slates.lead,
            tf.reduce_mean(of_slates.entropy),
            of_slates.likelihood,
            of_slates.firsts,
        )


class Drawn(NamedTuple):
    """Slates, and what is left and learned of them."""

    slates: Tensor  # (B, K) int32
    available: Tensor  # without them
    score: Tensor  # (B, F)
    surprise: Tensor  # (B, F)
    lead: Tensor  # (B,)
    entropy: Tensor  # ()
    likelihood: Tensor  # (B,)
    firsts: Tensor  # (B, K)
