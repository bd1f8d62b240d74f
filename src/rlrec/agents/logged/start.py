"""What a learner in sessions that continue begins as: a ridge regression of what comes next on the state, or a belief.

It is the linear path of the network in closed form, and a strong rival by itself: what is learned from there is learned
beyond it. A movie of the history is never next, since it was seen, and not since nobody would want it: it tells nothing
of how far its like are wanted. Its answer is taken to be missing, and filled in with what the regression makes of it,
over and over (expectation maximisation). Answered with 0 instead, the start is as good as EASE and no better.
"""

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from rlrec.environments.compiled_logged import Moments
from rlrec.worlds.dynamics import Floats

_BATCHES, _DRAWN = 128, 64
_ROUNDS = 4
"""Of filling in."""
_PENALTY = 1.0
"""Of squared weights beside the mean of squared errors, with states of deviation 1."""


class Start(NamedTuple):
    """Weights of a query that is linear in the standardised state."""

    linear: Floats  # (S, F)
    bias: Floats  # (F,)


def regression(
    moments: Moments, center: Floats, scale: Floats, slate_size: int, sharpness: float, seed: NDArray[np.int32]
) -> Start:
    """The start.

    Args:
        moments: what is drawn from: 8,192 of them.
        center: `(S,)`, mean of states.
        scale: `(S,)`, their deviation.
        slate_size: K. What comes next counts as its share of a slate: all that a person rates as much as another's.
        sharpness: how much a logit rises with the expected share.
        seed: `(2,)`.
    """
    states, hidden, shares = _drawn(moments, slate_size, seed)
    inputs = np.column_stack([(states - center) / scale, np.ones(len(states), np.float32)])
    penalty = np.full(inputs.shape[1], _PENALTY * len(inputs))
    penalty[-1] = 1e-6 * len(inputs)  # what everybody wants is not pulled towards nothing
    solve = np.linalg.inv(inputs.T @ inputs.astype(np.float64) + np.diag(penalty)).astype(np.float32)
    features = moments.log.features.numpy()[: moments.log.n_movies]
    outputs = np.column_stack([features, np.ones(len(features), np.float32)])
    project = np.linalg.pinv(outputs.astype(np.float64)).T.astype(np.float32)
    weights = solve @ (inputs.T @ (shares @ project))
    for _ in range(_ROUNDS - 1):
        filled = np.where(hidden, inputs @ (weights @ outputs.T), shares)
        weights = solve @ (inputs.T @ (filled @ project))
    weights *= sharpness  # its last column is the same for all movies
    return Start(weights[:-1, :-1], weights[-1, :-1])


def greedy(center: Floats, scale: Floats, sharpness: float) -> Start:
    """Greedy on what is believed of the taste, the first F entries of the state `stars`.

    Args:
        center: `(S,)`, mean of states.
        scale: `(S,)`, their deviation.
        sharpness: how much a logit rises with the expected stars.
    """
    size = len(center) - 1
    return Start(sharpness * np.eye(size + 1, size, dtype=np.float32) * scale[:, None], sharpness * center[:size])


def _drawn(moments: Moments, slate_size: int, seed: NDArray[np.int32]) -> tuple[Floats, NDArray[np.bool_], Floats]:
    """States `(n, S)`, whose movies may not be shown `(n, N)`, and what each movie's share of a slate was `(n, N)`."""

    @tf.function(jit_compile=True)  # type: ignore[untyped-decorator]
    def draw(key: Any) -> tuple[Any, Any, Any]:
        moment = moments.draw(_DRAWN, key)
        found = tf.reduce_sum(tf.cast(moment.gains > 0, tf.float32), axis=1, keepdims=True)
        shares = moment.gains / tf.clip_by_value(found, 1, slate_size)
        return moment.states, moment.available[:, : moments.log.n_movies] == 0, shares[:, : moments.log.n_movies]

    keys = np.random.default_rng(seed).integers(2**31, size=(_BATCHES, 2), dtype=np.int32)
    states, hidden, shares = zip(*(draw(tf.constant(key)) for key in keys), strict=True)
    return tuple(np.concatenate([part.numpy() for part in parts]) for parts in (states, hidden, shares))  # type: ignore[return-value]
