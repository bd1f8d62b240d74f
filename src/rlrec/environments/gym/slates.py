"""Slates as actions: a space that draws them, and what is shown instead of one that may not be."""

from copy import deepcopy
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from rlrec.worlds.dynamics import Floats

Masks = NDArray[np.bool_]


class Slates(spaces.MultiDiscrete):
    """Slates of K of N movies, or a batch of them; `sample` draws the movies of a slate without a repetition.

    What it contains is what `MultiDiscrete` does: other people's agents know that, and nothing of slates.
    """

    def __init__(self, n_movies: int, shape: tuple[int, ...], seed: Any = None) -> None:
        """Of slates of the shape `(K,)` or `(B, K)`."""
        self._n_movies = n_movies
        super().__init__(np.full(shape, n_movies), seed=seed)

    def sample(self, mask: Any = None, probability: Any = None) -> NDArray[Any]:
        """A slate, or a batch.

        Args:
            mask: `info["action_mask"]`, `(N,)` or `(B, N)`, the movies that may be drawn; what else it may be, and
                what is drawn then, is as for `MultiDiscrete`.
            probability: likewise.
        """
        if isinstance(mask, np.ndarray) and mask.shape == (*self.shape[:-1], self._n_movies):
            allowed = [np.flatnonzero(row) for row in mask.reshape(-1, self._n_movies)]
        elif mask is not None or probability is not None:
            return np.asarray(super().sample(mask, probability))
        else:
            allowed = [np.arange(self._n_movies)] * (self.nvec.size // self.shape[-1])
        drawn = [self.np_random.choice(movies, self.shape[-1], replace=False) for movies in allowed]
        return np.stack(drawn).reshape(self.shape).astype(self.dtype)


@batch_space.register(Slates)
def _batched(space: Slates, n: int = 1) -> Slates:
    return Slates(space._n_movies, (n, *space.shape), seed=deepcopy(space.np_random))


def forbidden(slates: NDArray[np.int64], available: Masks) -> Masks:
    """`(B,)`, which of `(B, K)` slates have a movie twice, or one that is not `available`, `(B, N)`."""
    missing = ~np.take_along_axis(available, slates, axis=1)
    in_order = np.sort(slates, axis=1)
    return np.asarray(missing.any(axis=1) | (in_order[:, 1:] == in_order[:, :-1]).any(axis=1))


def nearest_allowed(slates: NDArray[np.int64], available: Masks, vectors: Floats) -> NDArray[np.int64]:
    """The slates with the nearest movie that may be shown in place of each that may not.

    From the first position to the last, a movie that may not be shown, or that stands in the slate already, gives way
    to the one whose vector points most in its direction; of equal ones to the first. So whoever asks for such a movie
    is answered much as by one that is like it.

    Args:
        slates: `(B, K)` movies that there are.
        available: `(B, N)`, at least K in each row.
        vectors: `(N, F)` of length 1.

    Returns:
        `(B, K)`, distinct in each row.
    """
    shown, left = slates.copy(), available.copy()
    rows = np.arange(len(slates))
    for position in range(slates.shape[1]):
        asked = shown[:, position]
        wrong = np.flatnonzero(~left[rows, asked])
        if wrong.size:
            likeness = np.where(left[wrong], vectors[asked[wrong]] @ vectors.T, -np.inf)
            shown[wrong, position] = likeness.argmax(axis=1)
        left[rows, shown[:, position]] = False
    return shown
