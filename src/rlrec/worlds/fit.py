"""From the three tables to a world, and to a report of how far it can be trusted."""

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlrec.data.dataset.genres import GENRES
from rlrec.data.dataset.pools import FEWEST_USERS, POOLS, WHY_THREE, draw_pools
from rlrec.data.dataset.split import after_cut, future_rows, in_order
from rlrec.data.dataset.tables import Columns, Tables, demographics, genre_flags, kinds_in
from rlrec.errors import WorldError
from rlrec.metrics.stars import HIGHEST_RATING, LOWEST_RATING
from rlrec.settings.config import Config
from rlrec.statistics.intervals import CONFIDENCE
from rlrec.worlds.clusters import cluster
from rlrec.worlds.factorisation import BIAS_SHARE, Factors, Ints, Observed, factorise, fit_biases, fit_tastes
from rlrec.worlds.fidelity import (
    Candidate,
    Errors,
    Fidelity,
    HeldOut,
    Spread,
    calibrate,
    choose,
    compare_distributions,
    fit_noise,
)
from rlrec.worlds.knowledge import genre_vectors
from rlrec.worlds.watched import watched_vectors
from rlrec.worlds.world import World

OnSweep = Callable[[str, int, int], None]
"""Called with what is being done, and how many of how many sweeps are done in all."""


def fit_world(
    tables: Tables,
    config: Config,
    progress: OnSweep | None = None,
    *,
    has_violence: bool = True,
    pools: NDArray[np.int8] | None = None,
) -> tuple[World, Fidelity]:
    """Fits a world to real ratings.

    The last ratings of each test user are left out of everything (see `future_rows`), or with `world.split: time`
    everybody's from one moment on (see `after_cut`): they are what methods are to
    find in the offline comparison. Of the others some are held out; the penalty that predicts these best is chosen, and
    the world is then fitted to all but the future ratings with that one. What an agent may know that is not to know the
    world's vectors is fitted to training users' ratings with the same penalty. What training and validation users
    really rated is kept beside, for agents that learn from it. Where movies have no genres, clusters of them take their
    place, see `rlrec.worlds.clusters`. Deterministic in the tables, whatever the order of their
    rows, and the settings.

    Args:
        tables: Ratings, users and movies.
        config: `world` and the seed are read.
        progress: Told after each sweep.
        has_violence: Whether the movies' violence was measured. If not it is taken as 0 for all.
        pools: `(U,)`, the users' pools as `World` has them, where a published protocol says who is judged; drawn from
            the seed in shares of `world.train_users` and so on where absent.

    Returns:
        The world, and its fidelity.

    Raises:
        WorldError: there are fewer than three users or two ratings, or some are of an unknown user or movie or not a
            number.
    """
    if len(tables.users) < FEWEST_USERS:
        raise WorldError(f"three users are needed ({WHY_THREE}), but there are {len(tables.users)}")
    order, genres, kinds = in_order(tables.ratings), genre_flags(tables.movies), kinds_in(tables.movies)
    everything, tables = _observed(tables).take(order), replace(tables, ratings=tables.ratings.iloc[order])
    settings, penalties = config.world, config.world.regularisation
    if pools is None:
        pools = draw_pools(len(tables.users), settings.train_users, settings.validation_users, config.rng("pools"))
    in_training, in_test = (pools == POOLS.index(pool) for pool in ("train", "test"))
    if settings.split == "time":
        future = after_cut(tables.ratings, settings.history)
    else:
        future = future_rows(tables.ratings, np.flatnonzero(in_test), settings.history)
    ratings = everything.take(np.flatnonzero(~future))
    of_training = ratings.take(np.flatnonzero(in_training[ratings.users]))
    if not len(of_training):
        raise WorldError(f"no training user has a rating: world.train_users is {settings.train_users:g}")
    kept, held_out = _split(len(ratings), settings.holdout, config.rng("holdout"))
    seen, unseen = ratings.take(kept), ratings.take(held_out)
    clustered = not kinds
    tell = _counter(progress, settings.iterations * (len(penalties) + 2 + clustered))

    def fitted(to: Observed, penalty: float, purpose: str) -> Factors:
        return factorise(
            to,
            genres,
            latent=settings.latent_factors,
            penalty=penalty,
            iterations=settings.iterations,
            rng=config.rng("factors"),
            tell=lambda: tell(purpose),
        )

    if clustered:
        without_kinds = fitted(of_training, float(np.median(penalties)), "vectors to make clusters of")
        genres, kinds = cluster(without_kinds, of_training, config.rng("clusters"))
    predictions, candidates = {}, []
    for penalty in penalties:
        predicted = fitted(seen, penalty, f"penalty {penalty:g}").predict(unseen.users, unseen.movies)
        predictions[penalty] = predicted
        candidates.append(Candidate(**asdict(Errors.of(predicted, unseen).summary()), penalty=penalty))
    best = choose(candidates).penalty
    biases = fit_biases(seen, penalty=BIAS_SHARE * best, iterations=settings.iterations)
    mean = np.clip(seen.stars.mean(), LOWEST_RATING, HIGHEST_RATING)  # as all predictions are
    errors = {
        "model": Errors.of(predictions[best], unseen),
        "user_item_bias": Errors.of(biases.predict(unseen.users, unseen.movies), unseen),
        "global_mean": Errors.of(np.full(len(unseen), mean), unseen),
    }
    factors = fitted(ratings, best, "all ratings")
    known = fitted(of_training, best, "training users' ratings")
    years = tables.movies[Columns.YEAR].to_numpy(dtype=np.float64, na_value=np.nan)
    log = _log(tables, everything, np.flatnonzero(~in_test), future)
    learned = log | _of_training_users(of_training, genres, years, log, known, np.flatnonzero(in_training), best)
    noise = fit_noise(factors, ratings)
    learned |= {"rating_noise": noise, "kinds": np.array([] if kinds == GENRES else kinds, np.str_)}
    world = _world(tables, genres, factors, pools, has_violence, learned)
    return world, Fidelity(
        ratings=len(ratings),
        future_ratings=int(future.sum()),
        users=world.n_users,
        movies=world.n_movies,
        genres=world.n_genres,
        held_out_ratings=len(unseen),
        held_out_users=len(np.unique(unseen.users)),
        latent_factors=settings.latent_factors,
        iterations=settings.iterations,
        penalty=best,
        confidence=CONFIDENCE,
        held_out=HeldOut(**{name: found.summary() for name, found in errors.items()}),
        model_minus_bias=errors["model"].minus(errors["user_item_bias"]).summary(),
        candidates=tuple(candidates),
        calibration=calibrate(predictions[best], unseen),
        rating_noise=noise,
        distribution=compare_distributions(factors, ratings, noise, config.rng("fidelity")),
        genre_affinity=Spread.of(factors.users[:, factors.users.shape[1] - genres.shape[1] :]),
        has_violence=has_violence,
    )


