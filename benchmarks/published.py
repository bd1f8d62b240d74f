"""Our ranking metrics beside published figures, on the data and by the protocol that these were measured with.

Microsoft Recommenders publishes a table for ml-100k: 75 % of the ratings to train on and 25 % to find, stratified; what
a user rated in training is not recommended; lists of ten. If the same methods come out the same, the metrics are right.
"""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import pandas as pd
import typer
from numpy.typing import NDArray
from rich.progress import track
from rich.table import Table
from scipy import sparse
from threadpoolctl import threadpool_limits

from benchmarks.records import RESULTS, ROOT, append_record, console, errors, run_command
from rlrec.data.dataset.tables import Columns, load_tables
from rlrec.metrics import rankings as ranking
from rlrec.policies.slates import top_slates

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

TOP = 10
SHARE = 0.75
HALF_LIFE = 30 * 24 * 60 * 60
"""Of a rating's weight in SAR, in seconds."""
PROTOCOL = "75/25 by movie, one split, k = 10"
SOURCE = "Microsoft Recommenders 1.1.1, README"
METRICS = ("NDCG@10", "MAP@10", "Recall@10")


class Published(NamedTuple):
    """Figures of one method in their table."""

    ndcg: float
    map: float
    recall: float


class Data(NamedTuple):
    """Ratings to train on, and what is to be found.

    Attributes:
        train: Rows of the ratings table.
        seen: `(U, N)`, rated in training.
        wanted: `(U, N)`, rated in the rest.
    """

    train: pd.DataFrame
    seen: Mask
    wanted: Mask


class BPR(NamedTuple):
    """Settings of Bayesian personalised ranking (Rendle et al. 2009)."""

    factors: int
    epochs: int
    rate: float
    penalty: float


CORNAC = BPR(factors=200, epochs=200, rate=0.01, penalty=0.001)
"""The notebook's settings of Cornac's BPR."""
TUNED = BPR(factors=32, epochs=100, rate=0.02, penalty=0.03)
"""The best of 54 for implicit's BPR with popularity, on a split that is not among the benchmark's."""

Method = Callable[[Data, int], NDArray[Any]]
"""From data and a seed to scores, `(U, N)`."""


def main(
    seeds: Annotated[int, typer.Option(help="Splits, each with its own seed.", min=1)] = 5,
    tables: Annotated[Path, typer.Option(help="Folder of the tables of ml-100k.")] = ROOT / "data" / "tables",
    output: Annotated[Path, typer.Option(help="Where the record is added.")] = RESULTS / "published.json",
) -> None:
    """Trains SAR, BPR and ALS on several splits and holds NDCG, MAP and recall against published ones.

    The published split is stratified by movie; all is done by user as well. Takes some minutes.
    """
    ratings = load_tables(tables).ratings
    runs = [(by, seed) for by in (Columns.MOVIE, Columns.USER) for seed in range(seeds)]
    found: dict[str, dict[str, list[list[float]]]] = {name: {Columns.MOVIE: [], Columns.USER: []} for name in METHODS}
    for by, seed in track(runs, "splits", console=errors, disable=not errors.is_terminal):
        data = split(ratings, by, np.random.default_rng([seed, 0]))
        for name, method in METHODS.items():
            found[name][by].append(judge(method(data, seed), data))
    console.print(_table(found, len(ratings)))
    figures = {name: {by: _summary(values) for by, values in splits.items()} for name, splits in found.items()}
    published = {name: dict(zip(METRICS, figures, strict=True)) for name, figures in PUBLISHED.items()}
    append_record(
        output,
        settings={"seeds": seeds, "ratings": len(ratings)},
        figures=figures,
        packages=("implicit", "numba", "scipy"),
        published={"source": SOURCE, "protocol": PROTOCOL, "figures": published},
    )


def split(ratings: pd.DataFrame, by: str, rng: np.random.Generator) -> Data:
    """Of each user's (or movie's) n ratings in random order, the first `floor(0.75 n)` are to train on.

    Args:
        ratings: The ratings table.
        by: Its column `user` or `movie`.
        rng: Draws the order.
    """
    drawn = ratings.iloc[rng.permutation(len(ratings))]
    groups = drawn.groupby(by)[by]
    to_train = ((groups.cumcount() + 1) / groups.transform("size") <= SHARE).to_numpy()
    shape = int(ratings[Columns.USER].max()) + 1, int(ratings[Columns.MOVIE].max()) + 1
    masks = []
    for rows in (drawn[to_train], drawn[~to_train]):
        mask = np.zeros(shape, np.bool_)
        mask[rows[Columns.USER], rows[Columns.MOVIE]] = True
        masks.append(mask)
    return Data(drawn[to_train], *masks)


