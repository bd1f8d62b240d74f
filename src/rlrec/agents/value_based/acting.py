"""Playing on, and exploring, as one compiled TensorFlow function: what it gives is what a replay buffer keeps."""

from typing import Any, NamedTuple

import tensorflow as tf

from rlrec.agents.actor_critic.loss import TENSORFLOW
from rlrec.agents.actor_critic.sampling import block_size, draw_slates
from rlrec.agents.value_based.values import Values, best_slates, packed
from rlrec.settings.value_based import ValueBasedConfig

Tensor = Any

_COINS, _LUCK = [2**20, 0], [2**21, 0]  # added to a seed, give draws that have nothing to do with it
_LOWEST = -60.0  # below the best available movie's score; a chance of 1e-26


class Transitions(NamedTuple):
    """What sessions were shown and what came of it, rows first."""

    states: Tensor  # (rows, S) standardised
    slates: Tensor  # (rows, K) int32
    offsets: Tensor  # (rows, K) what was expected of the movies, see `Values`
    returns: Tensor  # (rows, K) a position's own reward, and the slates' of the following steps, discounted
    discounts: Tensor  # (rows,) of what is left after these; 0 where the session has ended
    next_states: Tensor  # (rows, S) after these steps
    next_available: Tensor  # (rows, M / 8) uint8, `packed`
    next_believed: Tensor  # (rows, V)


class Played(NamedTuple):
    """What a local agent gets back."""

    session: Any  # B sessions, afterwards
    transitions: Transitions  # rollout × B rows


