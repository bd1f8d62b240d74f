import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, ndcg_score

from rlrec.metrics import rankings as ranking
from rlrec.policies.slates import top_slates

SEEDS = st.integers(0, 2**32 - 1)
EXACT = 1e-9


def drawn(seed, users=8, movies=30):
    """Scores without ties, and ratings of a third of the movies (0: not watched); every user has watched some."""
    rng = np.random.default_rng(seed)
    scores = rng.permuted(np.tile(rng.normal(size=movies), (users, 1)), axis=1)
    ratings = rng.integers(1, 6, (users, movies)) * (rng.random((users, movies)) < 1 / 3)
    ratings[:, 0] = 4
    return scores, ratings


def top(scores, k):
    return ranking.rank(scores, np.ones(scores.shape, bool))[:, :k]


@given(seed=SEEDS, k=st.integers(1, 30))
@settings(max_examples=40, deadline=None)
def test_ndcg_is_that_of_scikit_learn(seed, k):
    scores, ratings = drawn(seed)
    for relevance in (ratings, ratings > 3):
        with np.errstate(all="raise"):
            ours = ranking.ndcg(top(scores, k), relevance)
        judged = ~np.isnan(ours)
        theirs = [ndcg_score(relevance[[row]], scores[[row]], k=k) for row in np.flatnonzero(judged)]
        np.testing.assert_allclose(ours[judged], theirs, atol=EXACT, rtol=0)


@given(seed=SEEDS)
@settings(max_examples=40, deadline=None)
def test_average_precision_of_whole_lists_is_that_of_scikit_learn(seed):
    scores, ratings = drawn(seed)
    ours = ranking.average_precision(top(scores, scores.shape[1]), ratings)
    theirs = [average_precision_score(row > 0, own) for row, own in zip(ratings, scores, strict=True)]
    np.testing.assert_allclose(ours, theirs, atol=EXACT, rtol=0)


def test_all_metrics_are_those_of_ranx(monkeypatch):
    monkeypatch.setattr("numba.config.DISABLE_JIT", True)  # compiling ranx takes a minute
    from ranx import Qrels, Run, evaluate

    scores, ratings = drawn(seed=3, users=300, movies=60)
    qrels = Qrels(
        {f"u{u:03}": {f"m{i}": int(ratings[u, i]) for i in np.flatnonzero(ratings[u])} for u in range(len(ratings))}
    )
    run = Run({f"u{u:03}": {f"m{i}": float(s) for i, s in enumerate(row)} for u, row in enumerate(scores)})
    theirs = evaluate(qrels, run, ["ndcg@10", "recall@10", "map@10", "hit_rate@10", "map@60"], return_mean=False)
    lists = top(scores, 10)
    ours = {
        "ndcg@10": ranking.ndcg(lists, ratings),
        "recall@10": ranking.recall(lists, ratings),
        "map@10": ranking.average_precision(lists, ratings),
        "hit_rate@10": ranking.hit_rate(lists, ratings),
        "map@60": ranking.average_precision(top(scores, 60), ratings),
    }
    for name, values in ours.items():
        np.testing.assert_allclose(values, theirs[name], atol=EXACT, rtol=0, err_msg=name)
        assert name == "hit_rate@10" or len(np.unique(values)) > 10  # the comparison is of something


@given(seed=SEEDS, k=st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_a_ranking_begins_as_the_slate_that_is_recommended_ties_included(seed, k):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 4, (5, 12)).astype(float)
    candidates = rng.random((5, 12)) < 0.6
    candidates[:, :5] = True
    np.testing.assert_array_equal(ranking.rank(scores, candidates)[:, :k], top_slates(scores, candidates, k))


def test_a_ranking_holds_every_movie_once_and_candidates_first():
    scores, ratings = drawn(seed=1)
    ranked = ranking.rank(scores, ratings > 0)
    np.testing.assert_array_equal(np.sort(ranked, axis=1), np.tile(np.arange(scores.shape[1]), (len(scores), 1)))
    for row, own in enumerate(ranked):
        watched = int((ratings[row] > 0).sum())
        assert set(own[:watched]) == set(np.flatnonzero(ratings[row]))


@given(seed=SEEDS, k=st.integers(1, 30))
@settings(max_examples=40, deadline=None)
def test_the_best_list_has_an_ndcg_of_one_and_no_metric_leaves_its_range(seed, k):
    scores, ratings = drawn(seed)
    np.testing.assert_allclose(ranking.ndcg(top(ratings.astype(float), k), ratings), 1)
    for metric in (ranking.ndcg, ranking.recall, ranking.average_precision, ranking.hit_rate):
        assert ((metric(top(scores, k), ratings) >= 0) & (metric(top(scores, k), ratings) <= 1 + 1e-12)).all()


@pytest.mark.parametrize("metric", [ranking.ndcg, ranking.recall, ranking.average_precision, ranking.hit_rate])
def test_a_user_without_a_relevant_movie_is_judged_by_nobody(metric):
    found = metric(np.array([[0, 1], [0, 1]]), np.array([[0, 0, 0], [0, 1, 0]]))
    assert np.isnan(found[0])
    assert found[1] > 0


def test_novelty_counts_bits_and_a_movie_that_nobody_rated_is_as_new_as_one_that_one_user_rated():
    shares = ranking.familiarity(np.array([8, 2, 1, 0]), n_users=8)
    np.testing.assert_allclose(ranking.novelty(np.array([[0, 1], [2, 3]]), shares), [1, 3])
