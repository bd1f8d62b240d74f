"""Kinds of movies where the data name none: clusters of vectors that are fitted to who rated them how."""

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2

from rlrec.worlds.factorisation import Doubles, Factors, Observed
from rlrec.worlds.watched import singular_vectors

MOST_CLUSTERS = 12
"""As many as MovieLens has genres that are frequent; less where there are few movies."""
_MOVIES_A_CLUSTER = 10
_RANK = 16
_STARTS = 8
_SWEEPS = 50


def cluster(factors: Factors, ratings: Observed, rng: np.random.Generator) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    """Puts each movie into one cluster by the direction of its latent vector, that is by who likes it more than others.

    Where nobody rates one movie higher than another, as in data without values, it is the singular vector in who rated
    what at all. How much a movie is liked by all is its bias and does not matter. The vectors should be of training
    users' ratings alone, since agents are told the kinds. k-means on the unit sphere (Dhillon and Modha 2001, with
    cosines, which order unit vectors as distances do), the best of some starts; what has no rating is in the first.

    Args:
        factors: fitted without genres.
        ratings: what they were fitted to.
        rng: draws the first centres.

    Returns:
        `(N, G)`, one true entry a row, and the names `cluster 1` and so on, that of most ratings first.
    """
    vectors = factors.movies[:, 2:]
    if not vectors.any():
        values, vectors = singular_vectors(ratings.matrix(np.ones(len(ratings))), _RANK)
        vectors = (vectors * values)[:, min(1, len(values) - 1) :]  # without the first, which is how much all rate it
    lengths = np.linalg.norm(vectors, axis=1)
    rated = np.flatnonzero(lengths > 0)
    n_clusters = max(min(MOST_CLUSTERS, len(rated) // _MOVIES_A_CLUSTER), 1)
    labels = np.zeros(len(vectors), np.int64)
    if n_clusters > 1:
        labels[rated] = _best(vectors[rated] / lengths[rated, None], n_clusters, rng)
    counts = np.bincount(ratings.movies, minlength=len(vectors))
    weights = np.bincount(labels[rated], counts[rated], minlength=n_clusters)
    order = np.argsort(-weights, kind="stable")
    order = order[weights[order] > 0] if weights.any() else order[:1]
    places = np.zeros(n_clusters, np.int64)
    places[order] = np.arange(len(order))
    found = places[labels]
    found[lengths == 0] = 0
    return found[:, None] == np.arange(len(order)), tuple(f"cluster {number + 1}" for number in range(len(order)))


def _best(points: Doubles, n_clusters: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """The labels of the start whose points are nearest to their centres."""
    found: list[tuple[float, NDArray[np.int64]]] = []
    for _ in range(_STARTS):
        centres, labels = kmeans2(points, n_clusters, iter=_SWEEPS, minit="++", rng=rng)
        found.append((float(((points - centres[labels]) ** 2).sum()), labels.astype(np.int64)))
    return min(found, key=lambda one: one[0])[1]
