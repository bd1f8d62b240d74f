"""Playing a rollout and computing its gradient, as one compiled TensorFlow function.

A local agent calls it from its own thread; TensorFlow releases the GIL while it runs, so agents scale over cores. All
agents share one compiled function and pass their weights as an argument: compiling costs seconds.
"""

from typing import Any, NamedTuple

import tensorflow as tf

from rlrec.a3c.loss import Experience, loss_gradient
from rlrec.a3c.network import Shape, query, unflatten, value
from rlrec.a3c.sampling import block_size, draw_slates
from rlrec.a3c.simulation import Session, Simulation
from rlrec.config import ScenarioConfig, TrainConfig
from rlrec.simulator.world import World

Tensor = Any


class Rollout(NamedTuple):
    """What a local agent gets back."""

    session: Session  # after the rollout
    gradient: Tensor  # (P,) float32, to be pushed
    entropy: Tensor  # () mean entropy of a slate's first position, nats
    policy_loss: Tensor  # ()
    value_loss: Tensor  # ()


class Player:
    """The compiled functions of a world, a scenario and a network: `start` sessions and `play` them on."""

    def __init__(self, world: World, scenario: ScenarioConfig, train: TrainConfig, center: Any, scale: Any) -> None:
        """Prepares the functions; they are compiled at their first call.

        Args:
            world: what is played; its training users.
            scenario: how users react.
            train: sizes and coefficients.
            center, scale: `(S,)`, standardise an observation.
        """
        block = block_size(world.n_movies)
        self.simulation = Simulation(world, scenario, block)
        self.shape = Shape(self.simulation.state_size, train.hidden, world.features.shape[1])
        self._block, self._scenario, self._train = block, scenario, train
        self._center, self._scale = tf.constant(center), tf.constant(scale)
        self.start = tf.function(lambda seed: self.simulation.start(train.users, seed), jit_compile=True)
        self.play = tf.function(self._play, jit_compile=True)

    def _play(self, flat: Tensor, session: Session, seed: Tensor) -> Rollout:
        """Plays `train.rollout` steps with the weights `flat` `(P,)` and differentiates the loss."""
        train, steps = self._train, self._train.rollout
        weights = unflatten(flat, self.shape)
        uniforms = tf.random.stateless_uniform((steps, train.users, self._scenario.slate_size), seed)

        def step(t: Tensor, session: Session, arrays: tuple[Any, ...], entropy: Tensor) -> tuple[Any, ...]:
            state = self._state(session)
            queries = query(weights, state, tf.tanh)
            drawn = self._draw(queries, session.available, uniforms[t])
            session, rewards = self.simulation.transition(session, drawn.slates, drawn.available)
            written = zip(arrays, (state, drawn.score, drawn.surprise, rewards), strict=True)
            return t + 1, session, tuple(array.write(t, x) for array, x in written), entropy + drawn.entropy

        batch, (size, _, features) = train.users, self.shape
        shapes = ((batch, size), (batch, features), (batch, features), (batch,))
        arrays = tuple(tf.TensorArray(tf.float32, steps, element_shape=shape) for shape in shapes)
        # A loop in the graph: unrolled, fifty steps take over a minute to compile.
        _, session, arrays, entropy = tf.while_loop(
            lambda t, *_: t < steps, step, (0, session, arrays, tf.zeros(())), maximum_iterations=steps
        )
        bootstrap = value(weights, self._state(session), tf.tanh)[:, 0]
        bootstrap = tf.where(session.step == self._scenario.episode_length, tf.zeros_like(bootstrap), bootstrap)
        gradient, policy_loss, value_loss = loss_gradient(
            weights,
            Experience(*(array.stack() for array in arrays), bootstrap),  # type: ignore[call-arg]
            gamma=train.gamma,
            gae_lambda=train.gae_lambda,
            entropy=train.entropy,
            value_weight=train.value,
        )
        flat_gradient = tf.concat([tf.reshape(part, (-1,)) for part in gradient], axis=0)
        return Rollout(session, flat_gradient, entropy / steps, policy_loss, value_loss)

    def _state(self, session: Session) -> Tensor:
        return (self.simulation.observe(session) - self._center) / self._scale

    def _draw(self, queries: Tensor, available: Tensor, uniforms: Tensor) -> "_Drawn":
        features = self.simulation.features
        logits = tf.matmul(queries, features, transpose_b=True)  # (B, M)
        allowed = available > 0
        top = tf.reduce_max(tf.where(allowed, logits, -1e30), axis=1, keepdims=True)
        mass = tf.where(allowed, tf.exp(tf.minimum(logits - top, 0.0)), 0.0)
        total = tf.reduce_sum(mass, axis=1, keepdims=True)
        moment = mass @ features  # (B, F), E[x] times the total
        slates, chosen, totals = draw_slates(mass, uniforms, self._block)
        surprise = tf.gather(features, slates[:, 0]) - moment / total
        score = surprise
        for k in range(slates.shape[1]):
            drawn = tf.gather(features, slates[:, k])
            if k > 0:
                score += drawn - moment / totals[:, k, None]
            moment -= chosen[:, k, None] * drawn  # without what is in the slate already
            available = tf.where(tf.range(available.shape[1])[None] == slates[:, k, None], 0.0, available)
        expected_logit = tf.reduce_sum(queries * (tf.gather(features, slates[:, 0]) - surprise), axis=1)
        entropy = tf.reduce_mean(tf.math.log(total[:, 0]) + top[:, 0] - expected_logit)
        return _Drawn(slates, available, score, surprise, entropy)


class _Drawn(NamedTuple):
    slates: Tensor  # (B, K) int32
    available: Tensor  # (B, M) without them
    score: Tensor  # (B, F)
    surprise: Tensor  # (B, F)
    entropy: Tensor  # ()
