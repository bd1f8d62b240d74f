"""How a user rates and changes: the transition of the Markov decision process, for a batch of users.

After ml-fairness-gym's `movie_lens_dynamic.py`, with one departure: affinities are clipped to plus or minus
`affinity_cap`, since with `delta > 0` the original grows without bound.
"""

import numpy as np
from numpy.typing import NDArray

from rlrec.metrics.stars import CLICK_THRESHOLD, HIGHEST_RATING, LOWEST_RATING
from rlrec.settings.sections import Reward

Floats = NDArray[np.float32]


def rate(taste: Floats, movies: Floats, scatter: Floats | None = None) -> Floats:
    """Ratings of movies by users: `clip(m · u + scatter, 1, 5)`.

    Args:
        taste: `(B, D)` the users' taste.
        movies: `(B, K, D)` a slate for each user, or `(N, D)` a catalogue for all.
        scatter: `(B, K)` or `(B, N)`, in stars; 0 where absent.

    Returns:
        `(B, K)` or `(B, N)` float32.
    """
    scores = taste @ movies.T if movies.ndim == 2 else np.einsum("bkd,bd->bk", movies, taste)
    if scatter is not None:
        scores = scores + scatter
    ratings: Floats = np.clip(scores, LOWEST_RATING, HIGHEST_RATING, dtype=np.float32)
    return ratings


def react(
    taste: Floats, genres: NDArray[np.bool_], ratings: Floats, *, delta: float, threshold: float, affinity_cap: float
) -> Floats:
    """Taste after a slate: each liked movie multiplies the affinities to its genres by `1 + delta`, in slate order.

    Args:
        taste: `(B, D)`, the last G entries being genre affinities.
        genres: `(B, K, G)` flags of the slate's movies.
        ratings: `(B, K)`; a movie is liked from `threshold` on.

    Returns:
        `(B, D)` float32, a new array.
    """
    taste = taste.copy()
    n_genres = genres.shape[-1]
    affinities = taste[:, taste.shape[1] - n_genres :]
    for k in range(genres.shape[1]):
        moved = genres[:, k] & (ratings[:, k, None] >= threshold)
        affinities[...] = np.where(
            moved, np.clip(affinities * np.float32(1 + delta), -affinity_cap, affinity_cap), affinities
        )
    return taste


def recover(taste: Floats, start: Floats, recovery: float) -> Floats:
    """Taste after some time: a share of the way back to where it was at the start of the session.

    With boredom, what was not shown for a while becomes attractive again, so that it pays to plan (recovering bandits,
    Pike-Burke and Grünewälder 2019, arXiv 1910.14354). Not in the original, hence off unless asked for.

    Args:
        taste: `(B, D)`.
        start: `(B, D)`.
        recovery: in [0, 1].

    Returns:
        `(B, D)` float32.
    """
    return taste + np.float32(recovery) * (start - taste)


def worth(ratings: Floats, kind: Reward) -> Floats:
    """What answers are worth, in stars, for an array of any shape: float32.

    Args:
        ratings: stars, 0 where somebody was shown a movie and did not rate it.
        kind: `rating`: the stars; `liked`: five above 3.5, else none; `seen`: five where it was rated at all.
    """
    if kind == "rating":
        return ratings.astype(np.float32)
    won = ratings > (CLICK_THRESHOLD if kind == "liked" else 0)
    return np.where(won, np.float32(HIGHEST_RATING), np.float32(0))


def reward(ratings: Floats, violence: Floats, lambda_non_violent: float, kind: Reward = "rating") -> Floats:
    """`mean_k((1 - λ) · w_k + λ · (1 - violence_k)) / 5` for `(B, K)` ratings and violence: `(B,)` float32.

    w is what a rating is worth, see `worth`: by default the rating.
    """
    mixed = (1 - lambda_non_violent) * worth(ratings, kind) + lambda_non_violent * (1 - violence)
    rewards: Floats = (mixed.mean(axis=1) / HIGHEST_RATING).astype(np.float32)
    return rewards
