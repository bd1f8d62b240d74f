"""Drawing slates from the policy without a logarithm per movie.

A Gumbel draw costs a random number and two logarithms per movie of the catalogue, and a running sum over the catalogue
costs more than the matrix product that made the logits. Here the inverse of the distribution function is taken in two
levels: first over the sums of blocks of about √N movies, then inside one block.
"""

import math
from typing import Any

import tensorflow as tf

Tensor = Any


def block_size(n_movies: int) -> int:
    """Movies per block: near √N, a multiple of 8 so that sums use whole vector registers."""
    return max(8, round(math.sqrt(n_movies) / 8) * 8)


def draw_slates(mass: Tensor, uniforms: Tensor, block: int) -> tuple[Tensor, Tensor]:
    """Draws K distinct movies for each user, one after the other: the Plackett-Luce model.

    Args:
        mass: `(B, M)` unnormalised probabilities, 0 where a movie may not be shown; M is a multiple of `block`.
        uniforms: `(B, K)` in [0, 1).
        block: movies per block.

    Returns:
        Slates `(B, K)` int32, and the mass each position's movie had `(B, K)`.
    """
    batch, padded = mass.shape
    blocks = tf.reshape(mass, (batch, padded // block, block))
    sums = tf.reduce_sum(blocks, axis=2)  # (B, M / block)
    slates: list[Tensor] = []
    chosen: list[Tensor] = []
    for k in range(uniforms.shape[1]):
        target = uniforms[:, k] * tf.reduce_sum(sums, axis=1)
        of_block, before = _invert(sums, target)
        inside = tf.gather(blocks, of_block, axis=1, batch_dims=1)  # (B, block)
        # What was drawn before has no mass left: compared by number rather than scattered into the blocks.
        numbers = of_block[:, None] * block + tf.range(block)[None]
        for drawn in slates:
            inside = tf.where(numbers == drawn[:, None], 0.0, inside)
        place, _ = _invert(inside, target - before)
        slates.append(of_block * block + place)
        chosen.append(_pick(inside, place))
        if k + 1 < uniforms.shape[1]:
            left = tf.reduce_sum(tf.where(tf.range(block)[None] == place[:, None], 0.0, inside), axis=1)
            sums = tf.where(tf.range(sums.shape[1])[None] == of_block[:, None], left[:, None], sums)
    return tf.stack(slates, axis=1), tf.stack(chosen, axis=1)


def _invert(mass: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """First place whose running sum exceeds the target, `(B,)` int32, and the running sum before it.

    Rounding may leave no such place, or one without mass: then the heaviest place is taken, never an empty one.
    """
    size = mass.shape[1]
    # A product with a triangle of ones: XLA's running sum on a CPU is slower at this size.
    running = mass @ tf.linalg.band_part(tf.ones((size, size)), 0, -1)
    reached = (running > target[:, None]) & (mass > 0)
    place = tf.where(
        tf.reduce_any(reached, axis=1),
        tf.argmax(tf.cast(reached, tf.int32), axis=1, output_type=tf.int32),
        tf.argmax(mass, axis=1, output_type=tf.int32),
    )
    return place, _pick(running - mass, place)


def _pick(values: Tensor, place: Tensor) -> Tensor:
    """`values[b, place[b]]`, `(B,)`."""
    return tf.gather(values, place, axis=1, batch_dims=1)
