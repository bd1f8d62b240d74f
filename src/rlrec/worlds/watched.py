"""Movie vectors of who watched what: movies are alike that the same people rated, however they rated them.

What people watch next is what others watched who watched the same, and who watched it at about the same time; vectors
that were fitted to *ratings* do not know that, for they see nothing in a movie's not having been rated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, eigsh, svds

from rlrec.worlds.dynamics import Floats

RANK = 32
"""Dimensions of who watched what."""
NEAR = 32
"""Dimensions of what was watched near what."""
HALF_LIFE = 20.0
"""Ratings between two movies of a log after which they count half as near."""
SIDE = 0.3
"""Standard deviation of genres, year and popularity beside all others, whose own is 1."""
_RARE = 0.1
"""Of the mean movie's nearness, what is added to every movie's: of a rare one, little is known."""
_FEW = 512
"""Movies up to which all eigenvectors of nearness are worked out, for the reason below."""
_DENSE = 2**22
"""Entries of a matrix up to which it is decomposed as it stands: where singular values are equal, as in small matrices
they are, ARPACK draws vectors to go on from, and never the same."""


def watched_vectors(
    seen: sparse.csr_array,
    genres: NDArray[np.bool_],
    years: NDArray[np.float64],
    logs: Sequence[NDArray[np.int64]] = (),
) -> Floats:
    """`(N, 1 + R + R' + G + 2)` float32: ones, who watched it, what it was watched near, genres, year and popularity.

    Of who watched it, the first R right singular vectors of users by movies; of what it was watched near, see
    `near_vectors`; the last is the logarithm of how many watched it. Deviations are 1, and `SIDE` of the last G + 2.

    Args:
        seen: `(n, N)`, 1 where one of the training users rated a movie.
        genres: `(N, G)`.
        years: `(N,)`, NaN where unknown.
        logs: what each of them rated in order of time, `(n_u,)` each; without any, nothing is near anything.
    """
    _, who = singular_vectors(seen.astype(np.float64), RANK)
    near = near_vectors(logs, len(genres), NEAR)
    counts = np.asarray(seen.sum(axis=0)).ravel()
    known = np.where(np.isnan(years), np.nanmean(years) if np.isfinite(years).any() else 0.0, years)
    side = np.column_stack([genres, known, np.log1p(counts)]).astype(np.float64)
    parts = _standardised(who), _standardised(near), SIDE * _standardised(side)
    return np.column_stack([np.ones(len(side)), *parts]).astype(np.float32)


def near_vectors(logs: Sequence[NDArray[np.int64]], n_movies: int, rank: int) -> NDArray[np.float64]:
    """`(N, R')`, eigenvectors of how near movies were rated to each other, those of the largest eigenvalues first.

    Two movies that one person rated d ratings apart are `2^(-d / HALF_LIFE)` near; in the sum over people, of which
    each counts as much as he or she rated, an entry is divided by the root of what both movies are near to in all, as
    in spectral clustering (Ng et al. 2001). What is rated together within a sitting has less to do with taste than with
    what was shown, and a person's next rating has as well.

    Args:
        logs: as for `watched_vectors`.
        n_movies: N.
        rank: R', at most; fewer where there are fewer movies.
    """
    rank, logs = min(rank, n_movies - 2), [movies for movies in logs if len(movies) > 1]
    if rank < 1 or not logs:
        return np.empty((n_movies, 0))
    few = n_movies <= _FEW
    near = _near_matrix(logs, n_movies).dot if few else _nearness(logs, n_movies)
    total = near(np.ones(n_movies))
    root = np.sqrt(total + _RARE * total.mean())

    def by_root(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(near(x.ravel() / root) / root)

    if few:
        values, vectors = np.linalg.eigh(near(np.diag(1 / root)) / root[:, None])
    else:
        operator = LinearOperator((n_movies, n_movies), matvec=by_root, dtype=np.float64)
        values, vectors = eigsh(operator, k=rank, which="LA", v0=np.ones(n_movies))
    return _turned(vectors[:, np.argsort(-values)[:rank]])


def _near_matrix(logs: Sequence[NDArray[np.int64]], n_movies: int) -> NDArray[np.float64]:
    """`(N, N)`, the sums of nearness, for as many movies as such a matrix is small for."""
    ages = np.arange(max(map(len, logs)))
    near = 2 ** (-np.abs(ages[:, None] - ages) / HALF_LIFE)
    np.fill_diagonal(near, 0)
    total = np.zeros((n_movies, n_movies))
    for log in logs:
        block = near[: len(log), : len(log)]
        np.add.at(total, (log[:, None], log), block * len(log) / (block.sum() + len(log)))
    return total


def _nearness(logs: Sequence[NDArray[np.int64]], n_movies: int) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """The product of the sums of nearness `(N, N)` with a vector `(N,)`, without their N² numbers.

    In a log, `Σ_j 2^(-|i - j| / h) x_j` is a recursion from the front and one from the back. All logs are one sequence,
    between them so many zeros that nothing comes over.
    """
    from scipy.signal import lfilter  # takes a second to import, and only fitting a world needs it

    lengths = np.array([len(movies) for movies in logs])
    gap = int(40 * HALF_LIFE)
    starts = np.concatenate([[0], np.cumsum(lengths[:-1] + gap)])
    places = np.concatenate([np.arange(start, start + length) for start, length in zip(starts, lengths, strict=True)])
    movies, size = np.concatenate(logs), int(starts[-1] + lengths[-1])
    first = np.concatenate([[0], np.cumsum(lengths[:-1])])

    def faded(values: NDArray[np.float64]) -> NDArray[np.float64]:
        """What each rating is near to, itself left out."""
        line = np.zeros(size)
        line[places] = values
        kept = ([1.0], [1.0, -(2 ** (-1 / HALF_LIFE))])
        both = lfilter(*kept, line) + lfilter(*kept, line[::-1])[::-1]
        return np.asarray(both[places] - 2 * values)

    mean = np.add.reduceat(faded(np.ones(len(movies))) + 1, first) / lengths
    share = np.repeat(1 / mean, lengths)

    def product(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(movies, share * faded(x[movies]), minlength=n_movies).astype(np.float64)

    return product


def singular_vectors(matrix: sparse.csr_array, rank: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The largest singular values, descending, and their right singular vectors, whose largest entry is positive.

    Args:
        matrix: `(n, N)` float64.
        rank: how many; fewer where the matrix is smaller, or has fewer that are not 0.

    Returns:
        `(R,)` and `(N, R)`.
    """
    rank = min(rank, min(matrix.shape) - 1)
    if rank < 1 or not matrix.nnz:
        return np.empty(0), np.empty((matrix.shape[1], 0))
    if matrix.shape[0] * matrix.shape[1] <= _DENSE:
        _, values, rows = np.linalg.svd(matrix.toarray(), full_matrices=False)
    else:
        _, values, rows = svds(matrix, k=rank, v0=np.ones(min(matrix.shape)))  # v0: drawn at random otherwise
    order = np.argsort(-values)[:rank]
    order = order[values[order] > 1e-9 * values.max()]
    return values[order], _turned(rows[order].T)


def _turned(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same `(N, R)`, each so that its largest entry is positive: either way is as good a solution."""
    turned: NDArray[np.float64] = vectors * np.sign(
        vectors[np.abs(vectors).argmax(axis=0), np.arange(vectors.shape[1])]
    )
    return turned


def _standardised(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each of mean 0 and deviation 1; 0 where all entries are alike."""
    deviation = columns.std(axis=0)
    centred = columns - columns.mean(axis=0)
    found: NDArray[np.float64] = np.divide(centred, deviation, out=np.zeros_like(columns), where=deviation > 1e-6)
    return found
