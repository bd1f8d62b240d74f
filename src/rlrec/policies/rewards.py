"""From a predicted rating to what a policy should rank by."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlrec.environments.views import View
from rlrec.metrics.stars import HIGHEST_RATING, LOWEST_RATING

_TIE = 1e-9


def expected_reward(ratings: NDArray[np.floating[Any]], view: View) -> NDArray[np.floating[Any]]:
    """Ranks movies as their reward `(1 - λ) · r + λ · (1 - violence)` does, r being the rating clipped to [1, 5].

    Among movies with equal reward the higher unclipped rating comes first: a taste that is sure of its five.

    Args:
        ratings: `(..., N)` predictions, not clipped.
        view: for λ, `scenario.lambda_non_violent`, and for the movies' violence, which every policy knows.

    Returns:
        `(..., N)`.
    """
    weight = view.scenario.lambda_non_violent
    if weight == 0:
        return ratings  # clipping keeps the order
    clipped = np.clip(ratings, LOWEST_RATING, HIGHEST_RATING)
    mild = 1 - view.knowledge.violence.astype(np.float64)
    return np.asarray((1 - weight) * clipped + weight * mild + _TIE * (ratings - clipped))
