"""The comparison on real ratings as the page tells it."""

import pandas as pd

PROTOCOLS = {"catalogue": "", "rerank": "rerank_"}
"""Those in the page's table, and what their metrics' names begin with there."""
LIKED = "catalogue_liked"
"""A protocol told apart: only what was liked counts as found."""
CATALOGUE = ("ndcg@10", "recall@10", "map@10", "hr@10", "coverage@10", "novelty@10")
RERANK = ("rerank_ndcg", "rerank_map")
"""Metrics of each of the two, as they stand in its table; the first decides the order of policies."""


def renamed(offline: pd.DataFrame) -> pd.DataFrame:
    """All protocols of `PROTOCOLS` as one comparison, in which a metric's name says the protocol.

    Args:
        offline: `offline.csv`.

    Returns:
        The same columns without `protocol`, the metrics in the order of `CATALOGUE` and `RERANK`; others are left out.
    """
    parts = [
        found.assign(metric=prefix + found["metric"])
        for protocol, prefix in PROTOCOLS.items()
        for found in [offline[offline["protocol"] == protocol]]
    ]
    table = pd.concat(parts, ignore_index=True).drop(columns="protocol")
    place = table["metric"].map({metric: i for i, metric in enumerate(CATALOGUE + RERANK)})
    return table[place.notna()].loc[place.dropna().sort_values(kind="stable").index].reset_index(drop=True)


def liked(offline: pd.DataFrame) -> pd.DataFrame:
    """The protocol in which only movies rated above 3.5 count as found, as a comparison; may be empty."""
    return offline[offline["protocol"] == LIKED].drop(columns="protocol").reset_index(drop=True)


def users_by_metric(comparison: pd.DataFrame) -> dict[str, int]:
    """How many users each metric is of: those without a movie to be found are left out of it."""
    first = comparison.drop_duplicates("metric")
    return dict(zip(first["metric"], map(int, first["n_users"]), strict=True))