def _observed(tables: Tables) -> Observed:
    frame, shape = tables.ratings, (len(tables.users), len(tables.movies))
    users: Ints = frame[Columns.USER].to_numpy(dtype=np.int64)
    movies: Ints = frame[Columns.MOVIE].to_numpy(dtype=np.int64)
    stars = frame[Columns.RATING].to_numpy(dtype=np.float64)
    for what, ids, size in (("user", users, shape[0]), ("movie", movies, shape[1])):
        unknown = np.flatnonzero((ids < 0) | (ids >= size))
        if unknown.size:
            raise WorldError(f"row {unknown[0]} of the ratings table has the unknown {what} {ids[unknown[0]]}")
    wrong = np.flatnonzero(~((stars > 0) & (stars <= HIGHEST_RATING)))  # 0 is what somebody says who did not rate
    if wrong.size:
        raise WorldError(
            f"row {wrong[0]} of the ratings table has the rating {stars[wrong[0]]:g}, not above 0 and at most "
            f"{HIGHEST_RATING:g}"
        )
    return Observed(users, movies, stars, shape)


def _split(n_ratings: int, holdout: float, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Rows to fit to and rows held out, each in ascending order and at least one."""
    if n_ratings < 2:
        raise WorldError(f"a world needs at least two ratings to be fitted to, but there are {n_ratings}")
    order = rng.permutation(n_ratings)
    n_held_out = min(max(round(holdout * n_ratings), 1), n_ratings - 1)
    return np.sort(order[n_held_out:]), np.sort(order[:n_held_out])


def _of_training_users(
    ratings: Observed,
    genres: NDArray[np.bool_],
    years: NDArray[np.float64],
    log: dict[str, Any],
    factors: Factors,
    users: Ints,
    penalty: float,
) -> dict[str, Any]:
    """What a world knows from the ratings of its training `users` alone, by the names of its arrays."""
    counts = np.bincount(ratings.movies, minlength=len(genres))
    sums = np.bincount(ratings.movies, ratings.stars, minlength=len(genres))
    by_genre = fit_tastes(ratings, genre_vectors(genres, counts).astype(np.float64), penalty=penalty)
    of_users = np.split(log["log_movies"], log["log_starts"][1:-1])
    seen, logs = ratings.matrix(np.ones(len(ratings)))[users], [of_users[user] for user in users.tolist()]
    watched = watched_vectors(seen, genres, years, logs)
    by_watched = fit_tastes(ratings, watched.astype(np.float64), penalty=penalty)
    return {
        "mean_ratings": np.where(counts > 0, sums / np.maximum(counts, 1), ratings.stars.mean()),
        "rating_counts": counts,
        "training_movie_vectors": factors.movies,
        "training_tastes": factors.users[users],
        "genre_tastes": by_genre[users],
        "watched_movie_vectors": watched,
        "watched_tastes": by_watched[users],
    }


def _log(tables: Tables, ratings: Observed, users: Ints, future: NDArray[np.bool_]) -> dict[str, Any]:
    """What these `users` rated before the future, in order of time, by the names of a world's arrays."""
    rows = in_order(tables.ratings)
    rows = rows[np.isin(ratings.users[rows], users) & ~future[rows]]
    counts = np.bincount(ratings.users[rows], minlength=ratings.shape[0])
    return {
        "log_starts": np.concatenate([[0], np.cumsum(counts)]),
        "log_movies": ratings.movies[rows],
        "log_stars": ratings.stars[rows],
    }


def _world(
    tables: Tables,
    genres: NDArray[np.bool_],
    factors: Factors,
    pools: NDArray[np.int8],
    has_violence: bool,
    learned: dict[str, Any],
) -> World:
    users, movies = tables.users, tables.movies
    violence = movies[Columns.VIOLENCE].fillna(0).to_numpy(dtype=np.float32)
    return World(
        user_vectors=factors.users.astype(np.float32),
        movie_vectors=factors.movies.astype(np.float32),
        genres=genres,
        violence=violence if has_violence else np.zeros_like(violence),
        demographics=demographics(users),
        pools=pools,
        titles=movies[Columns.TITLE].fillna("").to_numpy(dtype=np.str_),
        user_ids=users[Columns.ORIGINAL_ID].to_numpy(dtype=np.int64),
        movie_ids=movies[Columns.ORIGINAL_ID].to_numpy(dtype=np.int64),
        has_violence=has_violence,
        **learned,
    )


def _counter(progress: OnSweep | None, total: int) -> Callable[[str], None]:
    done = 0

    def tell(purpose: str) -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(purpose, done, total)

    return tell
