"""What one library says of lists: run by `benchmarks.metrics_of_others` in an environment that has that library.

Reads JSON from standard input: `k`, and `cases` by name, each of users with a `list` of items (best first), their
falling `scores`, and `relevance` by item, at least 1. Prints as JSON, by case, the library's metrics by name: of all of
a case's users together, as it takes them.
"""

import contextlib
import json
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

Users = list[dict[str, Any]]


def _ranx(users: Users, k: int) -> dict[str, Any]:
    from ranx import Qrels, Run, evaluate

    relevant = Qrels({f"u{i}": user["relevance"] for i, user in enumerate(users)})
    run = Run({f"u{i}": _scored(user) for i, user in enumerate(users)})
    asked = {"ndcg": f"ndcg@{k}", "map": f"map@{k}", "recall": f"recall@{k}"}
    found = evaluate(relevant, run, list(asked.values()))
    return {name: found[there] for name, there in asked.items()}


def _pytrec_eval(users: Users, k: int) -> dict[str, Any]:
    import pytrec_eval

    asked = {"ndcg": f"ndcg_cut_{k}", "map": f"map_cut_{k}", "recall": f"recall_{k}"}
    measures = {f"ndcg_cut.{k}", f"map_cut.{k}", f"recall.{k}"}
    relevant = {f"u{i}": user["relevance"] for i, user in enumerate(users)}
    told = pytrec_eval.RelevanceEvaluator(relevant, measures).evaluate(
        {f"u{i}": _scored(user) for i, user in enumerate(users)}
    )
    return {name: float(np.mean([one[there] for one in told.values()])) for name, there in asked.items()}


def _scikit_learn(users: Users, k: int) -> dict[str, Any]:
    from sklearn.metrics import ndcg_score

    items = _items(users)
    truth = [[user["relevance"].get(item, 0) for item in items] for user in users]
    scores = [[_scored(user).get(item, -1.0) for item in items] for user in users]
    return {"ndcg": ndcg_score(truth, scores, k=k)}


def _rectools(users: Users, k: int) -> dict[str, Any]:
    import pandas as pd
    from rectools.metrics import MAP, NDCG, Recall

    shown = [(i, item, place) for i, user in enumerate(users) for place, item in enumerate(user["list"], 1)]
    lists = pd.DataFrame(shown, columns=["user_id", "item_id", "rank"])
    told = [(i, item, 1, "2026-01-01") for i, user in enumerate(users) for item in user["relevance"]]
    answers = pd.DataFrame(told, columns=["user_id", "item_id", "weight", "datetime"])
    asked = {"ndcg": NDCG(k=k), "map": MAP(k=k), "recall": Recall(k=k)}
    return {name: metric.calc(lists, answers) for name, metric in asked.items()}


def _implicit(users: Users, k: int) -> dict[str, Any]:
    from implicit.evaluation import ranking_metrics_at_k
    from scipy.sparse import csr_matrix

    items = _items(users)
    answers = csr_matrix([[user["relevance"].get(item, 0) for item in items] for user in users], dtype=np.float32)

    class Lists:
        def recommend(self, ids: Any, user_items: Any, N: int, **_: Any) -> Any:
            shown = [[items.index(item) for item in users[i]["list"][:N]] for i in ids]
            return np.array(shown, dtype=np.int32), np.array([users[i]["scores"][:N] for i in ids])

    found = ranking_metrics_at_k(Lists(), csr_matrix(answers.shape), answers, K=k, show_progress=False, num_threads=1)
    return {name: found[name] for name in ("ndcg", "map")}


def _recommenders(users: Users, k: int) -> dict[str, Any]:
    import pandas as pd
    from recommenders.evaluation.python_evaluation import map_at_k, ndcg_at_k, recall_at_k

    told = [(i, item, grade) for i, user in enumerate(users) for item, grade in user["relevance"].items()]
    shown = [(i, item, score) for i, user in enumerate(users) for item, score in _scored(user).items()]
    truth = pd.DataFrame(told, columns=["userID", "itemID", "rating"])
    lists = pd.DataFrame(shown, columns=["userID", "itemID", "prediction"])
    asked = {"ndcg": ndcg_at_k, "map": map_at_k, "recall": recall_at_k}
    return {name: metric(truth, lists, k=k) for name, metric in asked.items()}


