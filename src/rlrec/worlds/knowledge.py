"""The movies as an agent knows them, and what it expects of a user whom it has not met.

A simulated user rates by the vectors that the world is made of, whatever the agent knows. `scenario.features` says what
the agent's knowledge is made of:

| kind       | a movie's vector                                                | tastes behind the prior             |
|------------|-----------------------------------------------------------------|-------------------------------------|
| `world`    | the one that the world is made of                               | those of training users             |
| `training` | that of a factorisation of training users' real ratings only    | those of training users in it       |
| `genres`   | 1, popularity, genre flags; popularity is the standardised      | training users' real ratings,       |
|            | logarithm of (1 + training users' ratings)                      | regressed on these                  |

What `training` costs against `world` is what it is worth to an agent that its features are the world's own; `genres`
is what anybody has who reads the catalogue and counts.
"""

import hashlib
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from rlrec.errors import WorldError
from rlrec.worlds.dynamics import Floats
from rlrec.worlds.world import World, standardise


@dataclass(frozen=True)
class Prior:
    """Gaussian over the tastes that training users start with, and the map from tastes to features.

    Attributes:
        mean: `(D,)` float32.
        covariance: `(D, D)` float32.
        columns: `(F,)` int, the columns of a movie vector that are features.
        scale: `(F,)` float32, their standard deviations over the catalogue: `features · (scale * taste[columns])` is
            the taste's rating of a movie up to a constant.
    """

    mean: Floats
    covariance: Floats
    columns: NDArray[np.int64]
    scale: Floats

    @classmethod
    def estimate(cls, tastes: Floats, vectors: Floats) -> "Prior":
        """The prior of `(n, D)` tastes, for a catalogue of `(N, D)` vectors."""
        exact = tastes.astype(np.float64)
        covariance = np.cov(exact, rowvar=False, bias=True).reshape(exact.shape[1], exact.shape[1])
        scale = vectors.std(axis=0)
        columns = np.flatnonzero(scale > 1e-6)
        return cls(exact.mean(axis=0).astype(np.float32), covariance.astype(np.float32), columns, scale[columns])


@dataclass(frozen=True, eq=False)
class Catalogue:
    """What an agent knows of the movies and of users in general.

    Attributes:
        vectors: `(N, D)` float32, D depending on the kind: a rating is taken to be the dot product of a movie's vector
            and a user's taste.
        features: `(N, F)` float32, the same standardised and without constant columns.
        prior: Of tastes.
    """

    vectors: Floats
    features: Floats
    prior: Prior


def catalogue(world: World, kind: str = "world") -> Catalogue:
    """What an agent knows in a scenario whose `features` are of this kind; worked out once a world.

    Raises:
        WorldError: see `check_catalogue`; or all movies are alike.
    """
    known = _CATALOGUES.setdefault(world, {})
    if kind not in known:
        check_catalogue(world, kind)
        vectors, tastes = _KINDS[kind](world)
        features = world.features if vectors is world.movie_vectors else standardise(vectors)
        known[kind] = Catalogue(vectors, features, Prior.estimate(tastes, vectors))
    return known[kind]


_CATALOGUES: WeakKeyDictionary[World, dict[str, Catalogue]] = WeakKeyDictionary()


def check_catalogue(world: World, kind: str) -> None:
    """Refuses a kind of features that this world cannot give.

    Raises:
        WorldError: the world was not fitted to ratings that this kind is made of.
    """
    lacking = [name for name in _NEEDED[kind] if not getattr(world, name).size]
    if lacking:
        raise WorldError(
            f"scenario.features is {kind!r}, but this world lacks {' and '.join(lacking)}: it was not fitted to real "
            "ratings, or by an earlier version. Fit it again (stage `world`)"
        )


def genre_vectors(genres: NDArray[np.bool_], rating_counts: NDArray[np.int64]) -> Floats:
    """`(N, 2 + G)` float32: 1, popularity, genre flags.

    Args:
        genres: `(N, G)`.
        rating_counts: `(N,)`, of training users.
    """
    logarithms = np.log1p(rating_counts.astype(np.float64))
    popularity = (logarithms - logarithms.mean()) / max(float(logarithms.std()), 1e-9)
    return np.column_stack([np.ones(len(genres)), popularity, genres]).astype(np.float32)


def _of_world(world: World) -> tuple[Floats, Floats]:
    return world.movie_vectors, world.user_vectors[world.users_in("train")]


def _of_training(world: World) -> tuple[Floats, Floats]:
    return world.training_movie_vectors, world.training_tastes


def _of_genres(world: World) -> tuple[Floats, Floats]:
    return genre_vectors(world.genres, world.rating_counts), world.genre_tastes


_KINDS = {"world": _of_world, "training": _of_training, "genres": _of_genres}
"""Movie vectors `(N, D)` and training users' tastes `(n, D)`."""
_NEEDED = {
    "world": (),
    "training": ("training_movie_vectors", "training_tastes"),
    "genres": ("rating_counts", "genre_tastes"),
}


def fingerprint(world: World, features: str = "world") -> str:
    """SHA-256 of the item features of a kind, as hexadecimal digits."""
    return hashlib.sha256(np.ascontiguousarray(catalogue(world, features).features).tobytes()).hexdigest()
