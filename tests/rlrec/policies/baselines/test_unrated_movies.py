"""Movies that no training user has rated: where each baseline that learns from ratings alone puts them."""

from dataclasses import replace

import numpy as np
import pytest
from camps import camps
from scipy import sparse

from rlrec.policies.baselines.registry import BASELINES, INTERACTIVE_BASELINES, OFFLINE_BASELINES

UNRATED = [7, 50]
"""One of either camp, if anybody had rated it."""
SETS = {"simulator": BASELINES, "offline": OFFLINE_BASELINES, "interactive": INTERACTIVE_BASELINES}


@pytest.fixture(scope="module")
def ratings():
    stars = camps().ratings.toarray()
    stars[:, UNRATED] = 0
    return stars


def shares_before(scores, rated):
    """Of the movies that a user may still be shown, the share that stands before each unrated one; `(B, 2)`."""
    left = np.where(rated > 0, np.nan, scores)
    return np.array([[np.mean(row[~np.isnan(row)] > row[movie]) for movie in UNRATED] for row in left])


@pytest.mark.parametrize(
    ("where", "name", "place"),
    [
        *[("offline", name, "last") for name in ("item_knn", "ease", "ease_recency", "rp3beta")],
        ("interactive", "item_knn", "last"),
        ("interactive", "bpr", "last"),
        *[(where, name, "middle") for where in ("offline", "interactive") for name in ("als", "ials")],
        *[("simulator", name, "middle") for name in ("item_knn", "ease", "bpr")],
        ("interactive", "ease", "middle"),
    ],
)
def test_a_movie_that_nobody_rated_stands_where_the_docs_say(ratings, where, name, place):
    policy = SETS[where][name](replace(camps(), ratings=sparse.csr_array(ratings)))
    rated = ratings[:20].copy()
    scores = np.asarray(policy.predict(sparse.csr_array(rated)))
    before = shares_before(scores, rated)
    # Nothing is known of either, so that nobody gets the one before the other.
    assert scores[:, UNRATED[0]] == pytest.approx(scores[:, UNRATED[1]], abs=1e-6)
    if place == "last":
        assert before.min() > 0.9
    else:
        assert 0.3 < before.mean() < 0.85
    if name in ("als", "ials"):
        assert np.abs(scores[:, UNRATED]).max() < 1e-6
    if name == "ials":
        assert (scores < -1e-6).any()  # and these stand behind