def _cornac(users: Users, k: int) -> dict[str, Any]:
    from cornac.metrics import MAP, NDCG, Recall

    items, found = _items(users), []
    for user in users:
        liked = np.array([items.index(item) for item in user["relevance"]], dtype=int)
        order = np.array([items.index(item) for item in user["list"]])
        scores = np.array([_scored(user).get(item, -1.0) for item in items])
        everything = np.arange(len(items))
        found.append(
            (
                NDCG(k=k).compute(gt_pos=liked, pd_rank=order),
                MAP().compute(item_indices=everything, pd_scores=scores, gt_pos=liked),
                Recall(k=k).compute(gt_pos=liked, pd_rank=order),
            )
        )
    return dict(zip(("ndcg", "map", "recall"), np.mean(found, axis=0), strict=True))


def _lenskit(users: Users, k: int) -> dict[str, Any]:
    import pandas as pd
    from lenskit import topn

    told = [(i, item, float(grade)) for i, user in enumerate(users) for item, grade in user["relevance"].items()]
    shown = [("x", i, item, place) for i, user in enumerate(users) for place, item in enumerate(user["list"], 1)]
    truth = pd.DataFrame(told, columns=["user", "item", "rating"])
    lists = pd.DataFrame(shown, columns=["Algorithm", "user", "item", "rank"])
    analysis = topn.RecListAnalysis()
    analysis.add_metric(topn.ndcg, k=k)
    analysis.add_metric(topn.recall, k=k)
    found = analysis.compute(lists, truth, include_missing=True)
    return {"ndcg": found["ndcg"].mean(), "recall": found["recall"].mean()}


def _recbole(users: Users, k: int) -> dict[str, Any]:
    from recbole.evaluator.metrics import MAP, NDCG, Recall

    vars(np)["float"] = float  # which RecBole still asks numpy for
    hits = np.array([[item in user["relevance"] for item in user["list"][:k]] for user in users])
    sizes = np.array([len(user["relevance"]) for user in users])
    config = {"topk": [k], "metric_decimal_place": 10}
    asked = {"ndcg": NDCG(config), "map": MAP(config), "recall": Recall(config)}
    return {name: metric.metric_info(hits, sizes)[:, k - 1].mean() for name, metric in asked.items()}


def _scored(user: dict[str, Any]) -> dict[str, float]:
    return dict(zip(user["list"], user["scores"], strict=True))


def _items(users: Users) -> list[str]:
    return sorted({item for user in users for item in [*user["list"], *user["relevance"]]})


LIBRARIES: dict[str, Callable[[Users, int], dict[str, Any]]] = {
    "ranx": _ranx,
    "pytrec_eval-terrier": _pytrec_eval,
    "scikit-learn": _scikit_learn,
    "rectools": _rectools,
    "implicit": _implicit,
    "recommenders": _recommenders,
    "cornac": _cornac,
    "lenskit": _lenskit,
    "recbole": _recbole,
}
"""By the name under which each is installed."""


def answer(library: str, users: Users, k: int) -> dict[str, Any]:
    """A library's metrics of users by name; `error` where it refuses them."""
    metrics = LIBRARIES[library]
    try:
        return {name: float(value) for name, value in metrics(users, k).items()}
    except Exception as error:  # what a library makes of such users is what is asked
        return {"error": f"{type(error).__name__}: {error}".splitlines()[0]}


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):  # some greet
        asked = json.load(sys.stdin)
        told = {case: answer(sys.argv[1], users, asked["k"]) for case, users in asked["cases"].items()}
    print(json.dumps(told))