class Player:
    """The compiled functions of users and what slates are worth: `start` sessions and `play` them on."""

    def __init__(self, values: Values, learner: ValueBasedConfig, center: Any, scale: Any) -> None:
        """Prepares the functions; they are compiled at their first call.

        Args:
            values: by which slates are chosen.
            learner: sizes and how it explores.
            center: `(S,)`, subtracted from an observation.
            scale: `(S,)`, divides it then.
        """
        self._values, self._learner, self._scenario = values, learner, values.simulation.scenario
        self._center, self._scale = tf.constant(center), tf.constant(scale)
        self._block = block_size(values.simulation.n_movies)
        self.start = tf.function(self._start, jit_compile=True)
        self.play = tf.function(self._play, jit_compile=True)

    def _start(self, seed: Tensor) -> Any:
        """New sessions of training users drawn with `seed` `(2,)` int32."""
        return self._values.simulation.start(self._learner.users, seed)

    def _play(self, flat: Tensor, session: Any, seed: Tensor, epsilon: Tensor) -> Played:
        """Plays `learner.rollout` steps with the weights `flat` `(P,)`; with the chance `epsilon` a slate is drawn."""
        values, learner, simulation = self._values, self._learner, self._values.simulation
        weights, steps = values.network.unflatten(flat, TENSORFLOW), learner.rollout
        shape = (steps, learner.users, self._scenario.slate_size)
        uniforms, luck = tf.random.stateless_uniform(shape, seed), None
        coins = tf.random.stateless_uniform(shape[:2], seed + tf.constant(_COINS))
        if simulation.noise:
            luck = tf.random.stateless_normal(shape, seed + tf.constant(_LUCK))

        def step(t: Tensor, session: Any, arrays: tuple[Any, ...]) -> tuple[Any, ...]:
            state, believed = self._state(session), values.believed(session)
            expected = values.expected(believed)
            advantages = values.advantages(weights, state, expected)
            explores = coins[t] < epsilon
            slates = self._chosen(advantages, session.available, uniforms[t], explores)
            left = session.available
            for k in range(slates.shape[1]):
                left = tf.where(tf.range(left.shape[1])[None] == slates[:, k, None], 0.0, left)
            by_luck = None if luck is None else luck[t]
            after, ratings, rewards = simulation.transition(session, slates, left, by_luck)
            offsets = tf.gather(tf.broadcast_to(expected, left.shape), slates, axis=1, batch_dims=1)
            own = simulation.rewards(slates, ratings)
            record = (state, slates, offsets, own, rewards, packed(session.available), believed)
            return t + 1, after, tuple(array.write(t, x) for array, x in zip(arrays, record, strict=True))

        # A loop in the graph: unrolled, it would take long to compile.
        _, after, arrays = tf.while_loop(
            lambda t, *_: t < steps, step, (0, session, self._arrays(session)), maximum_iterations=steps
        )
        states, slates, offsets, own, rewards, available, believed = (array.stack() for array in arrays)
        later, discounts, reached = ahead(steps, learner.n_step, learner.gamma)
        ended = tf.cast(after.step == self._scenario.episode_length, tf.float32)
        lasting = discounts * (1 - ended * tf.cast(reached == steps, tf.float32))

        def then(before: Tensor, last: Tensor) -> Tensor:
            """What is after n steps, `(rows, …)`."""
            return _rows(tf.gather(tf.concat([before, last[None]], axis=0), reached))

        transitions = Transitions(
            _rows(states),
            _rows(slates),
            _rows(offsets),
            _rows(own + (later @ rewards)[:, :, None]),
            _rows(tf.tile(lasting[:, None], (1, learner.users))),
            then(states, self._state(after)),
            then(available, packed(after.available)),
            then(believed, values.believed(after)),
        )
        return Played(after, transitions)

    def _chosen(self, advantages: Tensor, available: Tensor, uniforms: Tensor, explores: Tensor) -> Tensor:
        """`(B, K)`, the best slates, or where somebody `explores` `(B,)` drawn ones."""
        allowed, mass, size = available > 0, available, uniforms.shape[1]
        if self._learner.temperature is not None:
            top = tf.reduce_max(tf.where(allowed, advantages, -1e30), axis=1, keepdims=True)
            scores = (advantages - top) / self._learner.temperature
            mass = tf.where(allowed, tf.exp(tf.clip_by_value(scores, _LOWEST, 0.0)), 0.0)
        drawn, _ = draw_slates(mass, uniforms, self._block)
        return tf.where(explores[:, None], drawn, best_slates(advantages, allowed, size))

    def _state(self, session: Any) -> Tensor:
        return (self._values.simulation.observe(session) - self._center) / self._scale

    def _arrays(self, session: Any) -> tuple[Any, ...]:
        batch, k = self._learner.users, self._scenario.slate_size
        believed = self._values.believed(session)
        kinds = (
            (tf.float32, (self._values.network.state,)),
            (tf.int32, (k,)),
            (tf.float32, (k,)),
            (tf.float32, (k,)),
            (tf.float32, ()),
            (tf.uint8, (session.available.shape[1] // 8,)),
            (believed.dtype, (believed.shape[1],)),
        )
        return tuple(tf.TensorArray(kind, self._learner.rollout, element_shape=(batch, *size)) for kind, size in kinds)


def ahead(steps: int, n_step: int, gamma: float) -> tuple[Tensor, Tensor, Tensor]:
    """How a rollout of so many steps is looked ahead in: n steps, or up to its end.

    Returns:
        `(steps, steps)`, by which rewards of later steps count at each; `(steps,)`, the discount of what is left after
        them; `(steps,)` int32, the step that is reached.
    """
    distance = tf.range(steps)[None, :] - tf.range(steps)[:, None]
    powers = tf.pow(tf.constant(gamma, tf.float32), tf.cast(tf.maximum(distance, 0), tf.float32))
    reached = tf.minimum(tf.range(steps) + n_step, steps)
    discounts = tf.pow(tf.constant(gamma, tf.float32), tf.cast(reached - tf.range(steps), tf.float32))
    return tf.where((distance > 0) & (distance < n_step), powers, 0.0), discounts, reached


def _rows(array: Tensor) -> Tensor:
    """`(steps, B, …)` as `(steps · B, …)`."""
    return tf.reshape(array, (-1, *array.shape[2:]))
