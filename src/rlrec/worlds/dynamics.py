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
    if movies.ndim == 2:
        return np.asarray(np.clip(scores, LOWEST_RATING, HIGHEST_RATING, dtype=np.float32))
    # Of a few numbers, `np.clip` is mostly the call of it.
    ratings: Floats = np.minimum(np.maximum(scores, LOWEST_RATING), HIGHEST_RATING).astype(np.float32, copy=False)
    return ratings


def best_rating(
    taste: Floats, catalogue: Floats, available: NDArray[np.bool_], movies: NDArray[np.int64], ratings: Floats
) -> Floats:
    """The highest rating that each user would give to a movie that is available, `(B,)` float32.

    Args:
        taste: `(B, D)`.
        catalogue: `(D, N)`, the movies' vectors as columns.
        available: `(B, N)`.
        movies: `(B,)`, available ones of which the ratings are known.
        ratings: `(B,)`, these.
    """
    scores: Floats = taste @ catalogue
    scores[np.arange(len(movies)), movies] = ratings
    # The highest is clipped, not all; what is below the lowest may as well be the 0 of what is not available.
    best = np.multiply(scores, available, out=scores).max(axis=1)
    clipped: Floats = np.minimum(np.maximum(best, LOWEST_RATING), HIGHEST_RATING)
    return clipped


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
        if not np.count_nonzero(moved):
            continue
        grown = affinities * np.float32(1 + delta)
        np.copyto(affinities, np.minimum(np.maximum(grown, -affinity_cap), affinity_cap), where=moved)
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
    mixed = worth(ratings, kind)
    if lambda_non_violent:
        mixed = (1 - lambda_non_violent) * mixed + lambda_non_violent * (1 - violence)
    mean = mixed[:, 0] if mixed.shape[1] == 1 else np.add.reduce(mixed, axis=1) / mixed.shape[1]
    rewards: Floats = (mean / HIGHEST_RATING).astype(np.float32, copy=False)
    return rewards
