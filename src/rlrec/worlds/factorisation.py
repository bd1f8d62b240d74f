"""Ridge-regularised matrix factorisation with biases and fixed genre flags, by alternating least squares.

The model is `rating ≈ μ + b_u + b_i + p_u · q_i + w_u · g_i`, with `g_i` the genre flags of movie i. With the movies
held fixed it is linear in `(b_u, p_u, w_u)`, with the users held fixed it is linear in `(b_i, q_i)`: each sweep solves
the two in turn, for all users (movies) at once. Source: Koren, Bell and Volinsky, "Matrix factorization techniques for
recommender systems", IEEE Computer 42(8), 2009; Hu, Koren and Volinsky, ICDM 2008, for the normal equations.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from rlrec.metrics.stars import HIGHEST_RATING, LOWEST_RATING

Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]

BIAS_SHARE = 0.25
"""The penalty on a bias over that on a latent factor or a genre affinity. On ml-100k 1/8 and 1/2 are hardly worse."""

_BLOCK_BYTES = 1 << 26
_INITIAL_SCALE = 0.1


@dataclass(frozen=True)
class Observed:
    """Ratings as three parallel arrays.

    Attributes:
        users: `(n,)` int64.
        movies: `(n,)` int64.
        stars: `(n,)` float64.
        shape: U and N, which may count users and movies without a rating.
    """

    users: Ints
    movies: Ints
    stars: Doubles
    shape: tuple[int, int]

    def __len__(self) -> int:
        return len(self.stars)

    def take(self, rows: Ints) -> "Observed":
        """Some of the ratings."""
        return Observed(self.users[rows], self.movies[rows], self.stars[rows], self.shape)

    def matrix(self, values: Doubles) -> sparse.csr_array:
        """`(U, N)` with a value at each rated pair; pairs rated more than once add up."""
        return sparse.csr_array((values, (self.users, self.movies)), shape=self.shape)


@dataclass(frozen=True)
class Factors:
    """A fitted model with its biases folded in: a prediction is one dot product.

    Attributes:
        users: `(U, D)` float64, `[μ + b_u, 1, p_u, w_u]`.
        movies: `(N, D)` float64, `[1, b_i, q_i, g_i]`.
    """

    users: Doubles
    movies: Doubles

    def predict(self, users: Ints, movies: Ints) -> Doubles:
        """Ratings of pairs, clipped to [1, 5] as the simulator clips them: `(n,)` float64."""
        return np.clip(self.score(users, movies), LOWEST_RATING, HIGHEST_RATING)

    def score(self, users: Ints, movies: Ints) -> Doubles:
        """The same before clipping."""
        return _paired_dot(self.users, users, self.movies, movies)


def factorise(
    ratings: Observed,
    genres: NDArray[np.bool_],
    *,
    latent: int,
    penalty: float,
    iterations: int,
    rng: np.random.Generator,
    tell: Callable[[], None] = lambda: None,
) -> Factors:
    """Fits the model to ratings.

    Minimises `Σ (rating - prediction)² + penalty · (|p|² + |q|² + |w|² + BIAS_SHARE · |b|²)`. A user or movie without a
    rating gets zeros, that is the average.

    Args:
        ratings: At least one.
        genres: `(N, G)`.
        latent: Number L of latent factors, 0 or more.
        penalty: Ridge penalty, > 0, in units of ratings: it weighs as much as that many ratings at a factor of 1.
        iterations: Sweeps.
        rng: Draws the first latent factors.
        tell: Called after each sweep.

    Returns:
        Vectors of D = 2 + L + G entries.
    """
    n_users, n_movies = ratings.shape
    flags = genres.astype(np.float64)
    mean = float(ratings.stars.mean())
    deviations = ratings.stars - mean
    seen = ratings.matrix(np.ones(len(ratings)))
    seen_by_movie = sparse.csr_array(seen.T)

    user_penalty = np.full(1 + latent + flags.shape[1], penalty)
    movie_penalty = np.full(1 + latent, penalty)
    user_penalty[0] = movie_penalty[0] = BIAS_SHARE * penalty

    of_movies = np.zeros((n_movies, 1 + latent))  # (N, 1 + L): b_i, q_i
    of_movies[:, 1:] = rng.normal(0, _INITIAL_SCALE, (n_movies, latent))
    of_users = np.zeros((n_users, len(user_penalty)))  # (U, 1 + L + G): b_u, p_u, w_u
    for _ in range(iterations):
        inputs = np.column_stack([np.ones(n_movies), of_movies[:, 1:], flags])
        targets = ratings.matrix(deviations - of_movies[ratings.movies, 0])
        of_users = _ridge(seen, inputs, targets @ inputs, user_penalty)

        inputs = np.column_stack([np.ones(n_users), of_users[:, 1 : 1 + latent]])
        known = of_users[ratings.users, 0] + _paired_dot(
            of_users[:, 1 + latent :], ratings.users, flags, ratings.movies
        )
        targets = sparse.csr_array(ratings.matrix(deviations - known).T)
        of_movies = _ridge(seen_by_movie, inputs, targets @ inputs, movie_penalty)
        tell()
    return Factors(
        users=np.column_stack([mean + of_users[:, 0], np.ones(n_users), of_users[:, 1:]]),
        movies=np.column_stack([np.ones(n_movies), of_movies, flags]),
    )


def fit_biases(ratings: Observed, *, penalty: float, iterations: int) -> Factors:
    """The user+item bias predictor `μ + b_u + b_i`: what a model with factors must beat.

    Args:
        ratings: At least one.
        penalty: Ridge penalty on a bias.
        iterations: Sweeps.
    """
    n_users, n_movies = ratings.shape
    mean = float(ratings.stars.mean())
    deviations = ratings.stars - mean
    of_users, of_movies = np.zeros(n_users), np.zeros(n_movies)
    user_counts = np.bincount(ratings.users, minlength=n_users)
    movie_counts = np.bincount(ratings.movies, minlength=n_movies)
    for _ in range(iterations):
        left = np.bincount(ratings.users, deviations - of_movies[ratings.movies], minlength=n_users)
        of_users = left / (user_counts + penalty)
        left = np.bincount(ratings.movies, deviations - of_users[ratings.users], minlength=n_movies)
        of_movies = left / (movie_counts + penalty)
    return Factors(
        users=np.column_stack([mean + of_users, np.ones(n_users)]),
        movies=np.column_stack([np.ones(n_movies), of_movies]),
    )


def fit_tastes(ratings: Observed, movies: Doubles, *, penalty: float) -> Doubles:
    """Each user's ratings regressed on fixed movie vectors: the first half of a sweep of `factorise`.

    Args:
        ratings: At least one.
        movies: `(N, D)`, the first column being ones.
        penalty: Ridge penalty; `BIAS_SHARE` of it on the user's bias.

    Returns:
        `(U, D)`, `[μ + b_u, w_u]`: a prediction is the dot product with a movie's vector. A user without a rating gets
        the mean rating and zeros.
    """
    mean = float(ratings.stars.mean())
    penalties = np.full(movies.shape[1], penalty)
    penalties[0] = BIAS_SHARE * penalty
    seen = ratings.matrix(np.ones(len(ratings)))
    tastes = _ridge(seen, movies, ratings.matrix(ratings.stars - mean) @ movies, penalties)
    tastes[:, 0] += mean
    return tastes


def _ridge(seen: sparse.csr_array, inputs: Doubles, moments: Doubles, penalty: Doubles) -> Doubles:
    """Solves `(X'X + diag(penalty)) b = X'y` for each row of `seen`, X being the inputs of the columns that it holds.

    All Gram matrices at once are one sparse product: `seen` times the inputs' pairwise products, of which symmetry
    leaves half. In blocks of rows, so that memory does not grow with their number.

    Args:
        seen: `(R, C)`. inputs: `(C, P)`. moments: `(R, P)`, `X'y`. penalty: `(P,)`.

    Returns:
        `(R, P)`.
    """
    size = inputs.shape[1]
    upper = np.triu_indices(size)
    products = inputs[:, upper[0]] * inputs[:, upper[1]]
    solved = np.empty_like(moments)
    rows = max(_BLOCK_BYTES // (8 * size * size), 1)
    for first in range(0, len(moments), rows):
        block = slice(first, first + rows)
        halves = seen[block] @ products
        grams = np.empty((len(halves), size, size))
        grams[:, upper[0], upper[1]] = halves
        grams[:, upper[1], upper[0]] = halves
        grams += np.diag(penalty)
        solved[block] = np.linalg.solve(grams, moments[block, :, None])[..., 0]
    return solved


def _paired_dot(left: Doubles, left_rows: Ints, right: Doubles, right_rows: Ints) -> Doubles:
    """`left[left_rows[k]] · right[right_rows[k]]` for all k, in blocks: `(n,)`."""
    dots = np.empty(len(left_rows))
    step = max(_BLOCK_BYTES // (16 * max(left.shape[1], 1)), 1)
    for first in range(0, len(dots), step):
        block = slice(first, first + step)
        dots[block] = np.einsum("nd,nd->n", left[left_rows[block]], right[right_rows[block]])
    return dots
