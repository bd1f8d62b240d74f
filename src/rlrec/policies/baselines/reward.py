"""From a predicted rating to what a policy should rank by."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlrec.metrics.stars import HIGHEST_RATING, LOWEST_RATING
from rlrec.settings.config import ScenarioConfig
from rlrec.worlds.world import World

_TIE = 1e-9


def expected_reward(
    ratings: NDArray[np.floating[Any]], world: World, scenario: ScenarioConfig
) -> NDArray[np.floating[Any]]:
    """Ranks movies as their reward `(1 - λ) · r + λ · (1 - violence)` does, r being the rating clipped to [1, 5].

    Among movies with equal reward the higher unclipped rating comes first: a taste that is sure of its five.

    Args:
        ratings: `(..., N)` predictions, not clipped.
        world: for its violence, which every policy knows.
        scenario: for λ, `lambda_non_violent`.

    Returns:
        `(..., N)`.
    """
    weight = scenario.lambda_non_violent
    if weight == 0:
        return ratings  # clipping keeps the order
    clipped = np.clip(ratings, LOWEST_RATING, HIGHEST_RATING)
    mild = 1 - world.violence.astype(np.float64)
    return np.asarray((1 - weight) * clipped + weight * mild + _TIE * (ratings - clipped))
