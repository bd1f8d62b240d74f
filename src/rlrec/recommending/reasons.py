"""Which ratings count for a recommendation: those without which the policy would want the movie less."""

from __future__ import annotations

from copy import copy
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rlrec.data.dataset.histories import History
from rlrec.policies.histories import after_history
from rlrec.policies.scored import NetworkPolicy
from rlrec.recommending.answers import Reason, Recommendation
from rlrec.recommending.catalogue import Catalogue
from rlrec.settings.config import ScenarioConfig
from rlrec.worlds.world import World

LATEST = 100
"""Ratings, the latest ones, of which each is left out once; of more it would take long."""
MOST = 3
"""Reasons of a recommendation."""


def explained(
    movies: tuple[Recommendation, ...],
    policy: NetworkPolicy,
    world: World,
    user: int,
    rated: History,
    scenario: ScenarioConfig,
    catalogue: Catalogue,
) -> tuple[Recommendation, ...]:
    """The recommendations with the ratings that count most for each; see `gains` for what is asked."""
    places = np.array([catalogue.number(movie.movie_id) for movie in movies])
    gained = gains(policy, world, user, rated, scenario, places)
    told = list(zip(rated.movies.tolist(), rated.stars.tolist(), strict=True))[-len(gained) :]

    def reason(place: int, gain: float) -> Reason:
        movie, stars = told[place]
        return Reason(catalogue.ids[movie], catalogue.titles[movie], stars, gain)

    ranked = [np.argsort(-of, kind="stable")[:MOST].tolist() for of in gained.T]
    because = [
        tuple(reason(place, float(of[place])) for place in best if of[place] > 0)
        for best, of in zip(ranked, gained.T, strict=True)
    ]
    return tuple(replace(movie, because=why) for movie, why in zip(movies, because, strict=True))


def gains(
    policy: NetworkPolicy, world: World, user: int, rated: History, scenario: ScenarioConfig, movies: NDArray[np.int64]
) -> NDArray[np.float64]:
    """By how much a movie's score, compared with the average movie's, would be lower without each rating.

    Leaving one out is what can be said of any policy: the scores are computed anew without it, the rest as it was.

    Args:
        policy: is asked, not changed.
        world: see `rlrec.policies.histories.after_history`.
        user: whose demographics are seen.
        rated: n ratings in order; those before the last `LATEST` are in every history.
        scenario: see `after_history`.
        movies: `(k,)`.

    Returns:
        `(min(n, LATEST), k)` logits, of the latest ratings in their order.
    """
    n = len(rated.movies)
    latest = min(n, LATEST)
    kept = np.stack([np.delete(np.arange(n), n - latest + place) for place in range(latest)])

    def centred(picks: NDArray[np.int64]) -> NDArray[np.float64]:
        """`(B, k)` scores after histories of the picked ratings, `(B, n)` places."""
        asked = copy(policy)
        histories = np.full(len(picks), user), rated.movies[picks], rated.stars[picks]
        (view,) = after_history([asked], world, *histories, scenario, np.random.SeedSequence(0))
        scores = asked.scores(view).astype(np.float64)
        return np.asarray(scores[:, movies] - scores.mean(axis=1, keepdims=True))

    return np.asarray(centred(np.arange(n)[None]) - centred(kept))