def judge(scores: NDArray[Any], data: Data) -> list[float]:
    """`METRICS` of the ten best movies that a user has not rated in training, over the users with something to find."""
    lists = top_slates(scores, ~data.seen, TOP)
    metrics = (ranking.ndcg, ranking.average_precision, ranking.recall)
    return [float(np.nanmean(metric(lists, data.wanted))) for metric in metrics]


def sar(data: Data, seed: int) -> NDArray[np.float64]:
    """Simple Algorithm for Recommendation: Jaccard similarity of movies by who rated them, times what the user rated.

    A user's ratings weigh half as much after every 30 days before the last rating of all. Source: Recommenders'
    `sar_singlenode.py`, with the notebook's settings.
    """
    together = data.seen.T.astype(np.float64) @ data.seen
    alone = np.diag(together)
    similarity = together / np.maximum(alone[:, None] + alone - together, 1)
    train = data.train
    age = train[Columns.TIMESTAMP].max() - train[Columns.TIMESTAMP].to_numpy()
    weight = train[Columns.RATING].to_numpy(np.float64) * np.exp2(-age / HALF_LIFE)
    affinity = sparse.csr_array((weight, (train[Columns.USER], train[Columns.MOVIE])), shape=data.seen.shape)
    return np.asarray(affinity @ similarity)


def own_bpr(data: Data, seed: int, settings: BPR = CORNAC, *, popular: bool = False) -> Floats:
    """BPR by stochastic gradient descent, as Cornac's and implicit's differ in one thing only: the negatives.

    Args:
        data: What to train on.
        seed: Of all draws.
        settings: Of the training.
        popular: Whether a negative is drawn as implicit does, the movie of a random rating, hence in proportion to
            popularity, or as Cornac does, any movie alike.
    """
    rng = np.random.default_rng([seed, 1])
    users, liked = np.nonzero(data.seen)
    shape, k = data.seen.shape, settings.factors
    of_users, of_movies = (((rng.random((size, k)) - 0.5) / k).astype(np.float32) for size in shape)
    biases = np.zeros(shape[1], np.float32)
    learn = compiled()
    for _ in range(settings.epochs):
        drawn = rng.integers(len(users), size=len(users))
        other = liked[rng.integers(len(users), size=len(users))] if popular else rng.integers(shape[1], size=len(users))
        kept = ~data.seen[users[drawn], other]
        rows = users[drawn][kept], liked[drawn][kept], other[kept]
        learn(*rows, of_users, of_movies, biases, np.float32(settings.rate), np.float32(settings.penalty))
    return np.asarray(of_users @ of_movies.T + biases)


def descend(
    users: NDArray[np.int64],
    liked: NDArray[np.int64],
    other: NDArray[np.int64],
    of_users: Floats,
    of_movies: Floats,
    biases: Floats,
    rate: np.float32,
    penalty: np.float32,
) -> None:
    """One epoch of BPR, in place: raises `log σ(x_ui - x_uj)` of every triple of a user, a liked movie and another.

    Args:
        users, liked, other: `(n,)` each.
        of_users: `(U, F)`. of_movies: `(N, F)`. biases: `(N,)`.
        rate: Step size.
        penalty: L2 penalty.
    """
    factors = range(of_users.shape[1])
    for n in range(len(users)):
        u, i, j = users[n], liked[n], other[n]
        margin = biases[i] - biases[j]
        for f in factors:
            margin += of_users[u, f] * (of_movies[i, f] - of_movies[j, f])
        slope = np.float32(1 / (1 + np.exp(margin)))
        for f in factors:
            user, better, worse = of_users[u, f], of_movies[i, f], of_movies[j, f]
            of_users[u, f] += rate * (slope * (better - worse) - penalty * user)
            of_movies[i, f] += rate * (slope * user - penalty * better)
            of_movies[j, f] += rate * (-slope * user - penalty * worse)
        biases[i] += rate * (slope - penalty * biases[i])
        biases[j] += rate * (-slope - penalty * biases[j])


