"""Playing a few steps as LIRD's actor with noise, and learning from what was drawn: two compiled functions."""

from typing import Any, NamedTuple

import tensorflow as tf

from rlrec.agents.actor_critic.loss import TENSORFLOW
from rlrec.agents.lird.choice import NEVER, choose
from rlrec.agents.lird.loss import Losses, Piece
from rlrec.environments.compiled import Simulation
from rlrec.environments.compiled_logged import ColdSimulation
from rlrec.policies.networks import Proposals
from rlrec.settings.lird import ListwiseConfig

Tensor = Any

_OTHER_DRAWS = [2**20, 0]  # added to a seed, gives draws that have nothing to do with it


class Played(NamedTuple):
    """Sessions after a few steps, and these steps."""

    session: Any
    piece: Piece


class Gradient(NamedTuple):
    """A flat gradient, what is told of it, and the target weights after it."""

    flat: Tensor  # (P,)
    target: Tensor  # (P,)
    critic_loss: Tensor
    critic_target: Tensor
    actor_value: Tensor
    entropy: Tensor


class Player:
    """The compiled functions: `start` sessions, `play` them on, `learn` from pieces of them."""

    def __init__(
        self,
        simulation: Simulation | ColdSimulation,
        learner: ListwiseConfig,
        center: Any,
        scale: Any,
        sharpness: float = 0.0,
    ) -> None:
        """Prepares the functions; they are compiled at their first call.

        Args:
            simulation: who is played, and how; its catalogue is not padded.
            learner: sizes and coefficients.
            center: `(S,)`, subtracted from an observation.
            scale: `(S,)`, divides it then.
            sharpness: how much scores rise with the reward that is expected, per star.
        """
        self.simulation, self._learner, self._sharpness = simulation, learner, sharpness
        self._center, self._scale = tf.constant(center), tf.constant(scale)
        sizes = simulation.state_size, learner.hidden, simulation.features.shape[1], simulation.n_movies
        self.network = Proposals(*sizes, positions=simulation.scenario.slate_size)
        self.losses = Losses(self.network, simulation.features, learner, sharpness)
        self.start = tf.function(lambda seed: simulation.start(learner.users, seed), jit_compile=True)
        self.play = tf.function(self._play, jit_compile=True)
        self.learn = tf.function(self._learn, jit_compile=True)

    def _play(self, flat: Tensor, session: Any, seed: Tensor) -> Played:
        """Plays `learner.rollout` steps with the weights `flat` `(P,)`; `seed` is `(2,)` int32."""
        network, steps, scenario = self.network, self._learner.rollout, self.simulation.scenario
        weights, features = network.unflatten(flat, TENSORFLOW), self.simulation.features
        batch, k, movies = self._learner.users, scenario.slate_size, self.simulation.n_movies
        noise = self._learner.exploration * tf.random.stateless_normal((steps, batch, k * network.features), seed)
        luck = tf.random.stateless_normal((steps, batch, k), seed + tf.constant(_OTHER_DRAWS))
        shapes = {"states": (network.state,), "offsets": (movies,), "slates": (k,), "rewards": ()}
        arrays = tuple(
            tf.TensorArray(
                tf.int32 if name == "slates" else tf.float32,
                steps + (name in ("states", "offsets")),
                element_shape=(batch, *shape),
            )
            for name, shape in shapes.items()
        )

        def step(t: Tensor, session: Any, arrays: tuple[Any, ...]) -> tuple[Any, ...]:
            state, offsets = self._seen(session)
            slates = choose(network.query(weights, state, None, TENSORFLOW) + noise[t], offsets, features)
            shown = tf.reduce_any(tf.range(movies)[None, :, None] == slates[:, None], axis=2)
            left = tf.where(shown, 0.0, session.available)
            by_luck = luck[t] if self.simulation.noise else None
            after, _, rewards = self.simulation.transition(session, slates, left, by_luck)
            record = (state, offsets, slates, rewards)
            return t + 1, after, tuple(array.write(t, x) for array, x in zip(arrays, record, strict=True))

        _, after, arrays = tf.while_loop(lambda t, *_: t < steps, step, (0, session, arrays), maximum_iterations=steps)
        arrays = (*(array.write(steps, x) for array, x in zip(arrays, self._seen(after), strict=False)), *arrays[2:])
        states, offsets = (tf.einsum("tb...->bt...", array.stack()) for array in arrays[:2])
        slates, rewards = (array.stack() for array in arrays[2:])
        ended = tf.fill((batch,), tf.cast(after.step == scenario.episode_length, tf.float32))
        return Played(after, Piece(states, offsets, tf.transpose(slates, (1, 0, 2)), tf.transpose(rewards), ended))

    def _learn(self, flat: Tensor, target: Tensor, piece: Piece) -> Gradient:
        """The gradient at the weights `flat` `(P,)`, and the target weights, which take over some of them."""
        network, tau = self.network, self._learner.tau
        weights, targets = (network.unflatten(one, TENSORFLOW) for one in (flat, target))
        learned = self.losses.learn(weights, targets, piece)
        gradient = tf.concat([tf.reshape(learned.gradient[name], (-1,)) for name in network.shapes()], axis=0)
        return Gradient(gradient, target + tau * (flat - target), *learned[1:])

    def _seen(self, session: Any) -> tuple[Tensor, Tensor]:
        """Standardised states `(B, S)`, and the offsets `(B, N)` of the movies' scores."""
        state = (self.simulation.observe(session) - self._center) / self._scale
        offsets = tf.zeros_like(session.available)
        if self._sharpness:
            offsets = self._sharpness * self.simulation.expected_reward(session)
        return state, tf.where(session.available > 0, offsets, NEVER)
