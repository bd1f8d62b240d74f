"""The order of a person's ratings, which is that of time, and where times are equal nobody's choice."""

from typing import overload

import numpy as np
from numpy.typing import NDArray

_ROUNDING = 1e-9


def time_order(
    users: NDArray[np.integer],
    times: NDArray[np.integer],
    original_users: NDArray[np.integer],
    original_movies: NDArray[np.integer],
) -> NDArray[np.int64]:
    """Rows of a table of ratings by user, then by time.

    Half of ml-100k's users rated several movies in the second at which their history ends. Which of them came first
    nobody knows, and neither the order of the rows nor the movies' numbers may decide, since tables are sorted by what
    is not innocent: the more popular movies have the lower numbers. So a mixture of the bits of the two original ids
    does (the finaliser of splitmix64, Steele et al. 2014), which is the same wherever the rating stands.

    Args:
        users: `(n,)`, numbers of the users.
        times: `(n,)`, in seconds.
        original_users: `(n,)`, their ids in the data set.
        original_movies: `(n,)`, the movies' ids there.

    Returns:
        `(n,)`, a permutation.

    >>> time_order(np.array([1, 0, 1]), np.array([5, 9, 4]), np.array([8, 7, 8]), np.array([3, 3, 2])).tolist()
    [1, 2, 0]
    """
    return np.lexsort((mixed(original_users, original_movies), times, users))


@overload
def known_of(counts: int, share: float) -> int: ...
@overload
def known_of(counts: NDArray[np.int64], share: float) -> NDArray[np.int64]: ...
def known_of(counts: int | NDArray[np.int64], share: float) -> int | NDArray[np.int64]:
    """How many of n ratings are history, and the rest future: `floor(share * n)`, at least one.

    >>> known_of(100, 0.57)
    57
    """
    # 0.57 * 100 is 56.99… in floating point, and its floor is meant to be 57.
    found = np.maximum(np.floor(share * np.asarray(counts) + _ROUNDING).astype(np.int64), 1)
    return np.asarray(found) if isinstance(counts, np.ndarray) else int(found)


def mixed(users: NDArray[np.integer], movies: NDArray[np.integer]) -> NDArray[np.uint64]:
    """A mixture of the bits of two ids, in which no order of theirs is left: `(n,)`."""
    bits = (users.astype(np.uint64) << np.uint64(32)) + movies.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        bits = (bits ^ (bits >> np.uint64(shift))) * np.uint64(factor)  # modulo 2⁶⁴
    return bits ^ (bits >> np.uint64(31))