@cache
def compiled() -> Callable[..., None]:
    """`descend`, by numba: millions of steps of a few hundred numbers each."""
    import numba

    function: Callable[..., None] = numba.njit(fastmath=True)(descend)
    return function


def implicit_bpr(data: Data, seed: int, settings: BPR = CORNAC, *, popularity: bool = False) -> Floats:
    """BPR of the package implicit.

    Args:
        data: What to train on.
        seed: Of all draws.
        settings: Of the training.
        popularity: Whether to add the logarithm of the movies' popularity to the scores. Who learns to tell a user's
            movies from popular ones learns `log p(i | u) - log popularity(i)`, up to what all movies have in common.
    """
    from implicit.bpr import BayesianPersonalizedRanking

    model = BayesianPersonalizedRanking(
        factors=settings.factors,
        iterations=settings.epochs,
        learning_rate=settings.rate,
        regularization=settings.penalty,
        num_threads=1,  # more race for the factors, and no run is like another
        random_state=seed,
    )
    scores = _fitted(model, data)
    return scores + np.log(np.maximum(data.seen.sum(axis=0), 1)).astype(np.float32) if popularity else scores


def implicit_als(data: Data, seed: int, **settings: float) -> Floats:
    """Alternating least squares for implicit feedback (Hu, Koren and Volinsky 2008) of the package implicit."""
    from implicit.als import AlternatingLeastSquares

    with threadpool_limits(1, "blas"):  # implicit warns of more, as its own threads would fight with them
        return _fitted(AlternatingLeastSquares(**settings, num_threads=1, random_state=seed), data)


def _fitted(model: Any, data: Data) -> Floats:
    model.fit(sparse.csr_matrix(data.seen, dtype=np.float32), show_progress=False)
    return np.asarray(model.user_factors @ model.item_factors.T)


METHODS: Mapping[str, Method] = {
    "SAR, Jaccard": sar,
    "BPR, uniform negatives": own_bpr,
    "BPR, popular negatives": lambda data, seed: own_bpr(data, seed, popular=True),
    "implicit's BPR": implicit_bpr,
    "implicit's BPR, tuned": lambda data, seed: implicit_bpr(data, seed, TUNED),
    "… + log popularity": lambda data, seed: implicit_bpr(data, seed, TUNED, popularity=True),
    "implicit's ALS": lambda data, seed: implicit_als(data, seed, factors=32),
    "implicit's ALS, tuned": lambda data, seed: implicit_als(data, seed, factors=16, regularization=10.0, alpha=3.0),
}
"""In the table's order. The settings of the tuned ones were chosen on a split that is not among the benchmark's."""
PUBLISHED = {
    "SAR, Jaccard": Published(ndcg=0.382461, map=0.110591, recall=0.176385),
    "BPR, uniform negatives": Published(ndcg=0.441997, map=0.132478, recall=0.212522),
}
"""From the README's table. Their BPR is Cornac's, which draws negatives uniformly."""


def _summary(values: list[list[float]]) -> dict[str, dict[str, float]]:
    """Mean and standard deviation over splits, by metric."""
    by_metric = zip(METRICS, np.array(values).T, strict=True)
    return {n: {"mean": float(v.mean()), "sd": float(v.std(ddof=1)) if len(v) > 1 else 0.0} for n, v in by_metric}


def _table(found: Mapping[str, Mapping[str, list[list[float]]]], n_ratings: int) -> Table:
    table = Table(title=f"{n_ratings:,} ratings, 75/25, k = {TOP}: mean ± standard deviation over splits")
    table.add_column("method", no_wrap=True)
    table.add_column("split by", no_wrap=True)
    for metric in METRICS:
        table.add_column(metric, justify="right", no_wrap=True)
    table.add_column(f"published: {', '.join(METRICS)}, protocol, source")
    for name, splits in found.items():
        beside = ""
        if name in PUBLISHED:
            beside = ", ".join(f"{figure:.3f}" for figure in PUBLISHED[name]) + f"; {PROTOCOL}; {SOURCE}"
        for by, values in splits.items():
            cells = [f"{figure['mean']:.3f} ± {figure['sd']:.3f}" for figure in _summary(values).values()]
            table.add_row(name, by, *cells, beside)
        table.add_section()
    return table


if __name__ == "__main__":
    run_command(main)
